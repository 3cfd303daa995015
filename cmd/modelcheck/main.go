// Command modelcheck verifies open model weights in OCI registries: signatures,
// every byte's hash, and what the model says about itself, with evidence.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"

	_ "github.com/modelcheck/modelcheck/cmd/modelcheck/internal/heap"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.Getenv})
	stop()
	os.Exit(code)
}

// expectWriting is called before much is written to a disk. A goroutine that
// writes past the page cache holds its processor until the runtime's watch takes
// it away: with two more of them the others go on in the meantime.
var expectWriting = sync.OnceFunc(func() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 2)
	}
})

// streams is everything that a run may touch of the process around it.
type streams struct {
	in  io.Reader
	out io.Writer
	err io.Writer
	env func(string) string

	given *given // made by newRoot
}

// run returns the exit code. It starts from failure: only a verdict that
// allows, or a command that judges nothing, sets 0. A panic ends with 1.
func run(ctx context.Context, args []string, s streams) (code int) {
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(s.err, "modelcheck: error: internal error: %v\n", p)
			fmt.Fprintf(s.err, "modelcheck: hint: this is a bug, and nothing was verified; please report it with the lines below\n%s", debug.Stack())
			code = exitNoVerdict
		}
	}()
	root := newRoot(s, args...)
	root.SetArgs(args)
	return exitCode(root.ExecuteContext(ctx), s.err)
}
