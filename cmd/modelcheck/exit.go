package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/modelcheck/modelcheck/pkg/policy"
)

// The exit codes are part of the interface; docs/errors.md describes them.
const (
	exitAllow     = 0
	exitNoVerdict = 1
	exitUsage     = 2
	exitDeny      = 3
	exitHold      = 4
)

// exitStatus is the section that every verb's help ends with.
const exitStatus = `EXIT STATUS
  0  allow: every check that the policy asks for was made and holds
  1  no verdict: registry, network, trust material, input or output failed
  2  usage: the command line or the reference is malformed
  3  deny: a check was made and does not hold
  4  hold: a person has to decide, for example because nobody said whom to trust
Of several references the gravest counts: deny, no verdict, hold, allow.`

// A verdictError carries a verdict that is not "allow" to the exit code. It
// has been reported already and prints nothing.
type verdictError struct{ outcome policy.Outcome }

func (e verdictError) Error() string { return "verdict: " + e.outcome.String() }

// A usageError is the caller's mistake on the command line.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// A hintError says what a person can do about err.
type hintError struct {
	err  error
	hint string
}

func (e hintError) Error() string { return e.err.Error() }
func (e hintError) Unwrap() error { return e.err }

// verdictCode is the one place where an outcome becomes an exit code.
func verdictCode(v policy.Verdict) error {
	if v.Allowed() {
		return nil
	}
	return verdictError{v.Outcome}
}

// complain says what went wrong, and what can be done about it.
func complain(stderr io.Writer, err error) {
	fmt.Fprintf(stderr, "modelcheck: error: %s\n", printable(err.Error()))
	var hint hintError
	if errors.As(err, &hint) {
		fmt.Fprintf(stderr, "modelcheck: hint: %s\n", hint.hint)
	}
}

// exitCode reports err on stderr and says what the process ends with.
func exitCode(err error, stderr io.Writer) int {
	if err == nil {
		return exitAllow
	}
	var verdict verdictError
	if errors.As(err, &verdict) {
		switch verdict.outcome {
		case policy.Deny:
			return exitDeny
		case policy.Hold:
			return exitHold
		default: // Undecided, or an Allow that did not come through Allowed
			return exitNoVerdict
		}
	}
	complain(stderr, err)
	var usage usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	var refused recordError
	if errors.As(err, &refused) {
		return exitDeny
	}
	return exitNoVerdict
}
