//go:build e2e

package main_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// startLimit is how long a server may take to answer. Each answers in a second or
// two; the rest is for a machine that does other things.
const startLimit = time.Minute

// A workshop is where the children of a test run: a folder that is their home,
// so that nothing of the person who runs the test is read or written, and the
// folder of the tools.
type workshop struct {
	dir   string
	tools string
}

// newWorkshop makes an empty workshop and checks that the tools are there.
func newWorkshop(t *testing.T) *workshop {
	t.Helper()
	tools := os.Getenv("MODELCHECK_TOOLS")
	if tools == "" {
		tools = filepath.Join("..", "..", ".cache", "tools")
	}
	tools, err := filepath.Abs(tools)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cosign", "oras", "registry", "fulcio", "rekor-server-posix", "timestamp-server"} {
		if _, err := os.Stat(filepath.Join(tools, name)); err != nil {
			t.Fatalf("a tool is missing, `make e2e` builds it: %v", err)
		}
	}
	return &workshop{dir: t.TempDir(), tools: tools}
}

// path names a file of the workshop.
func (w *workshop) path(elem ...string) string {
	return filepath.Join(append([]string{w.dir}, elem...)...)
}

// write makes a file of the workshop and returns its path.
func (w *workshop) write(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := w.path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// command prepares one of the tools, or the program at an absolute path.
func (w *workshop) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	if !filepath.IsAbs(program) {
		program = filepath.Join(w.tools, program)
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = w.dir
	cmd.Env = []string{
		"HOME=" + w.dir,
		"DOCKER_CONFIG=" + w.path("docker"),
		"PATH=" + os.Getenv("PATH"),
		"TMPDIR=" + w.dir,
		"COSIGN_PASSWORD=",
	}
	return cmd
}

// run runs a tool to its end and returns its stdout.
func (w *workshop) run(t *testing.T, program string, args ...string) []byte {
	t.Helper()
	return w.runIn(t, w.dir, program, args...)
}

// runIn is run in another working folder.
func (w *workshop) runIn(t *testing.T, dir, program string, args ...string) []byte {
	t.Helper()
	cmd := w.command(beforeDeadline(t), program, args...)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", program, strings.Join(args, " "), err, &stdout, &stderr)
	}
	return stdout.Bytes()
}

// A server is a child that runs until the test ends it.
type server struct {
	name  string
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has ended
}

// launch starts a server under a name that its log is called by. It is killed
// when the test ends, and its log is shown when the test fails.
func (w *workshop) launch(t *testing.T, name, program string, args ...string) *server {
	t.Helper()
	logFile, err := os.Create(w.path(name + ".log"))
	if err != nil {
		t.Fatal(err)
	}
	s := &server{name: name, cmd: w.command(beforeDeadline(t), program, args...), ended: make(chan struct{})}
	s.cmd.Stdout, s.cmd.Stderr = logFile, logFile
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.ended)
		_ = s.cmd.Wait() // How it ended does not matter, that it did before the test does.
	}()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		<-s.ended
		_ = logFile.Close()
		if log, err := os.ReadFile(logFile.Name()); t.Failed() && err == nil {
			t.Logf("the last of %s:\n%s", filepath.Base(logFile.Name()), log[max(0, len(log)-4000):])
		}
	})
	return s
}

// ready returns once the probe succeeds.
func (s *server) ready(t *testing.T, what string, probe func() error) {
	t.Helper()
	eventually(t, s.name+" "+what, func() error {
		select {
		case <-s.ended:
			t.Fatalf("%s ended before it answered", s.name)
		default:
		}
		return probe()
	})
}

// serve runs a server until the test ends, and returns when the URL answers with
// anything at all.
func (w *workshop) serve(t *testing.T, url, program string, args ...string) {
	t.Helper()
	w.launch(t, program, program, args...).ready(t, "answers at "+url, func() error { return answers(t.Context(), url) })
}

// answers tells whether an HTTP server is there, whatever it says.
func answers(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// eventually tries until it succeeds, or fails the test after startLimit.
func eventually(t *testing.T, what string, try func() error) {
	t.Helper()
	deadline := time.NewTimer(startLimit)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited %v until %s: %v", startLimit, what, err)
		}
	}
}

// beforeDeadline gives children a context that ends before `go test` gives up on
// the whole binary, so that none of them outlives it.
func beforeDeadline(t *testing.T) context.Context {
	t.Helper()
	deadline, ok := t.Deadline()
	if !ok {
		return t.Context()
	}
	ctx, cancel := context.WithDeadline(t.Context(), deadline.Add(-20*time.Second))
	t.Cleanup(cancel)
	return ctx
}

// freeAddress returns a loopback address with a port that is free now.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// freePort is the port of a freeAddress.
func freePort(t *testing.T) string {
	t.Helper()
	_, port, err := net.SplitHostPort(freeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// exitCode tells apart a program that ended with a code from one that did not run.
func exitCode(err error) (int, error) {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &exit) && exit.Exited():
		return exit.ExitCode(), nil
	default:
		return 0, fmt.Errorf("running the program: %w", err)
	}
}
