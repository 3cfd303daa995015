package blob

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

var someArtifact = artifact.SumSHA256([]byte("some artifact"))

func quarantine(t *testing.T, dir string) *Quarantine {
	t.Helper()
	q, err := OpenQuarantine(QuarantineConfig{Dir: dir, Subject: someArtifact, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n)}).Read(b)
	return b
}

func describe2(b []byte) artifact.Descriptor {
	return artifact.Descriptor{Digest: artifact.SumSHA256(b), Size: int64(len(b))}
}

// A fetch is one run over one blob. It breaks off after cut bytes of the
// network, and tells how many came from there.
func fetch(t *testing.T, q *Quarantine, data []byte, cut int) (*Part, int64, error) {
	t.Helper()
	part, err := q.Part(describe2(data))
	if err != nil {
		t.Fatal(err)
	}
	var fetched int64
	errs := Stream(t.Context(), Config{Workers: 1}, []Job{{
		Want: describe2(data), Sink: part, Mark: part.Mark,
		Open: func(ctx context.Context) (io.ReadCloser, error) {
			return part.Open(ctx, func(_ context.Context, offset int64) (io.ReadCloser, error) {
				rest := data[offset:]
				var end error
				if cut >= 0 && cut < len(rest) {
					rest, end = rest[:cut], errors.New("the cable was cut")
				}
				fetched = int64(len(rest))
				return io.NopCloser(io.MultiReader(bytes.NewReader(rest), failing{end})), nil
			})
		},
	}})
	return part, fetched, errs[0]
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err == nil {
		return 0, io.EOF
	}
	return 0, f.err
}

func TestPart(t *testing.T) {
	for name, size := range map[string]int{"empty": 0, "small": 100, "edge": smallFile, "blocks": 3 * maxBlock, "odd": MarkEvery + 12345} {
		t.Run(name, func(t *testing.T) {
			q := quarantine(t, filepath.Join(t.TempDir(), "model"))
			data := random(size)
			part, _, err := fetch(t, q, data, -1)
			if err != nil || !part.whole {
				t.Fatalf("whole %v: %v", part.whole, err)
			}
			got, err := os.ReadFile(filepath.Join(q.home.Name(), q.name, part.Stored().Name()))
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("%d bytes, want %d: %v", len(got), size, err)
			}
			if names, _ := listNames(q.root, "."); len(names) != 1 {
				t.Errorf("left %q", names)
			}
			if err := errors.Join(q.Remove(), q.Close()); err != nil {
				t.Error(err)
			}
		})
	}
}

// What a run left is hashed again, and not fetched again.
func TestPartResumes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "model")
	data := random(3*MarkEvery + 777)
	q := quarantine(t, dir)
	if _, _, err := fetch(t, q, data, 2*MarkEvery+500); err == nil {
		t.Fatal("not interrupted")
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = quarantine(t, dir)
	part, fetched, err := fetch(t, q, data, -1)
	if err != nil || !part.whole {
		t.Fatal(err)
	}
	if part.Kept() < MarkEvery || fetched != int64(len(data))-part.Kept() {
		t.Errorf("%d of %d bytes fetched, %d kept", fetched, len(data), part.Kept())
	}
	if err := q.Close(); err != nil { // whole blobs are left too
		t.Fatal(err)
	}
	q = quarantine(t, dir)
	defer q.Close()
	if part, fetched, err = fetch(t, q, data, -1); err != nil || fetched != 0 || part.Kept() != int64(len(data)) {
		t.Errorf("%d bytes of a whole blob fetched: %v", fetched, err)
	}
}

