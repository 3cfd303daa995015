package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/modelcheck/modelcheck/pkg/check"
)

// given is what was said otherwise than on the command line, and what loosens
// a run, whoever said it: both stand in reports.
type given struct{ settings []check.Setting }

// The sources of a setting.
const (
	fromCommandLine = "command line"
	fromEnvironment = "environment"
	fromConfigFile  = "configuration file"
)

// secretFlags carry secrets. Their values are shown nowhere, and no file may
// hold them.
var secretFlags = []string{"identity-token"}

// loosens says whether a flag, with this value, has less checked or more end
// well. None of these may stand in a configuration file, where nobody sees it.
func loosens(name, value string) bool {
	switch name {
	case "allow-unsigned", "plain-http", "force", "accept-summary":
		return value != "false"
	case "fail-on":
		return value == "deny"
	default:
		return false
	}
}

// takeSettings completes the flags of a command: what the command line does not
// say is taken from the environment, and what neither says from the
// configuration file. A value that a flag would refuse is refused from there
// too.
func takeSettings(s streams, cmd *cobra.Command) error {
	file, err := openConfig(s, cmd)
	if err != nil {
		return err
	}
	verb := strings.ReplaceAll(strings.TrimPrefix(cmd.CommandPath(), "modelcheck "), " ", "-")
	var failed error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if failed != nil || f.Name == "help" || f.Name == "config" {
			return
		}
		if f.Changed {
			s.given.add(f, fromCommandLine, "")
			return
		}
		if name, value := fromEnv(s, verb, f.Name); value != "" {
			if failed = setFlag(cmd, f, strings.Split(strings.TrimRight(value, "\n"), "\n")); failed != nil {
				failed = usageError{fmt.Errorf("%s: %w", name, failed)}
			}
			s.given.add(f, fromEnvironment, name)
			return
		}
		if e, ok := file.find(verb, f.Name); ok {
			failed = file.apply(cmd, f, e)
			s.given.add(f, fromConfigFile, file.name)
		}
	})
	if failed != nil {
		return failed
	}
	s.given.tell(cmd, s.err)
	return nil
}

// fromEnv looks for MODELCHECK_VERB_FLAG, then for MODELCHECK_FLAG.
func fromEnv(s streams, verb, flag string) (name, value string) {
	for _, n := range []string{verb + "-" + flag, flag} {
		name = "MODELCHECK_" + strings.ToUpper(strings.ReplaceAll(n, "-", "_"))
		if value = s.env(name); value != "" {
			return name, value
		}
	}
	return "", ""
}

// setFlag gives a flag its values: one, but for those that may be repeated.
func setFlag(cmd *cobra.Command, f *pflag.Flag, values []string) error {
	if len(values) > 1 && !repeatable(f) {
		return fmt.Errorf("%d values for --%s, want one", len(values), f.Name)
	}
	for _, v := range values {
		if err := cmd.Flags().Set(f.Name, v); err != nil {
			return err
		}
	}
	return nil
}

func repeatable(f *pflag.Flag) bool {
	return f.Value.Type() == "stringArray" || f.Value.Type() == outputs{}.Type() || f.Value.Type() == mirrorFlag{}.Type()
}

func (g *given) add(f *pflag.Flag, source, name string) {
	loose := loosens(f.Name, f.Value.String())
	if source == fromCommandLine && !loose {
		return
	}
	set := check.Setting{Flag: f.Name, Value: f.Value.String(), Source: source, Name: name, Loosens: loose}
	if slices.Contains(secretFlags, f.Name) {
		set.Value = "(not shown)"
	}
	g.settings = append(g.settings, set)
}

// tell says on stderr what did not stand on the command line: always what
// loosens, the rest unless --quiet.
func (g *given) tell(cmd *cobra.Command, stderr io.Writer) {
	quiet, _ := cmd.Flags().GetBool("quiet")
	for _, s := range g.settings {
		if s.Source == fromCommandLine || quiet && !s.Loosens {
			continue
		}
		where := s.Name
		if s.Source == fromConfigFile {
			where = printable(s.Name)
		}
		fmt.Fprintf(stderr, "modelcheck: note: --%s=%s, by %s\n", s.Flag, printable(s.Value), where)
	}
}

// note writes the settings into a report.
func (g *given) note(r *check.Report) {
	if g != nil {
		r.Settings = g.settings
	}
}

// limitTime ends a command after --timeout, if it has that flag.
func limitTime(cmd *cobra.Command) {
	d, err := cmd.Flags().GetDuration("timeout")
	if err != nil || d <= 0 {
		return
	}
	ctx, cancel := context.WithTimeoutCause(cmd.Context(), d, fmt.Errorf("--timeout %s: %w", d.Round(time.Millisecond), context.DeadlineExceeded))
	context.AfterFunc(ctx, cancel)
	cmd.SetContext(ctx)
}
