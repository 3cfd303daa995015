package packaging

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A Watch is asked, once for every regular file of a layer and before its
// first byte, for a writer that is handed the file's bytes in order; nil if
// nobody wants them. It is called from several goroutines. What it is handed
// is not verified before the layer's sink was closed with nil. The same path
// may come more than once: from several layers, from an archive that holds it
// twice (the last counts in an image), and for a layer that has several names.
type Watch func(layer artifact.Digest, path string, size int64) io.Writer

// A Plan says which blobs to read so that every file of some images is known,
// each distinct blob once, however often it stands in the manifests.
type Plan struct {
	images  []*Image
	blobs   []Blob
	sinks   map[sinkKey]*Sink
	configs map[artifact.Digest]*capture
}

// A Blob is one blob to be read. Its Sink is closed by whoever reads it: with
// nil only after size and digest matched.
type Blob struct {
	artifact.Descriptor
	What  string   // "config" or "layer"
	Files []string // paths of Raw files and directories in it; untrusted
	Sink  *Fan
}

// sinkKey tells the ways apart in which one blob may have to be read: an ORAS
// artifact and an image may hold the same one.
type sinkKey struct {
	digest   artifact.Digest
	encoding Encoding
	path     string
}

// NewPlan plans the reading of one or more images, in their order: each
// image's configuration first, then its layers. It fails with ErrMalformed
// where two images give one digest two sizes.
func NewPlan(images []*Image, watch Watch) (*Plan, error) {
	p := &Plan{images: images, sinks: map[sinkKey]*Sink{}, configs: map[artifact.Digest]*capture{}}
	shared := new(budget)
	at := map[artifact.Digest]int{}
	for _, m := range images {
		b, err := p.blob(at, m.Config, "config")
		if err != nil {
			return nil, err
		}
		if p.configs[m.Config.Digest] == nil {
			c := &capture{limit: MaxConfig}
			p.configs[m.Config.Digest] = c
			b.Sink.add(c)
		}
		for i := range m.Layers {
			l := m.Layers[i]
			b, err := p.blob(at, l.Descriptor, "layer")
			if err != nil {
				return nil, err
			}
			key := l.key()
			if p.sinks[key] != nil {
				continue
			}
			var watcher func(string, int64) io.Writer
			if watch != nil {
				watcher = func(path string, size int64) io.Writer { return watch(l.Digest, path, size) }
			}
			p.sinks[key] = newSink(l, watcher, shared)
			b.Sink.add(p.sinks[key])
			if l.Path != "" {
				b.Files = append(b.Files, l.Path)
			}
		}
	}
	return p, nil
}

func (l *Layer) key() sinkKey { return sinkKey{l.Digest, l.Encoding, l.Path} }

func (p *Plan) blob(at map[artifact.Digest]int, d artifact.Descriptor, what string) (*Blob, error) {
	i, ok := at[d.Digest]
	if !ok {
		i = len(p.blobs)
		at[d.Digest] = i
		p.blobs = append(p.blobs, Blob{Descriptor: d, What: what, Sink: new(Fan)})
	}
	if size := p.blobs[i].Size; size != d.Size {
		return nil, fmt.Errorf("%w: %v with sizes %d and %d", ErrMalformed, d.Digest, size, d.Size)
	}
	return &p.blobs[i], nil
}

// Blobs returns the distinct blobs in the order in which they are best read.
func (p *Plan) Blobs() []Blob { return p.blobs }

// Contents puts together the i-th image. Every blob of it must have been read;
// else it fails with ErrUnverified.
func (p *Plan) Contents(i int) (Contents, error) {
	m := p.images[i]
	c := p.configs[m.Config.Digest]
	if !c.sound {
		return Contents{}, fmt.Errorf("%w: config %v", ErrUnverified, m.Config.Digest)
	}
	sinks := make([]*Sink, len(m.Layers))
	for j := range m.Layers {
		sinks[j] = p.sinks[m.Layers[j].key()]
	}
	contents, err := Merge(m, c.bytes(), sinks)
	if err != nil {
		return Contents{}, fmt.Errorf("putting layers together: %w", err)
	}
	if c.over {
		contents.Findings = append(contents.Findings, provenance.Finding{ID: provenance.CodeLimitExceeded, Subject: m.Config.Digest.String(), Digest: m.Config.Digest,
			Detail: fmt.Sprintf("the configuration has %d bytes and is not read beyond %d", m.Config.Size, MaxConfig)})
	}
	return contents, nil
}

// A closer is what a Fan hands bytes to.
type closer interface {
	io.Writer
	Close(err error) error
}

// A Fan hands one blob's bytes to everybody who needs them.
type Fan struct {
	to     []closer
	failed []error
}

func (f *Fan) add(c closer) {
	f.to = append(f.to, c)
	f.failed = append(f.failed, nil)
}

// Write hands p to all. One that failed is left out from then on, and Close
// tells it so.
func (f *Fan) Write(p []byte) (int, error) {
	for i, w := range f.to {
		if f.failed[i] == nil {
			f.failed[i] = write(w, p)
		}
	}
	return len(p), nil
}

func write(w io.Writer, p []byte) (err error) {
	defer caught(&err)
	_, err = w.Write(p)
	return err
}

// Close closes all, each with err or its own failure, and returns the
// failures.
func (f *Fan) Close(err error) error {
	var all []error
	for i, c := range f.to {
		all = append(all, f.failed[i], c.Close(errors.Join(err, f.failed[i])))
	}
	return errors.Join(all...)
}

// A capture keeps a small blob.
type capture struct {
	buf   bytes.Buffer
	limit int
	over  bool
	sound bool
}

func (c *capture) Write(p []byte) (int, error) {
	if c.buf.Len()+len(p) > c.limit {
		c.over = true
		c.buf = bytes.Buffer{}
		c.limit = -1
	}
	if !c.over {
		c.buf.Write(p)
	}
	return len(p), nil
}

func (c *capture) Close(err error) error {
	c.sound = err == nil
	return nil
}

func (c *capture) bytes() []byte {
	if c.over {
		return nil
	}
	return c.buf.Bytes()
}
