package packaging

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// twoImages share one blob, which is a file in the first and, twice, an
// archive in the second.
func twoImages(t testing.TB) (images []*Image, blobs map[artifact.Digest][]byte) {
	shared := tarOf(t, item{name: "models/a", body: "a"})
	config := []byte(`{}`)
	blobs = map[artifact.Digest][]byte{artifact.SumSHA256(shared): shared, artifact.SumSHA256(config): config}
	d := artifact.Descriptor{MediaType: "test", Digest: artifact.SumSHA256(config), Size: int64(len(config))}
	raw, archive := layerOf(shared, Raw), layerOf(shared, Tar)
	raw.Path = "layer.tar"
	return []*Image{
		{Packaging: ORAS, Config: d, Layers: []Layer{raw}},
		{Packaging: Container, Config: d, Layers: []Layer{archive, archive}},
	}, blobs
}

func TestPlan(t *testing.T) {
	images, blobs := twoImages(t)
	var mu sync.Mutex
	var watched []string
	p, err := NewPlan(images, func(_ artifact.Digest, path string, _ int64) io.Writer {
		mu.Lock()
		defer mu.Unlock()
		watched = append(watched, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(p.Blobs()); n != 2 {
		t.Fatalf("%d blobs, want 2", n)
	}
	for i := range images {
		if _, err := p.Contents(i); !errors.Is(err, ErrUnverified) {
			t.Errorf("before reading: %v", err)
		}
	}
	for i, b := range p.Blobs() {
		if _, err := b.Sink.Write(blobs[b.Digest]); err != nil {
			t.Fatal(err)
		}
		if err := b.Sink.Close(nil); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Contents(0); i == 0 && !errors.Is(err, ErrUnverified) {
			t.Errorf("with a configuration alone: %v", err)
		}
	}
	for i, want := range []string{"layer.tar", "models/a"} {
		c, err := p.Contents(i)
		if err != nil || paths(c.Files) != want || len(c.Findings) != 0 || string(c.Config) != "{}" {
			t.Errorf("%d: %+v %v", i, c, err)
		}
	}
	if len(watched) != 2 {
		t.Errorf("watched %q", watched)
	}
}

func TestPlanDenies(t *testing.T) {
	images, blobs := twoImages(t)
	images[1].Layers[0].Size++
	if _, err := NewPlan(images, nil); !errors.Is(err, ErrMalformed) {
		t.Errorf("two sizes: %v", err)
	}
	// Either blob's failure silences the image.
	for fails := range 2 {
		images, _ := twoImages(t)
		p, err := NewPlan(images, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, b := range p.Blobs() {
			_, _ = b.Sink.Write(blobs[b.Digest])
			var err error
			if i == fails {
				err = artifact.ErrDigestMismatch
			}
			_ = b.Sink.Close(err)
		}
		if c, err := p.Contents(1); !errors.Is(err, ErrUnverified) || c.Files != nil {
			t.Errorf("blob %d: %v", fails, err)
		}
	}
	// So does a watcher's.
	images, _ = twoImages(t)
	p, _ := NewPlan(images, func(_ artifact.Digest, path string, _ int64) io.Writer { return badWatcher{panics: path == "models/a"} })
	for _, b := range p.Blobs() {
		_, _ = b.Sink.Write(blobs[b.Digest])
		if err := b.Sink.Close(nil); (err != nil) != (b.What == "layer") {
			t.Errorf("%s: %v", b.What, err)
		}
	}
	for i := range images {
		if _, err := p.Contents(i); !errors.Is(err, ErrUnverified) {
			t.Errorf("image %d: %v", i, err)
		}
	}
}

func TestPlanLongConfig(t *testing.T) {
	for _, size := range []int{MaxConfig, MaxConfig + 1} {
		images, blobs := twoImages(t)
		config := bytes.Repeat([]byte(" "), size)
		d := artifact.Descriptor{MediaType: "test", Digest: artifact.SumSHA256(config), Size: int64(size)}
		blobs[d.Digest] = config
		images[0].Config = d
		p, err := NewPlan(images[:1], nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range p.Blobs() {
			for rest := blobs[b.Digest]; len(rest) > 0; rest = rest[min(len(rest), 1<<20):] {
				_, _ = b.Sink.Write(rest[:min(len(rest), 1<<20)])
			}
			if err := b.Sink.Close(nil); err != nil {
				t.Fatal(err)
			}
		}
		c, err := p.Contents(0)
		if over := size > MaxConfig; err != nil || (c.Config == nil) != over || has(c.Findings, provenance.CodeLimitExceeded) != over {
			t.Errorf("%d bytes: %v %v", size, c.Findings, err)
		}
	}
}
