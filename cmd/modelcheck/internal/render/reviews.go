package render

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// ReviewStatus writes who stands for each role, what became of every review,
// and what to do next. next writes the command with this verb of review.
func ReviewStatus(w io.Writer, r *check.Report, at time.Time, next func(verb string) string) error {
	var b strings.Builder
	state := r.Reviews
	if state == nil {
		state = &policy.ReviewState{}
	}
	word, sentence := headline(r)
	fmt.Fprintf(&b, "%s  %s\n", word, sentence)
	fmt.Fprintf(&b, "\nArtifact\n  reference   %s\n", Printable(r.Reference))
	if r.Resolved != nil {
		fmt.Fprintf(&b, "  digest      %v\n", r.Resolved.Digest)
	}
	if !r.SubstanceDigest.IsZero() {
		fmt.Fprintf(&b, "  substance   %v\n", r.SubstanceDigest)
	}
	b.WriteString("\nQuorum\n")
	for _, q := range state.Quorum {
		fmt.Fprintf(&b, "  %-14s %d of %d  %s  (answers for %s)\n", Printable(q.Role), q.Counted, q.Min, Printable(orNobody(q.Persons)), Printable(strings.Join(q.Criteria, ", ")))
	}
	fmt.Fprintf(&b, "\nReviews (%d)\n", len(state.Reviews))
	for _, v := range state.Reviews {
		reviewLine(&b, v, at)
	}
	if against := opposing(r); len(against) > 0 {
		b.WriteString("\nIn the way\n")
		for _, reason := range against {
			fmt.Fprintf(&b, "  %s [%s]\n", Printable(reason.Message), Printable(reason.Code))
		}
	}
	nextSteps(&b, state, next)
	_, err := io.WriteString(w, b.String())
	return err
}

// nextSteps names the command for each thing that is missing or in the way. What
// two persons said against the model comes first: nothing else helps.
func nextSteps(b *strings.Builder, state *policy.ReviewState, next func(verb string) string) {
	for _, v := range state.Reviews {
		if v.Counts() && (v.Kind == provenance.Violation || v.Kind == provenance.Rejection) {
			fmt.Fprintf(b, "\nNext, where the %v of %s no longer holds, by two reviewers each:\n  %s --statement-digest %v --role … --reason …\n", v.Kind, Printable(v.Person), next("withdraw"), v.Statement)
		}
	}
	for _, v := range state.Reviews {
		if v.Code == provenance.CodeReviewOutdated && v.Changes == nil {
			fmt.Fprintf(b, "\nNext, to see what changed since the review of %s, with the record that it is of (review start wrote it):\n  %s --baseline manifest.json\n", Printable(v.Person), next("show"))
		}
	}
	for _, q := range state.Quorum {
		if q.Met() {
			continue
		}
		for _, v := range state.Reviews {
			if v.Role == q.Role && v.Code == provenance.CodeReviewExpired {
				fmt.Fprintf(b, "\nNext, by %s, whose approval ended, where it is of this very record:\n  %s\n", Printable(v.Person), next("renew"))
			}
		}
		fmt.Fprintf(b, "\nNext, by somebody who reviews as %s:\n  %s\n", Printable(q.Role), next("start"))
	}
}

func orNobody(names []string) string {
	if len(names) == 0 {
		return "nobody"
	}
	return strings.Join(names, ", ")
}

// opposing are the reasons that keep the verdict from being allow.
func opposing(r *check.Report) []policy.Reason {
	return slices.DeleteFunc(slices.Clone(r.Verdict.Reasons), func(reason policy.Reason) bool { return reason.Effect == policy.Allow })
}

func reviewLine(b *strings.Builder, v policy.ReviewVerdict, at time.Time) {
	word := "does not count"
	if v.Counts() {
		word = "counts"
	}
	who := v.Person
	if who == "" {
		who = "a stranger"
	}
	fmt.Fprintf(b, "  %s: %s as %s, %v", word, Printable(who), Printable(v.Role), v.Decision)
	if v.Kind != provenance.Approval && v.Kind != provenance.NoReview {
		fmt.Fprintf(b, " (%v)", v.Kind)
	}
	if v.Counts() && v.Decision.Approves() {
		fmt.Fprintf(b, ", %d days left", int(v.ExpiresAt.Sub(at).Hours()/24))
	}
	fmt.Fprintf(b, "\n    %s [%s]\n    statement %v\n", Printable(v.Message), Printable(v.Code), v.Statement)
	if v.Changes != nil {
		b.WriteString("    changed since the record that was reviewed:\n")
		for _, s := range changes(*v.Changes) {
			for _, line := range s.Lines {
				fmt.Fprintf(b, "      %s\n", line)
			}
		}
	}
	for _, c := range v.Conditions {
		fmt.Fprintf(b, "    condition %s: %s\n", Printable(c.ID), Printable(c.Text))
	}
	for _, w := range v.Waivers {
		fmt.Fprintf(b, "    waives %s until %s: %s\n", Printable(w.Rule), w.ExpiresAt.Format(time.DateOnly), Printable(w.Statement))
	}
}
