package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

func newReviewRenew(s streams) *cobra.Command {
	var r reviewSigning
	var within time.Duration
	cmd := &cobra.Command{
		Use:   "renew REFERENCE",
		Short: "Renew your own approval of the same record before it ends",
		Long: `renew signs your approval again, with the same results, scope, conditions and
waivers that have not expired, for the record that you approved and no other. It
asks for the report code as "review sign" does.`,
		Example: `  modelcheck review renew ghcr.io/acme/tiny-r1:v1 --policy policy.yaml --expiring 42d --expires 180d --code 7k2m9x4q --key anna.key`,
		Args:    oneReference,
		RunE:    func(cmd *cobra.Command, args []string) error { return r.renew(cmd.Context(), s, args[0], within) },
	}
	r.addSigning(cmd)
	f := cmd.Flags()
	f.StringVar(&r.code, "code", "", "the report `CODE` (default: asked for at the terminal)")
	f.StringVar(&r.expires, "expires", "180d", "when the renewed review lapses: `DAYS` or a date")
	f.Var(ageFlag{&within}, "expiring", "only renew what ends within this time")
	return cmd
}

func (r *reviewSigning) renew(ctx context.Context, s streams, name string, within time.Duration) error {
	x, err := r.examine(ctx, s, name)
	if err != nil {
		return err
	}
	signer, err := r.signer(ctx, s, x)
	if err != nil {
		return err
	}
	me, err := r.me(signer)
	if err != nil {
		return err
	}
	var mine []policy.ReviewVerdict
	for _, v := range x.report.Reviews.Reviews {
		if old := v.Review(); old != nil && old.Reviewer.ID == me && old.Decision.Approves() && old.Reviewed.Substance == x.report.SubstanceDigest &&
			(v.Counts() || v.Code == provenance.CodeReviewExpired) {
			mine = append(mine, v)
		}
	}
	if len(mine) == 0 {
		return hintError{fmt.Errorf("%q has no approval of this record to renew", me), "review it: modelcheck review start"}
	}
	last := slices.MaxFunc(mine, func(a, b policy.ReviewVerdict) int { return a.SignedAt.Compare(b.SignedAt) })
	now := time.Now()
	if within > 0 && last.ExpiresAt.Sub(now) > within {
		_, err := fmt.Fprintf(s.out, "nothing to renew: it ends on %s\n", last.ExpiresAt.Format(time.DateOnly))
		return err
	}
	review := *last.Review()
	review.Kind, review.Supersedes, review.Statement = provenance.Renewal, []artifact.Digest{last.Statement}, ""
	review.Validity.NotBefore = now.UTC().Truncate(time.Second)
	if review.Validity.ExpiresAt, err = until(r.expires, now); err != nil {
		return err
	}
	if err := r.confirm(s, x); err != nil {
		return err
	}
	return r.place(ctx, s, x, review)
}

func newReviewWithdraw(s streams) *cobra.Command {
	var r reviewSigning
	var of []string
	cmd := &cobra.Command{
		Use:   "withdraw REFERENCE",
		Short: "Take back an approval; two independent reviewers can lift a rejection",
		Long: `withdraw signs that reviews are taken back, by the digests of their statements
(review status shows them). One reviewer can take back an approval, their own or
another's. Lifting a rejection or a violation takes two, of whom none signed the
model.`,
		Example: `  modelcheck review withdraw ghcr.io/acme/tiny-r1:v1 --policy policy.yaml --role legal \
      --statement-digest sha256:… --reason "the licence text is another one" --key anna.key`,
		Args: oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			var supersedes []artifact.Digest
			for _, text := range of {
				d, err := artifact.ParseDigest(text)
				if err != nil {
					return usageError{err}
				}
				supersedes = append(supersedes, d)
			}
			if len(supersedes) == 0 {
				return usageError{hintError{errors.New("nothing to take back"), "modelcheck review status shows statements: --statement-digest sha256:…"}}
			}
			return r.against(cmd.Context(), s, args[0], provenance.Withdrawal, provenance.Abstain, supersedes)
		},
	}
	r.addAgainst(cmd)
	cmd.Flags().StringArrayVar(&of, "statement-digest", nil, "`DIGEST` of the statement of a review to take back (may be repeated)")
	return cmd
}

