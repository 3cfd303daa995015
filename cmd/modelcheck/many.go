package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

// manyFlags say which references to examine beside those on the command line.
type manyFlags struct {
	file string // of references, "-" for stdin
	jobs int
}

func (m *manyFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&m.file, "file", "f", "", "read references from `FILE`, one per line, with # comments (- for stdin)")
	f.IntVar(&m.jobs, "jobs", 1, "how many references to examine at once")
	_ = cmd.MarkFlagFilename("file")
}

// references lists what to examine, each once and in order. A file without
// any is a mistake: a check of nothing must not look like a check.
func (m manyFlags) references(cmd *cobra.Command, s streams, args []string) ([]string, error) {
	names := slices.Clone(args)
	if m.file != "" {
		read, err := m.read(s)
		if err != nil {
			return nil, err
		}
		if len(read) == 0 {
			return nil, usageError{hintError{fmt.Errorf("%q holds no reference", m.file), "one reference per line; what follows # is a comment"}}
		}
		names = append(names, read...)
	}
	if len(names) == 0 {
		return nil, usageError{hintError{errors.New("0 references given, want 1 or more"), fmt.Sprintf("for example: %s ghcr.io/acme/tiny-r1:v1", cmd.CommandPath())}}
	}
	if m.jobs < 1 {
		return nil, usageError{fmt.Errorf("--jobs is %d, want 1 or more", m.jobs)}
	}
	return names, nil
}

func (m manyFlags) read(s streams) ([]string, error) {
	data, err := m.bytes(s)
	if err != nil {
		return nil, fmt.Errorf("reading references: %w", err)
	}
	var names []string
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, maxSmall)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(uncomment(strings.TrimPrefix(lines.Text(), "\ufeff")))
		if line == "" {
			continue
		}
		if _, err := parseReference(line); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", m.file, n, err)
		}
		names = append(names, line)
	}
	return names, lines.Err()
}

// uncomment drops what follows a # at the beginning of a word. Inside a word it
// belongs to it: folders may be called so.
func uncomment(line string) string {
	for i := range len(line) {
		if line[i] == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			return line[:i]
		}
	}
	return line
}

func (m manyFlags) bytes(s streams) ([]byte, error) {
	if m.file != "-" {
		return readSmall(m.file)
	}
	if s.in == nil {
		return nil, errors.New("stdin is closed")
	}
	data, err := io.ReadAll(io.LimitReader(s.in, maxSmall+1))
	if err == nil && len(data) > maxSmall {
		err = fmt.Errorf("stdin has more than %d bytes", maxSmall)
	}
	return data, err
}

// verifyMany examines several references, reports on all of them, and ends
// with the status of the worst. Nothing is examined unless all are references.
func verifyMany(ctx context.Context, s streams, f verifyFlags, names []string) error {
	if f.manifest != "" || f.evidence != "" || f.tensors != "" || f.since {
		return f.unbegun(s, "", usageError{errors.New("--manifest, --evidence, --tensors and --since-receipt are for one reference")}, true)
	}
	if err := f.checkOutputs(); err != nil {
		return f.unbegun(s, "", err, true)
	}
	var distinct []string
	for _, name := range names {
		ref, err := parseReference(name)
		if err != nil {
			return f.unbegun(s, name, err, true)
		}
		if !slices.Contains(distinct, ref.String()) {
			distinct = append(distinct, ref.String())
		}
		if _, err := f.examiner(s, name); err != nil {
			return f.unbegun(s, name, err, true)
		}
	}
	reports, failures := f.examineAll(ctx, s, distinct)
	return f.conclude(s, distinct, reports, failures)
}

// conclude says what failed, reports on all, and ends with the status of the
// worst.
func (f verifyFlags) conclude(s streams, names []string, reports []*check.Report, failures []error) error {
	for i, err := range failures {
		var usage usageError
		if errors.As(err, &usage) {
			return f.unbegun(s, names[i], err, true)
		}
		if err != nil {
			complain(s.err, fmt.Errorf("%s: %w", names[i], err))
		}
	}
	if err := f.write(s, reports, true, true); err != nil {
		return err
	}
	return f.worstCode(reports)
}

// examineAll examines at most as many references at once as --jobs says, and
// keeps their order.
func (f verifyFlags) examineAll(ctx context.Context, s streams, names []string) ([]*check.Report, []error) {
	reports, failures := make([]*check.Report, len(names)), make([]error, len(names))
	var pool errgroup.Group
	pool.SetLimit(f.many.jobs)
	var mu sync.Mutex // of stderr
	for i, name := range names {
		pool.Go(func() error {
			examine, err := f.examiner(s, name)
			if err != nil {
				reports[i], failures[i] = check.Failed(name, failureCode(err), err, build().Version), err
				return nil
			}
			reports[i], _, failures[i] = f.examine(ctx, s, name, examine)
			f.failOn.note(reports[i])
			mu.Lock()
			defer mu.Unlock()
			if !f.place.quiet {
				fmt.Fprintf(s.err, "modelcheck: %d of %d: %v: %s\n", i+1, len(names), reports[i].Verdict.Outcome, printable(name))
			}
			return nil
		})
	}
	_ = pool.Wait() // every failure is in its place
	return reports, failures
}

// worstCode is the exit status that stands for all.
func (f verifyFlags) worstCode(reports []*check.Report) error {
	var failed []*check.Report
	for _, r := range reports {
		if f.failOn.code(r) != nil {
			failed = append(failed, r)
		}
	}
	if len(failed) > 0 {
		return verdictError{worst(failed).Outcome}
	}
	return nil
}

// worst is the verdict that stands for all: deny, no verdict, hold, allow. A
// denial comes first because trying again does not change it; no verdict comes
// before hold because who decides on the rest has not decided on what nobody
// examined.
func worst(reports []*check.Report) policy.Verdict {
	rank := func(v policy.Verdict) int {
		switch v.Outcome {
		case policy.Allow:
			return 1
		case policy.Hold:
			return 2
		case policy.Undecided:
			return 3
		default:
			return 4
		}
	}
	var out policy.Verdict
	for i, r := range reports {
		if i == 0 || rank(r.Verdict) > rank(out) {
			out = r.Verdict
		}
	}
	return out
}
