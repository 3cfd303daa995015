package check

import (
	"io"
	pathpkg "path"
	"sync"
	"sync/atomic"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/oms"
	"github.com/modelcheck/modelcheck/pkg/internal/blob"
	"github.com/modelcheck/modelcheck/pkg/internal/disclose"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect"
)

const (
	// maxDocument bounds one captured document in bytes. The longest model card
	// of the seed models has 23 kB, the longest configuration 14 kB.
	maxDocument = 1 << 20
	// maxCaptured bounds all captured documents of an artifact together, so
	// that memory stays constant whatever an artifact holds.
	maxCaptured = 16 << 20
)

// A gallery holds a watcher for every file that streams by, and what they saw
// once the bytes were proved. It is used by several goroutines.
type gallery struct {
	captured atomic.Int64
	mu       sync.Mutex
	watching map[artifact.Digest]map[string]*watcher // by blob and path
	proved   map[artifact.Digest]map[string]*watcher
	tensors  *inspect.TensorBudget                                              // nil where nobody asked for tensors
	hashers  func(layer artifact.Digest, path string, size int64) []*oms.Hasher // called under mu
}

func (e *examination) newGallery() *gallery {
	g := &gallery{
		watching: map[artifact.Digest]map[string]*watcher{},
		proved:   map[artifact.Digest]map[string]*watcher{},
		hashers:  e.hashers,
	}
	if e.cfg.Tensors || e.tensors {
		g.tensors = inspect.NewTensorBudget(inspect.MaxTensorTable)
	}
	return g
}

// watch is a packaging.Watch. Where a path comes twice in one blob, the last
// counts, as it does for who unpacks it.
func (g *gallery) watch(layer artifact.Digest, path string, size int64) io.Writer {
	w := g.newWatcher(path, size)
	g.mu.Lock()
	defer g.mu.Unlock()
	w.hashers = g.hashers(layer, path, size)
	if g.watching[layer] == nil {
		g.watching[layer] = map[string]*watcher{}
	}
	g.watching[layer][path] = w
	return w
}

// settle is told what became of a blob. Only now, and only if it matched, are
// the facts taken from it facts.
func (g *gallery) settle(layer artifact.Digest, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err == nil {
		g.proved[layer] = g.watching[layer]
	}
	delete(g.watching, layer)
}

// seen returns what was seen of a file, nil where its blob was not proved.
func (g *gallery) seen(layer artifact.Digest, path string) *watcher {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.proved[layer][path]
}

// adopt gives hard links, which have no bytes of their own in an archive, what
// was seen under the other name of the same content.
func (g *gallery) adopt(files []artifact.File) {
	type content struct{ layer, file artifact.Digest }
	g.mu.Lock()
	defer g.mu.Unlock()
	watched := map[content]*watcher{}
	for _, f := range files {
		if w := g.proved[f.Layer][f.Path]; w != nil {
			watched[content{f.Layer, f.Digest}] = w
		}
	}
	for _, f := range files {
		if w := watched[content{f.Layer, f.Digest}]; w != nil && g.proved[f.Layer][f.Path] == nil {
			g.proved[f.Layer][f.Path] = w
		}
	}
}

// guarded is a sink whose gallery learns how it ended.
type guarded struct {
	blob.Sink
	gallery *gallery
	layer   artifact.Digest
}

func (s *guarded) Close(err error) error {
	cerr := s.Sink.Close(err)
	if err == nil {
		err = cerr
	}
	s.gallery.settle(s.layer, err)
	return cerr
}

// A watcher sees the bytes of one file as they stream by, in fixed memory, and
// lets go of its windows after the last one: an archive may hold many files.
type watcher struct {
	left  int64
	sink  *inspect.Sink // nil after the last byte
	text  []byte        // a whole document; nil where nobody reads it or it is too large to keep
	facts inspect.Facts

	hashers []*oms.Hasher // of signatures over the model's files

	tensorSink *inspect.TensorSink // nil after the last byte, and where nobody asked
	tensors    []inspect.TensorDigest
	tensorErr  error
}

func (g *gallery) newWatcher(path string, size int64) *watcher {
	w := &watcher{left: size, sink: inspect.New(path, size)}
	if g.tensors != nil {
		w.tensorSink = inspect.NewTensorSink(path, size, g.tensors)
	}
	if disclose.Wanted(path) || inspect.Wanted(path) || pathpkg.Base(path) == signatureFile {
		// What does not fit is hashed and not kept; the record says so.
		if size <= maxDocument && g.take(size) {
			w.text = make([]byte, 0, size)
		}
	}
	w.finish()
	return w
}

func (g *gallery) take(n int64) bool {
	if g.captured.Add(n) > maxCaptured {
		g.captured.Add(-n)
		return false
	}
	return true
}

func (w *watcher) Write(p []byte) (int, error) {
	if w.sink == nil {
		return len(p), nil
	}
	if w.text != nil {
		w.text = append(w.text, p...)
	}
	for _, h := range w.hashers {
		_, _ = h.Write(p)
	}
	if w.tensorSink != nil {
		_, _ = w.tensorSink.Write(p)
	}
	_, err := w.sink.Write(p)
	w.left -= int64(len(p))
	w.finish()
	return len(p), err
}

func (w *watcher) finish() {
	if w.left > 0 {
		return
	}
	w.facts, w.sink = w.sink.Facts(), nil
	if w.tensorSink != nil {
		w.tensors, w.tensorErr = w.tensorSink.Tensors()
		w.tensorSink = nil
	}
}

// file is the sink for a file of a plain folder, which is its own blob. No
// digest names it before it is read, so the gallery knows it by its path.
func (g *gallery) file(path string, size int64) blob.Sink {
	w := g.newWatcher(path, size)
	g.mu.Lock()
	defer g.mu.Unlock()
	w.hashers = g.hashers(artifact.Digest{}, path, size)
	return &treeFile{watcher: w, gallery: g, path: path}
}

type treeFile struct {
	*watcher
	gallery *gallery
	path    string
}

func (t *treeFile) Close(err error) error {
	if err != nil {
		return nil
	}
	t.gallery.mu.Lock()
	defer t.gallery.mu.Unlock()
	none := artifact.Digest{}
	if t.gallery.proved[none] == nil {
		t.gallery.proved[none] = map[string]*watcher{}
	}
	t.gallery.proved[none][t.path] = t.watcher
	return nil
}
