// Measure runs a command and writes down what it took, as the kernel counts it.
// It is small: a child's peak of memory starts from that of the process that
// forked it.
//
//	measure FOLDER COMMAND…
//
// FOLDER gets stdout, stderr and result.json.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

func main() {
	if err := measure(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}

func measure(folder string, line []string) error {
	stdout, err := os.Create(filepath.Join(folder, "stdout"))
	if err != nil {
		return err
	}
	stderr, err := os.Create(filepath.Join(folder, "stderr"))
	if err != nil {
		return err
	}
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	start := time.Now()
	err = cmd.Run()
	elapsed := time.Since(start)
	if exit := (*exec.ExitError)(nil); err != nil && !(errors.As(err, &exit) && exit.Exited()) {
		return err
	}
	state := cmd.ProcessState
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return errors.New("this system does not tell how much memory a process took")
	}
	peak := usage.Maxrss // of it and of what it started and waited for
	if runtime.GOOS != "darwin" {
		peak <<= 10
	}
	result, err := json.Marshal(map[string]int64{
		"exit":    int64(state.ExitCode()),
		"peak":    peak,
		"elapsed": int64(elapsed),
		"cpu":     int64(state.UserTime() + state.SystemTime()),
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "result.json"), result, 0o600)
}
