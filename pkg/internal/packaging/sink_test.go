package packaging

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// TestBudget: entries are counted over all layers of a plan.
func TestBudget(t *testing.T) {
	b := tarOf(t, plain...)
	shared := new(budget)
	shared.entries.Store(maxEntries - int64(len(plain)))
	m := &Image{Packaging: ModelKit, Layers: []Layer{layerOf(b, Tar)}}
	s := feed(t, newSink(m.Layers[0], nil, shared), b)
	if _, err := Merge(m, nil, []*Sink{s}); err != nil {
		t.Errorf("twin: %v", err)
	}
	shared.entries.Store(maxEntries - int64(len(plain)) + 1)
	s = feed(t, newSink(m.Layers[0], nil, shared), b)
	if _, found, err := s.Files(); err != nil || !has(found, provenance.CodeLimitExceeded) {
		t.Errorf("%v %v", found, err)
	}
	if _, err := Merge(m, nil, []*Sink{s}); !errors.Is(err, ErrLimit) {
		t.Errorf("got %v", err)
	}
}

// TestSinkSilence: nothing is told before Close(nil), or after a failure.
func TestSinkSilence(t *testing.T) {
	b := tarOf(t, plain...)
	for _, e := range []Encoding{Raw, Tar} {
		l := layerOf(b, e)
		m := &Image{Packaging: ModelPack, Layers: []Layer{l}}
		open := NewSink(l, nil)
		_, _ = open.Write(b)
		refused := NewSink(l, nil)
		_, _ = refused.Write(b)
		if err := refused.Close(artifact.ErrDigestMismatch); err != nil {
			t.Error(err)
		}
		unread := NewSink(l, nil)
		_ = unread.Close(io.ErrUnexpectedEOF)
		for name, s := range map[string]*Sink{"open": open, "refused": refused, "unread": unread, "never closed": NewSink(l, nil)} {
			files, found, err := s.Files()
			if !errors.Is(err, ErrUnverified) || files != nil || found != nil {
				t.Errorf("%v, %s: %v %v %v", e, name, files, found, err)
			}
			if _, err := Merge(m, nil, []*Sink{s}); !errors.Is(err, ErrUnverified) {
				t.Errorf("%v, %s: merged, %v", e, name, err)
			}
		}
		_ = open.Close(io.ErrUnexpectedEOF)
		done := feed(t, NewSink(l, nil), b)
		if err := done.Close(nil); !errors.Is(err, errClosed) {
			t.Errorf("closed twice: %v", err)
		}
		if _, err := done.Write(b); !errors.Is(err, errClosed) {
			t.Errorf("written after: %v", err)
		}
		if _, _, err := done.Files(); err != nil {
			t.Error(err)
		}
		if _, err := Merge(m, nil, nil); !errors.Is(err, ErrUnverified) {
			t.Errorf("no sinks: %v", err)
		}
		if _, err := Merge(m, nil, []*Sink{nil}); !errors.Is(err, ErrUnverified) {
			t.Errorf("nil sink: %v", err)
		}
	}
}

type badWatcher struct{ panics bool }

var errWatcher = errors.New("watcher")

func (w badWatcher) Write([]byte) (int, error) {
	if w.panics {
		panic("watcher")
	}
	return 0, errWatcher
}

// TestWatcherFails: an inspector that fails or panics ends in "not verified".
func TestWatcherFails(t *testing.T) {
	b := tarOf(t, plain...)
	for _, e := range []Encoding{Raw, Tar} {
		for _, panics := range []bool{false, true} {
			s := NewSink(layerOf(b, e), func(string, int64) io.Writer { return badWatcher{panics} })
			_, werr := s.Write(b)
			cerr := s.Close(werr)
			if err := errors.Join(werr, cerr); !errors.Is(err, errWatcher) && !errors.Is(err, ErrPanic) {
				t.Errorf("%v: %v", e, err)
			}
			if _, _, err := s.Files(); !errors.Is(err, ErrUnverified) {
				t.Errorf("%v: %v", e, err)
			}
		}
	}
}

