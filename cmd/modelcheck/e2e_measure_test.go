//go:build e2e

package main_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// A usage is what a run took, together with what it started and waited for.
type usage struct {
	peak    int64 // bytes of resident memory
	elapsed time.Duration
	cpu     time.Duration
}

// measured is what .ci/bench/measure writes down.
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
	measure := u.path("measure")
	if _, err := os.Stat(measure); err != nil {
		goBuild(t, measure, "../../.ci/bench/measure")
	}
	folder, err := os.MkdirTemp(u.dir, "measured")
	if err != nil {
		t.Fatal(err)
	}
	cmd := u.command(beforeDeadline(t), measure, append([]string{folder}, line...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("measuring %s: %v\n%s", strings.Join(line, " "), err, out)
	}
	var m measured
	parse(t, readFile(t, folder+"/result.json"), &m)
	return m.Exit, usage{peak: m.Peak, elapsed: m.Elapsed, cpu: m.CPU}, folder
}

// goBuild compiles one of the programs that tests need.
func goBuild(t *testing.T, binary, folder string) {
	t.Helper()
	if out, err := exec.CommandContext(beforeDeadline(t), "go", "build", "-o", binary, folder).CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", folder, err, out)
	}
}
