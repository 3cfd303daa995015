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
// With warn it is the other way round: what would be allowed with a warning is
// held, exit status and verdict alike.
type failOn struct{ onlyDeny, warn bool }

func (f *failOn) String() string {
	switch {
	case f.onlyDeny:
		return "deny"
	case f.warn:
		return "warn"
	default:
		return "hold"
	}
}

func (*failOn) Type() string { return "deny|hold|warn" }

func (f *failOn) Set(s string) error {
	switch s {
	case "hold":
		*f = failOn{}
	case "deny":
		*f = failOn{onlyDeny: true}
	case "warn":
		*f = failOn{warn: true}
	default:
		return fmt.Errorf("unknown verdict %q, want deny, hold or warn", s)
	}
	return nil
}

func (f *failOn) add(cmd *cobra.Command) {
	cmd.Flags().Var(f, "fail-on", "with \"deny\", end a hold with exit status 0; the report says so, and a hold because nobody said whom to trust stays one; with \"warn\", hold what the policy allows with a warning, or unsigned")
	_ = cmd.RegisterFlagCompletionFunc("fail-on", cobra.FixedCompletions([]string{"deny", "hold", "warn"}, cobra.ShellCompDirectiveNoFileComp))
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
	if r.Error == nil && f.warn && r.Verdict.Allowed() {
		hold(r)
	}
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

// hold holds a report that allows with a warning.
func hold(r *check.Report) {
	i := slices.IndexFunc(r.Verdict.Reasons, func(reason policy.Reason) bool {
		return reason.Code == provenance.CodeRuleWarned || reason.Code == provenance.CodeUnsignedAllowed
	})
	if i < 0 {
		return
	}
	r.Verdict.Outcome = policy.Hold
	r.Verdict.Reasons = slices.Insert(r.Verdict.Reasons, 0, policy.Reason{
		Code: provenance.CodeWarningHeld, Effect: policy.Hold,
		Message: "the policy allows it with a warning, and --fail-on warn was given: " + r.Verdict.Reasons[i].Message,
	})
}

// code is verdictCode, but for holds that --fail-on deny accepts.
func (f *failOn) code(r *check.Report) error {
	if r.Error == nil && f.accepts(r.Verdict) {
		return nil
	}
	return verdictCode(r.Verdict)
}
