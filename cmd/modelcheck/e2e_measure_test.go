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

// A usage is what a run took.
type usage struct {
	peak    int64 // bytes of resident memory
	elapsed time.Duration
}

// measured is what TestMeasureChild writes down.
type measured struct {
	Exit    int           `json:"exit"`
	Peak    int64         `json:"peak"`
	Elapsed time.Duration `json:"elapsed"`
}

// measure is verify with the memory and time that it took. Between this test and
// modelcheck stands a small process: a child's peak starts from that of the process
// that forked it, and this one has held models in memory.
func (u user) measure(t *testing.T, args ...string) (outcome, usage) {
	t.Helper()
	line := append([]string{u.binary, "verify", "--output", "json"}, args...)
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
	cmd := u.command(beforeDeadline(t), self, "-test.run", "^TestMeasureChild$", "-test.timeout", "20m")
	cmd.Env = append(cmd.Env, measureVar+"="+folder)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("measuring %s: %v\n%s", strings.Join(line, " "), err, out)
	}
	var m measured
	parse(t, readFile(t, folder+"/result.json"), &m)
	o := readOutcome(t, m.Exit, readFile(t, folder+"/stdout"), readFile(t, folder+"/stderr"))
	return o, usage{peak: m.Peak, elapsed: m.Elapsed}
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
	result, err := json.Marshal(measured{Exit: code, Peak: peak(t, cmd.ProcessState), Elapsed: time.Since(start)})
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
