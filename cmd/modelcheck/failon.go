package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// failOn says from which verdict on the exit status is not 0. The zero value
// fails on everything that is not allow. It changes the exit status and
// nothing else, and only of a hold: a denial and a missing verdict always fail.
type failOn struct{ onlyDeny bool }

func (f *failOn) String() string {
	if f.onlyDeny {
		return "deny"
	}
	return "hold"
}

func (*failOn) Type() string { return "deny|hold" }

func (f *failOn) Set(s string) error {
	switch s {
	case "hold":
		f.onlyDeny = false
	case "deny":
		f.onlyDeny = true
	default:
		return fmt.Errorf("unknown verdict %q, want deny or hold", s)
	}
	return nil
}

func (f *failOn) add(cmd *cobra.Command) {
	cmd.Flags().Var(f, "fail-on", "with \"deny\", end a hold with exit status 0; the report says so, and a hold because nobody said whom to trust stays one")
	_ = cmd.RegisterFlagCompletionFunc("fail-on", cobra.FixedCompletions([]string{"deny", "hold"}, cobra.ShellCompDirectiveNoFileComp))
}

// accepts says whether a hold ends with 0. Where nobody said whom to trust no
// signature was asked for: --allow-unsigned says that aloud, this flag does not.
func (f *failOn) accepts(v policy.Verdict) bool {
	return f.onlyDeny && v.Outcome == policy.Hold && len(v.Reasons) > 0 &&
		!slices.ContainsFunc(v.Reasons, func(r policy.Reason) bool { return r.Code == provenance.CodeNoTrust })
}

// note writes into a report that its hold ends with 0, in the words of what
// was accepted, so that every format of the report says it.
func (f *failOn) note(r *check.Report) {
	if r.Error != nil || !f.accepts(r.Verdict) {
		return
	}
	var codes []string
	for _, reason := range r.Verdict.Reasons {
		if reason.Effect == policy.Hold {
			codes = append(codes, reason.Code)
		}
	}
	slices.Sort(codes)
	r.Verdict.Reasons = append(r.Verdict.Reasons, policy.Reason{
		Code:    provenance.CodeHoldAccepted,
		Message: "the exit status is 0 all the same, because --fail-on deny was given: nobody decided on " + strings.Join(slices.Compact(codes), ", "),
	})
}

// code is verdictCode, but for holds that --fail-on deny accepts.
func (f *failOn) code(r *check.Report) error {
	if r.Error == nil && f.accepts(r.Verdict) {
		return nil
	}
	return verdictCode(r.Verdict)
}
