package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/render"
	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

const reviewLong = `review is how people sign off a model: one person, in one role, signs what they
make of exactly what they were shown.

A review binds to the substance digest of the provenance manifest. It lapses by
itself: when something new is seen in the artifact, when it expires, when the
policy changes (unless it says otherwise). How many reviews are needed, by which
roles, and who has them, the policy says; a review's own word on that counts for
nothing (docs/review-guide.md).`

func newReview(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "review",
		Short: "Show, sign and count what reviewers decide about a model",
		Long:  reviewLong,
		Args:  cobra.ArbitraryArgs,
		RunE:  groupOnly("review"),
	}
	cmd.AddCommand(newReviewCriteria(s), newReviewStart(s), newReviewShow(s), newReviewSign(s), newReviewStatus(s),
		newReviewRenew(s), newReviewWithdraw(s), newReviewViolation(s), newReviewIndex(s))
	return cmd
}

// groupOnly is what a group of verbs does without a verb: a usage mistake.
func groupOnly(name string) func(cmd *cobra.Command, args []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usageError{hintError{fmt.Errorf("unknown command %q", args[0]), "modelcheck " + name + " --help lists the verbs"}}
		}
		_ = cmd.Help()
		return usageError{errors.New("no verb")}
	}
}

// A reviewRun is what every verb on one artifact needs.
type reviewRun struct {
	f        verifyFlags
	criteria string
	sign     signFlags
}

func (r *reviewRun) add(cmd *cobra.Command) {
	r.f.place.add(cmd)
	r.f.trust.addPolicy(cmd)
	r.f.trust.roots.add(cmd)
	r.f.reviews.add(cmd)
	cmd.Flags().StringVar(&r.criteria, "criteria", "", "`FILE` with the texts of the policy's criteria (default: the starter criteria)")
	_ = cmd.MarkFlagFilename("criteria")
}

// A reviewed is an artifact that was examined to be reviewed.
type reviewed struct {
	ref     artifact.Reference
	checker *check.Checker
	report  *check.Report
	sheet   []byte
	digest  artifact.Digest    // of the sheet
	texts   []policy.Criterion // of the policy's criteria
}

// examine verifies the artifact under the policy and renders the sheet. Also
// what is denied or held can be reviewed; what cannot be recorded cannot.
func (r *reviewRun) examine(ctx context.Context, s streams, name string) (*reviewed, error) {
	if r.f.trust.policyFile == "" {
		return nil, usageError{hintError{errors.New("no --policy given"), "a review is made under a policy, which says who reviews what: --policy policy.yaml"}}
	}
	ref, err := parseReference(name)
	if err != nil {
		return nil, err
	}
	cfg, err := r.f.prepare(s, ref)
	if err != nil {
		return nil, err
	}
	if !cfg.Policy.RequiresReviews() {
		return nil, usageError{hintError{errors.New("the policy asks for no reviews"), "name reviewers, criteria and require.reviews in it (docs/review-guide.md)"}}
	}
	bar := newProgress(s, r.f.place)
	cfg.Progress, cfg.RecordDenied = bar.update, true
	checker, err := check.New(cfg)
	if err != nil {
		return nil, err
	}
	report, err := checker.Examine(ctx, ref)
	bar.clear()
	if err != nil {
		return nil, explain(err, report.Error)
	}
	if report.Manifest == nil {
		return nil, fmt.Errorf("%w: %v", check.ErrNoRecord, reasonWords(report))
	}
	out := &reviewed{ref: ref, checker: checker, report: report}
	_, out.sheet = render.Sheet(report.Manifest, cfg.Policy.Digest())
	out.digest = artifact.SumSHA256(out.sheet)
	if out.texts, err = criteriaTexts(r.criteria, cfg.Policy); err != nil {
		return nil, err
	}
	return out, nil
}

func reasonWords(r *check.Report) string {
	out := ""
	for i, reason := range r.Verdict.Reasons {
		if i > 0 {
			out += "; "
		}
		out += reason.Message
	}
	return out
}
