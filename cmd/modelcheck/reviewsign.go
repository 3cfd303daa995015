package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/render"
	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

const reviewSignLong = `sign examines the artifact again, asks for the code of the report that you read,
and signs your decision about exactly that: the statement names the digests of
artifact, record, report and policy. It is verified and attached as a referrer,
or kept in a folder of reviews with --into.

A criterion that is not met and not waived cannot stand under an approval. Who
you are is what the signature proves; the role counts if the policy gives it.

What is decided is said in the file that "review start" wrote, or by flags.`

const reviewSignExample = `  # from the file that "review start" wrote
  modelcheck review sign ghcr.io/acme/tiny-r1:v1 --policy policy.yaml \
      --decision-file review/decision.yaml --code 7k2m9x4q --key anna.key

  # by flags, keyless; the code is asked for at the terminal
  modelcheck review sign ghcr.io/acme/tiny-r1:v1 --policy policy.yaml \
      --role legal --decision approve --met license-acceptable --expires 180d \
      --signing-config signing_config.json --trusted-root trusted_root.json

  # into a folder that is kept in git
  modelcheck review sign dir:./tiny-r1 --policy policy.yaml --decision-file d.yaml \
      --code 7k2m9x4q --key anna.key --into model-reviews`

const reviewSignExitStatus = `EXIT STATUS
  0  signed, verified, and attached or kept
  1  failed: the artifact could not be examined, the code is another report's, or signing failed
  2  usage: the command line, the decision or the policy is malformed`

// A reviewSigning is a verb that ends in a signed review.
type reviewSigning struct {
	reviewRun
	code, into, reviewer    string
	request                 string // a file in place of a reference
	file                    string // of the decision
	role, decision, expires string
	met                     []string
	statement               string
	scopeOf                 scopeFlags
}

type scopeFlags struct{ environments, uses []string }

func (r *reviewSigning) addSigning(cmd *cobra.Command) {
	r.add(cmd)
	r.sign.addSignatory(cmd)
	f := cmd.Flags()
	f.StringVar(&r.into, "into", "", "keep the signed review in this `FOLDER` of reviews, and attach nothing")
	f.StringVar(&r.reviewer, "reviewer", "", "`IDENTITY` that the certificate will have, where it is not known before signing in")
	_ = cmd.MarkFlagDirname("into")
	cmd.SetUsageTemplate(cmd.UsageTemplate() + "\n" + reviewSignExitStatus + "\n")
}

func newReviewSign(s streams) *cobra.Command {
	var r reviewSigning
	cmd := &cobra.Command{
		Use: "sign [REFERENCE]", Short: "Sign a decision about exactly what was shown",
		Long: reviewSignLong, Example: reviewSignExample, Args: r.oneSubject,
		RunE: func(cmd *cobra.Command, args []string) error { return r.run(cmd.Context(), s, args) },
	}
	r.addSigning(cmd)
	f := cmd.Flags()
	f.StringVar(&r.request, "request", "", "review what this `FILE` holds, which review export wrote, in place of a reference")
	f.StringVar(&r.file, "decision-file", "", "`FILE` with the decision, as \"review start\" writes it")
	f.StringVar(&r.code, "code", "", "the report `CODE` that review start and review show print (default: asked for at the terminal)")
	f.StringVar(&r.role, "role", "", "`ROLE` in which you review")
	f.StringVar(&r.decision, "decision", "", "approve, reject or abstain (conditions and waivers need --decision-file)")
	f.StringSliceVar(&r.met, "met", nil, "`IDS` of criteria that are met")
	f.StringVar(&r.expires, "expires", "180d", "when the review lapses: `DAYS` (180d) or a date; at most 366 days")
	f.StringVar(&r.statement, "statement", "", "a `SENTENCE` of your own before the certification")
	f.StringSliceVar(&r.scopeOf.environments, "environments", nil, "it holds for these `ENVIRONMENTS` only")
	f.StringSliceVar(&r.scopeOf.uses, "uses", nil, "it holds for these `USES` only")
	_ = cmd.MarkFlagFilename("decision-file")
	return cmd
}

func (r *reviewSigning) run(ctx context.Context, s streams, args []string) error {
	d, err := r.draft()
	if err != nil {
		return err
	}
	x, err := r.subject(ctx, s, args)
	if err != nil {
		return err
	}
	review, err := d.review(provenance.Approval, x.criteria(), time.Now())
	if err != nil {
		return err
	}
	if err := r.confirm(s, x); err != nil {
		return err
	}
	return r.place(ctx, s, x, review)
}

// subject is what is reviewed: an artifact, or what a request file holds.
func (r *reviewSigning) subject(ctx context.Context, s streams, args []string) (*reviewed, error) {
	if r.request == "" {
		return r.examine(ctx, s, args[0])
	}
	return readRequest(r.request)
}

// oneSubject wants a reference, or a request file in its place.
func (r *reviewSigning) oneSubject(cmd *cobra.Command, args []string) error {
	if r.request == "" {
		return oneReference(cmd, args)
	}
	if len(args) > 0 || r.f.trust.policyFile != "" || r.into == "" {
		return usageError{hintError{errors.New("--request takes the place of REFERENCE and --policy, and needs --into"), "modelcheck review sign --request FILE --decision-file decision.yaml --code CODE --key anna.key --into model-reviews"}}
	}
	return nil
}