// Damaged bytes are found, never placed, and gone for the next attempt.
func TestPartSpoiled(t *testing.T) {
	data := random(3 * MarkEvery)
	for name, c := range map[string]struct {
		cut    int
		offset int64
		ending string
	}{
		"in part":         {2*MarkEvery + 500, 100, partEnding},
		"whole":           {-1, 2 * MarkEvery, ""},
		"at the very end": {-1, 3*MarkEvery - 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "model")
			q := quarantine(t, dir)
			part, _, _ := fetch(t, q, data, c.cut)
			file := filepath.Join(q.home.Name(), q.name, part.Stored().Name()+c.ending)
			if err := q.Close(); err != nil {
				t.Fatal(err)
			}
			flip(t, file, c.offset)
			q = quarantine(t, dir)
			defer q.Close()
			part, fetched, err := fetch(t, q, data, -1)
			if err == nil || part.whole || part.Kept() == 0 {
				t.Fatalf("kept %d: %v", part.Kept(), err)
			}
			if c.cut >= 0 && fetched > MarkEvery*2 {
				t.Errorf("%d bytes fetched for nothing", fetched)
			}
			if part, _, err = fetch(t, q, data, -1); err != nil || part.Kept() != 0 || !part.whole {
				t.Errorf("again: kept %d: %v", part.Kept(), err)
			}
		})
	}
}

func flip(t *testing.T, name string, offset int64) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], offset); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1
	if _, err := f.WriteAt(b[:], offset); err != nil {
		t.Fatal(err)
	}
}

// A mark is old or new, whatever happens while it is written.
func TestMarksAreWhole(t *testing.T) {
	d := describe2([]byte("x")).Digest
	size := int64(10 * MarkEvery)
	older, newer := keptMark{MarkEvery, []byte("older")}, keptMark{2 * MarkEvery, []byte("newer")}
	f, err := os.Create(filepath.Join(t.TempDir(), "marks"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := writeMark(f, 0, older, d, size); err != nil {
		t.Fatal(err)
	}
	full, err := encodeMark(newer, d, size)
	if err != nil {
		t.Fatal(err)
	}
	for n := range slotSize + 1 {
		if _, err := f.WriteAt(full[:n], slotApart); err != nil {
			t.Fatal(err)
		}
		want := older
		if bytes.Equal(full[n:], make([]byte, slotSize-n)) {
			want = newer
		}
		if n < slotSize && n > 0 {
			_ = f.Truncate(slotApart + int64(n))
		}
		m, slot := readMarks(f, d, size)
		if n < slotSize {
			want = older
		}
		if m.offset != want.offset || !bytes.Equal(m.state, want.state) || slot != int(want.offset/MarkEvery)-1 {
			t.Fatalf("after %d bytes: %+v", n, m)
		}
	}
	for name, c := range map[string]struct {
		d    artifact.Digest
		size int64
	}{"another blob": {someArtifact, size}, "another size": {d, size + 1}, "beyond the end": {d, MarkEvery - 1}} {
		if m, _ := readMarks(f, c.d, c.size); m.offset != 0 {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

// Two quarantines for one folder are two folders; what somebody else may write
// into is not used, and success leaves nothing of earlier runs.
func TestQuarantineIsPrivate(t *testing.T) {
	home := t.TempDir()
	dir := filepath.Join(home, "model")
	a, b := quarantine(t, dir), quarantine(t, dir)
	if a.name == b.name {
		t.Fatalf("both work in %q", a.name)
	}
	info, err := os.Stat(filepath.Join(home, a.name))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	_, _, _ = fetch(t, b, random(100), -1)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	open := filepath.Join(home, a.mark+someArtifact.Hex()[:12]+".3")
	if err := errors.Join(os.Mkdir(open, 0o700), os.Chmod(open, 0o777)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(t.TempDir(), filepath.Join(home, a.mark+someArtifact.Hex()[:12]+".4")); err != nil {
		t.Fatal(err)
	}
	c, d := quarantine(t, dir), quarantine(t, dir)
	if c.name != b.name || !strings.HasSuffix(d.name, ".5") {
		t.Errorf("took %q and %q", c.name, d.name)
	}
	if err := errors.Join(c.Close(), d.Close(), a.Remove(), a.Close()); err != nil {
		t.Fatal(err)
	}
	entries, _ := os.ReadDir(home)
	if len(entries) != 2 { // what is not ours
		t.Errorf("left %v", entries)
	}
}