// FuzzLayerSink: no bytes make a sink panic, hang or tell more than the limits
// allow; every name it lists is safe.
func FuzzLayerSink(f *testing.F) {
	b := tarOf(f, append(slices.Clone(plain), item{name: "l", kind: tar.TypeSymlink, link: "a"}, item{name: "h", kind: tar.TypeLink, link: "empty"}, item{name: "../x"})...)
	f.Add(b, uint8(Tar))
	f.Add(gzipOf(f, b), uint8(TarGzip))
	f.Add(zstdOf(f, b), uint8(TarZstd))
	f.Add([]byte("raw"), uint8(Raw))
	f.Fuzz(func(t *testing.T, b []byte, e uint8) {
		l := layerOf(b, Encoding(e%4))
		watched := map[string]int64{}
		s := NewSink(l, func(path string, size int64) io.Writer {
			watched[path] = size
			return nil
		})
		if _, err := s.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(nil); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(nil); err == nil {
			t.Fatal("closed twice")
		}
		files, found, err := s.Files()
		if err != nil || len(found) > maxFindings+20 {
			t.Fatal(err, len(found))
		}
		var total int64
		for _, file := range files {
			checkName(t, file.Path)
			if file.Digest.Algorithm() != artifact.SHA256 || file.Size < 0 {
				t.Fatalf("%+v", file)
			}
			if size, ok := watched[file.Path]; ok && l.Encoding == Raw && size != file.Size {
				t.Fatalf("%+v: watched %d", file, size)
			}
			total = max(total, file.Size)
		}
		if total > freeExpansion+maxRatio*int64(len(b)) {
			t.Fatalf("%d bytes in files of a layer of %d", total, len(b))
		}
		m := &Image{Packaging: Container, Layers: []Layer{l}}
		contents, err := Merge(m, nil, []*Sink{s})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := artifact.ContentIdentity(contents.Files); err != nil && len(contents.Files) > 0 && !has(contents.Findings, provenance.CodeEmptyArtifact) {
			t.Fatal(err)
		}
	})
}

// BenchmarkSink measures how fast an archive's one large file is hashed.
func BenchmarkSink(b *testing.B) {
	body := tarOf(b, item{name: "model.safetensors", body: strings.Repeat("0123456789abcdef", 4<<20)})
	layers := map[Encoding][]byte{Raw: body, Tar: body, TarGzip: gzipOf(b, body), TarZstd: zstdOf(b, body)}
	for _, e := range []Encoding{Raw, Tar, TarGzip, TarZstd} {
		b.Run(e.String(), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				s := NewSink(layerOf(nil, e), nil)
				s.layer.Size = int64(len(body))
				for rest := range slices.Chunk(layers[e], 256<<10) {
					if _, err := s.Write(rest); err != nil {
						b.Fatal(err)
					}
				}
				if err := s.Close(nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkManyEntries measures the memory of as many files as are allowed.
func BenchmarkManyEntries(b *testing.B) {
	var items []item
	for i := range maxEntries - 1 {
		items = append(items, item{name: fmt.Sprintf("directory%d/sub/file-with-a-name-%d.bin", i/100, i)})
	}
	body := tarOf(b, items...)
	items = nil
	m := &Image{Packaging: Container, Layers: []Layer{layerOf(body, Tar)}}
	for b.Loop() {
		var before, peak, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		s := feed(b, NewSink(m.Layers[0], nil), body)
		c, err := Merge(m, nil, []*Sink{s})
		if err != nil {
			b.Fatal(err)
		}
		runtime.ReadMemStats(&peak)
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(peak.HeapInuse-before.HeapInuse)/(1<<20), "MiB-with-garbage")
		b.ReportMetric(float64(after.HeapInuse-before.HeapInuse)/(1<<20), "MiB-kept")
		runtime.KeepAlive(c)
		runtime.KeepAlive(s)
	}
}