// draft reads the decision from its file, or makes it of flags.
func (r *reviewSigning) draft() (decision, error) {
	if r.file == "" {
		if r.role == "" || r.decision == "" {
			return decision{}, usageError{hintError{errors.New("nothing is decided"), "give --decision-file (review start writes one), or --role and --decision"}}
		}
		d := decision{Role: r.role, Decision: r.decision, Expires: r.expires, Statement: r.statement,
			Scope: decisionScope{Environments: r.scopeOf.environments, Uses: r.scopeOf.uses}}
		for _, id := range r.met {
			d.Criteria = append(d.Criteria, decisionCriterion{ID: id, Result: "met"})
		}
		return d, nil
	}
	if r.role != "" || r.decision != "" || len(r.met) > 0 || r.statement != "" {
		return decision{}, usageError{errors.New("--decision-file and flags that decide exclude each other")}
	}
	data, err := readSmall(r.file)
	if err != nil {
		return decision{}, fmt.Errorf("reading the decision: %w", err)
	}
	return readDecision(data)
}

// confirm wants the code of the very report that is rendered now. A person at a
// terminal sees the criteria first.
func (r *reviewSigning) confirm(s streams, x *reviewed) error {
	want, code := render.SheetCode(x.digest), strings.ToLower(strings.TrimSpace(r.code))
	if code == "" {
		if !terminal(s.in) || !terminal(s.err) {
			return usageError{hintError{errors.New("no report code given"), "read the report (review show, review start) and give the code that it prints: --code CODE"}}
		}
		for _, c := range x.texts {
			fmt.Fprintf(s.err, "\n%s\n%s\n", c.ID, c.Text)
		}
		fmt.Fprint(s.err, "\nYou certify these texts, with the results of your decision. Code of the report that you read: ")
		line, err := bufio.NewReader(io.LimitReader(s.in, 200)).ReadString('\n')
		if err != nil {
			return fmt.Errorf("reading the report code: %w", err)
		}
		code = strings.ToLower(strings.TrimSpace(line))
	}
	if code != want {
		return hintError{fmt.Errorf("%w: the code %q is not its code", check.ErrReviewCode, code), "something else is seen now than you read, or the policy changed; read it again: modelcheck review show"}
	}
	return nil
}

// place signs a review and attaches or keeps it.
func (r *reviewSigning) place(ctx context.Context, s streams, x *reviewed, review provenance.Review) error {
	if r.into == "" && x.ref.Place() == artifact.Directory {
		return usageError{hintError{errors.New("nothing can be attached to a plain folder"), "keep the review in a folder: --into model-reviews"}}
	}
	signer, err := r.signer(ctx, s, x)
	if err != nil {
		return err
	}
	if review.Reviewer.ID, err = r.me(signer); err != nil {
		return err
	}
	draft := check.ReviewDraft{Review: review, Report: x.digest, Sheet: render.Sheet, Version: build().Version}
	full, err := draft.Complete(x.manifest, x.policy, time.Now())
	if err != nil {
		if errors.Is(err, provenance.ErrReview) {
			err = usageError{err}
		}
		return err
	}
	done, err := signer.SignReview(ctx, x.ref, full)
	if err != nil {
		return explainSigning(err)
	}
	return r.tell(s, done)
}

// signer is who signs. What is kept in a folder is attached to nothing.
func (r *reviewSigning) signer(ctx context.Context, s streams, x *reviewed) (*check.Signer, error) {
	r.sign.place = r.f.place
	target := x.ref
	if r.into != "" {
		target = artifact.Reference{}
	}
	cfg, err := r.sign.config(s, target)
	if err != nil {
		return nil, explainSigning(err)
	}
	cfg.NoAttach = r.into != ""
	signer, err := check.NewSigner(ctx, cfg)
	return signer, explainSigning(err)
}

// me is how a review will name who signs it.
func (r *reviewSigning) me(signer *check.Signer) (string, error) {
	if r.reviewer != "" {
		return r.reviewer, nil
	}
	if id := signer.SignatoryID(); id != "" {
		return id, nil
	}
	return "", usageError{hintError{errors.New("who will sign is not known before signing in"), "say who: --reviewer anna@example.com; a certificate for somebody else is refused"}}
}

func (r *reviewSigning) tell(s streams, done *check.ReviewReceipt) error {
	where := ""
	if r.into != "" {
		name, err := keepReview(r.into, done.Subject, done.Statement, done.Bundle)
		if err != nil {
			return fmt.Errorf("keeping the review: %w", err)
		}
		where = "kept in " + printable(name)
	} else {
		where = fmt.Sprintf("attached as %v (%s)", done.Attached.Digest, done.Attached.Layout)
	}
	v := done.Review
	_, err := fmt.Fprintf(s.out, "%s by %s as %s: %s until %s\n  subject    %v\n  substance  %v\n  statement  %v\n  %s\n",
		v.Kind, printable(v.Reviewer.ID), printable(v.Reviewer.Role), v.Decision, v.Validity.ExpiresAt.Format(time.DateOnly),
		done.Subject, v.Reviewed.Substance, done.Statement, where)
	return err
}