func newReviewViolation(s streams) *cobra.Command {
	var r reviewSigning
	cmd := &cobra.Command{
		Use:   "violation REFERENCE",
		Short: "State what forbids use; it wins over every approval",
		Long: `violation signs that the artifact must not be used. It denies from then on, under
every policy that calls you a reviewer, whatever was approved and whatever
record it is of; it does not lapse. Two independent reviewers can lift it.`,
		Example: `  modelcheck review violation ghcr.io/acme/tiny-r1:v1 --policy policy.yaml --role model-risk \
      --reason "leaks training data verbatim, report 2026-17" --key ben.key`,
		Args: oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.against(cmd.Context(), s, args[0], provenance.Violation, provenance.Reject, nil)
		},
	}
	r.addAgainst(cmd)
	return cmd
}

func (r *reviewSigning) addAgainst(cmd *cobra.Command) {
	r.addSigning(cmd)
	f := cmd.Flags()
	f.StringVar(&r.role, "role", "", "`ROLE` in which you decide")
	f.StringVar(&r.statement, "reason", "", "a `SENTENCE` that says why; it is shown wherever this counts")
}

func (r *reviewSigning) against(ctx context.Context, s streams, name string, kind provenance.ReviewKind, decided provenance.Decision, of []artifact.Digest) error {
	if r.role == "" || r.statement == "" {
		return usageError{hintError{errors.New("no role, or no reason"), "for example: --role legal --reason \"the licence text is another one\""}}
	}
	x, err := r.examine(ctx, s, name)
	if err != nil {
		return err
	}
	now := time.Now().UTC().Truncate(time.Second)
	return r.place(ctx, s, x, provenance.Review{
		Kind: kind, Decision: decided, Supersedes: of, Statement: r.statement,
		Reviewer: provenance.Reviewer{Role: r.role},
		Validity: provenance.Validity{NotBefore: now, ExpiresAt: now.Add(provenance.MaxReviewValidity)},
	})
}

func newReviewIndex(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use: "index", Short: "Sign the list of all reviews of a model, so that none can be withheld",
		Args: cobra.ArbitraryArgs, RunE: groupOnly("review index"),
	}
	var r reviewSigning
	update := &cobra.Command{
		Use:   "update REFERENCE",
		Short: "Sign and attach a list of the reviews that are there now, valid for 7 days",
		Long: `update signs the digests of all reviews by the policy's reviewers that are attached
(or lie in --reviews), with a validity of 7 days, as TUF's timestamp has it. Under
a policy with require.reviews.index, approvals count only beside a fresh list,
and a listed review that is not handed out denies. Run it in a timer.`,
		Example: `  modelcheck review index update ghcr.io/acme/tiny-r1:v1 --policy policy.yaml --key registrar.key`,
		Args:    oneReference,
		RunE:    func(cmd *cobra.Command, args []string) error { return r.index(cmd.Context(), s, args[0]) },
	}
	r.addSigning(update)
	cmd.AddCommand(update)
	return cmd
}

func (r *reviewSigning) index(ctx context.Context, s streams, name string) error {
	x, err := r.examine(ctx, s, name)
	if err != nil {
		return err
	}
	now := time.Now().UTC().Truncate(time.Second)
	index := &provenance.ReviewIndex{Subject: x.manifest.Subject, GeneratedAt: now, ValidUntil: now.Add(provenance.MaxIndexValidity)}
	for _, v := range x.report.Reviews.Reviews {
		if v.Person != "" {
			index.Reviews = append(index.Reviews, v.Statement)
		}
	}
	slices.SortFunc(index.Reviews, func(a, b artifact.Digest) int { return a.Compare(b) })
	signer, err := r.signer(ctx, s, x)
	if err != nil {
		return err
	}
	done, err := signer.SignReviewIndex(ctx, x.ref, index)
	if err != nil {
		return explainSigning(err)
	}
	if r.into != "" {
		if _, err := keepReview(r.into, index.Subject, artifact.SumSHA256(done.Statement), done.BundleBytes()); err != nil {
			return fmt.Errorf("keeping the list: %w", err)
		}
	}
	_, err = fmt.Fprintf(s.out, "list of %d reviews of %v, valid until %s\n", len(index.Reviews), index.Subject, index.ValidUntil.Format(time.RFC3339))
	return err
}
