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
	"github.com/modelcheck/modelcheck/pkg/provenance"
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
		newReviewRenew(s), newReviewWithdraw(s), newReviewViolation(s), newReviewDelta(s), newReviewIndex(s),
		newReviewExport(s), newReviewImport(s), newReviewLog(s))
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

// A reviewed is a record on its way to be reviewed: of an artifact that was
// examined, or out of a request file.
type reviewed struct {
	manifest *provenance.Manifest
	policy   artifact.Digest // of the effective policy
	sheet    []byte
	digest   artifact.Digest    // of the sheet
	texts    []policy.Criterion // of the policy's criteria

	ref    artifact.Reference // zero out of a request
	report *check.Report      // nil out of a request
}

// newReviewed renders the sheet of a record.
func newReviewed(m *provenance.Manifest, pol artifact.Digest, texts []policy.Criterion) *reviewed {
	_, sheet := render.Sheet(m, pol)
	return &reviewed{manifest: m, policy: pol, sheet: sheet, digest: artifact.SumSHA256(sheet), texts: texts}
}

// criteria are the digests of the policy's criteria by id.
func (x *reviewed) criteria() map[string]artifact.Digest {
	out := map[string]artifact.Digest{}
	for _, c := range x.texts {
		out[c.ID] = c.Digest
	}
	return out
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
	cfg.Progress, cfg.Blobs, cfg.RecordDenied = bar.update, bar.blob, true
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
	texts, err := criteriaTexts(r.criteria, cfg.Policy)
	if err != nil {
		return nil, err
	}
	out := newReviewed(report.Manifest, cfg.Policy.Digest(), texts)
	out.ref, out.report = ref, report
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
