package check_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
)

const (
	pullRefVar = "MODELCHECK_TEST_PULL_REF"
	pullDirVar = "MODELCHECK_TEST_PULL_DIR"
	kills      = 20
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
	files := []namedFile{bigWeights("a.safetensors", 70), bigWeights("b.safetensors", 33), {"config.json", good.data}}
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
	var killed, resumed int
	var kept, wasted int64
	for range kills {
		dir := filepath.Join(t.TempDir(), "out")
		before := s.bytesSent()
		if kill(t, child(dir), rand.N(took)) {
			killed++
		}
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
			wasted += s.bytesSent() - before - whole
		}
	}
	t.Logf("%d of %d killed, %d gone on with %d bytes, %d fetched twice", killed, kills, resumed, kept, wasted)
	if killed < kills/4 {
		t.Errorf("only %d of %d were killed in time", killed, kills)
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

func readIf(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	if _, err := os.Lstat(dir); err != nil {
		return nil
	}
	return readTree(t, dir)
}
