//go:build e2e

package main_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// measureVar names the folder by which TestMeasureChild is told what to run.
const measureVar = "MODELCHECK_E2E_MEASURE"

// A usage is what a run took, together with what it started and waited for.
type usage struct {
	peak    int64 // bytes of resident memory
	elapsed time.Duration
	cpu     time.Duration
}

// measured is what TestMeasureChild writes down.
type measured struct {
	Exit    int           `json:"exit"`
	Peak    int64         `json:"peak"`
	Elapsed time.Duration `json:"elapsed"`
	CPU     time.Duration `json:"cpu"`
}

// measure is verify with the memory and time that it took.
func (u user) measure(t *testing.T, args ...string) (outcome, usage) {
	t.Helper()
	exit, took, folder := u.measureLine(t, append([]string{u.binary, "verify", "--output", "json"}, args...))
	return readOutcome(t, exit, readFile(t, folder+"/stdout"), readFile(t, folder+"/stderr")), took
}

// measureLine runs a command line, whose output is in the folder afterwards.
// Between this test and the command stands a small process: a child's peak starts
// from that of the process that forked it, and this one has held models in memory.
func (u user) measureLine(t *testing.T, line []string) (exit int, took usage, folder string) {
	t.Helper()
	folder, err := os.MkdirTemp(u.dir, "measure")
	if err != nil {
		t.Fatal(err)
	}
	task, err := json.Marshal(line)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(folder+"/task.json", task, 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := u.command(beforeDeadline(t), self, "-test.run", "^TestMeasureChild$", "-test.timeout", "1h")
	cmd.Env = append(cmd.Env, measureVar+"="+folder)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("measuring %s: %v\n%s", strings.Join(line, " "), err, out)
	}
	var m measured
	parse(t, readFile(t, folder+"/result.json"), &m)
	return m.Exit, usage{peak: m.Peak, elapsed: m.Elapsed, cpu: m.CPU}, folder
}

// TestMeasureChild is no test: it is the small process that measure puts between.
func TestMeasureChild(t *testing.T) {
	folder := os.Getenv(measureVar)
	if folder == "" {
		t.Skip("this runs only as a child of other tests")
	}
	var line []string
	parse(t, readFile(t, folder+"/task.json"), &line)
	stdout, stderr := create(t, folder+"/stdout"), create(t, folder+"/stderr")
	cmd := exec.CommandContext(beforeDeadline(t), line[0], line[1:]...)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	start := time.Now()
	code, err := exitCode(cmd.Run())
	if err != nil {
		t.Fatal(err)
	}
	state := cmd.ProcessState
	result, err := json.Marshal(measured{Exit: code, Peak: peak(t, state), Elapsed: time.Since(start), CPU: state.UserTime() + state.SystemTime()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := create(t, folder+"/result.json").Write(result); err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, path string) *os.File {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

// peak is the most resident memory that an ended process had, in bytes.
func peak(t *testing.T, state *os.ProcessState) int64 {
	t.Helper()
	rusage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		t.Fatal("this system does not tell how much memory a process took")
	}
	if runtime.GOOS == "darwin" {
		return rusage.Maxrss
	}
	return rusage.Maxrss << 10
}
