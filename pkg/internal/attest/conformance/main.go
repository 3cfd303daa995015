// Command conformance speaks the protocols of two public test suites, so that
// they can be run against this verifier and signer: sigstore-conformance
// (docs/cli_protocol.md) and model-signing-conformance
// (docs/conformance_adapter_cli_protocol.md). It takes the same way through
// attest as everything else, and is no part of the program that users get.
//
//	go run ./pkg/internal/attest/conformance verify-bundle --bundle FILE …
//
// # Exit status
//
// 0 if the signature holds, 1 if it does not or something failed, 2 if the
// command line is malformed. The reason is the last line on stderr: a reason
// code and a sentence.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// rootVariable names a trusted root for suites that give none, since this
// program contacts no TUF repository.
const rootVariable = "MODELCHECK_CONFORMANCE_ROOT"

func main() {
	c := &client{stderr: os.Stderr, root: os.Getenv(rootVariable), now: time.Now}
	os.Exit(c.run(context.Background(), os.Args[1:]))
}

// A client runs one command of a protocol.
type client struct {
	stderr io.Writer
	root   string // file of the trusted root that is meant where none is given
	now    func() time.Time
}

// errUsage is wrapped by errors about the command line.
var errUsage = errors.New("usage")

// A refusedError says why a signature does not hold.
type refusedError struct{ code, detail string }

func (e *refusedError) Error() string { return e.code + ": " + e.detail }

func (c *client) run(ctx context.Context, args []string) int {
	err := c.dispatch(ctx, args)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUsage):
		c.say("%v", err)
		return 2
	default:
		c.say("%v", err)
		return 1
	}
}

func (c *client) say(format string, args ...any) {
	if _, err := fmt.Fprintf(c.stderr, format+"\n", args...); err != nil {
		return // nobody is left to tell
	}
}

func (c *client) dispatch(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%w: verify-bundle, sign-bundle, verify-model or sign-model", errUsage)
	}
	commands := map[string]func(context.Context, []string) error{
		"verify-bundle": c.verifyBundle,
		"sign-bundle":   c.signBundle,
		"verify-model":  c.verifyModel,
		"sign-model":    c.signModel,
	}
	command, ok := commands[args[0]]
	if !ok {
		return fmt.Errorf("%w: unknown command %q", errUsage, args[0])
	}
	return command(ctx, args[1:])
}

// flags is a set of flags that prints nothing itself.
func flags(name string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	return f
}

// parse reads the flags and returns the arguments behind them, of which there
// must be want.
func parse(f *flag.FlagSet, args []string, want int) ([]string, error) {
	if err := f.Parse(args); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errUsage, f.Name(), err)
	}
	if f.NArg() != want {
		return nil, fmt.Errorf("%w: %s: %d arguments, want %d", errUsage, f.Name(), f.NArg(), want)
	}
	return f.Args(), nil
}

// many is a flag that can be given several times.
type many []string

// String implements flag.Value.
func (m *many) String() string { return strings.Join(*m, ",") }

// Set implements flag.Value.
func (m *many) Set(s string) error {
	*m = append(*m, s)
	return nil
}
