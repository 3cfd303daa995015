package check_test

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
)

const (
	pullRefVar = "MODELCHECK_TEST_PULL_REF"
	pullDirVar = "MODELCHECK_TEST_PULL_DIR"
)

// go test ./pkg/check -run TestPullKilled -args -kills 100 -killed 512
var (
	kills  = flag.Int("kills", 20, "how many pulls TestPullKilled ends")
	killed = flag.Int("killed", 70, "MiB of the largest of their files")
)

// TestPullChild is no test: TestPullKilled runs it in a process of its own.
func TestPullChild(t *testing.T) {
	if os.Getenv(pullRefVar) == "" {
		t.Skip("this runs only as a child of another test")
	}
	ref, err := artifact.ParseReference(os.Getenv(pullRefVar))
	if err != nil {
		t.Fatal(err)
	}
	r, err := puller(t, unsigned(t), nil).Pull(t.Context(), ref, check.Destination{Dir: os.Getenv(pullDirVar)})
	if err != nil || !r.Verdict.Allowed() {
		t.Fatalf("%v: %v", r.Verdict, err)
	}
}

// TestPullKilled ends pulls at random moments with a signal that nobody can
// catch. Nothing torn may have a final name, the next pull must come to its
// end without what the killed one made last, and nothing may be left lying.
func TestPullKilled(t *testing.T) {
	files := []namedFile{bigWeights("a.safetensors", *killed), bigWeights("b.safetensors", *killed/2), {"config.json", good.data}}
	for i := range 30 {
		files = append(files, namedFile{"parts/" + itoa(i) + ".txt", []byte("part " + itoa(i))})
	}
	l := newLayoutWriter()
	subject := l.files(t, "v1", files...)
	s := servePulls(t, l)
	ref := s.reference(t, subject)
	child := func(dir string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestPullChild$")
		cmd.Env = append(os.Environ(), pullRefVar+"="+ref.String(), pullDirVar+"="+dir)
		return cmd
	}
	began := time.Now()
	if out, err := child(filepath.Join(t.TempDir(), "out")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	took := time.Since(began)
	whole := s.bytesSent()
	var ended, resumed int
	var kept, written, wasted int64
	for range *kills {
		dir := filepath.Join(t.TempDir(), "out")
		before := s.bytesSent()
		if kill(t, child(dir), rand.N(took)) {
			ended++
		}
		onDisk := l.written(t, dir)
		left := readIf(t, dir)
		for _, f := range files {
			if got, ok := left[f.path]; ok && !bytes.Equal(got, f.data) {
				t.Fatalf("%s is torn: %d of %d bytes", f.path, len(got), len(f.data))
			}
		}
		if _, ok := left[".modelcheck/receipt.json"]; ok && len(left) != len(files)+2 {
			t.Fatalf("a receipt with %d files", len(left))
		}
		r, err := puller(t, unsigned(t), nil).Pull(t.Context(), ref, check.Destination{Dir: dir})
		if err != nil || !r.Verdict.Allowed() {
			t.Fatalf("after the kill: %v: %v", r.Verdict, err)
		}
		holds(t, dir, files...)
		alone(t, dir, true)
		if r.Placed.Kept > 0 {
			resumed++
			kept += r.Placed.Kept
			written += onDisk
			wasted += s.bytesSent() - before - whole
		}
		if err := os.RemoveAll(dir); err != nil { // a hundred of them are much
			t.Fatal(err)
		}
	}
	share := float64(kept) / float64(max(written, 1))
	t.Logf("%d of %d killed, %d gone on with %d bytes, %.1f %% of the %d right ones on the disk; %d fetched twice", ended, *kills, resumed, kept, 100*share, written, wasted)
	if ended < *kills/4 {
		t.Errorf("only %d of %d were killed in time", ended, *kills)
	}
	if *killed >= 256 && share < 0.85 {
		t.Errorf("only %.1f %% of what was on the disk was not fetched again", 100*share)
	}
}

// kill starts cmd and kills it after a while. False: it was done before.
func kill(t *testing.T, cmd *exec.Cmd, after time.Duration) bool {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	timer := time.NewTimer(after)
	defer timer.Stop()
	select {
	case <-timer.C:
		_ = cmd.Process.Kill()
		return <-done != nil
	case <-done:
		return false
	}
}

// written counts the bytes beside dir that are the right ones, from the beginning
// of each blob: more than what was made to last, because a process that is killed
// takes nothing with it that the system has.
func (l *layoutWriter) written(t *testing.T, dir string) (n int64) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(filepath.Dir(dir), ".out.modelcheck-*", "sha256-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		name, _ := strings.CutSuffix(strings.TrimPrefix(filepath.Base(path), "sha256-"), ".part")
		d, err := artifact.ParseDigest("sha256:" + name)
		if err != nil {
			continue // marks
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want := l.blobs[d]
		const step = 64 << 10
		for at := 0; at < min(len(got), len(want)); at += step {
			end := min(at+step, len(want), len(got))
			if !bytes.Equal(got[at:end], want[at:end]) {
				break
			}
			n += int64(end - at)
		}
	}
	return n
}

func readIf(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	if _, err := os.Lstat(dir); err != nil {
		return nil
	}
	return readTree(t, dir)
}
