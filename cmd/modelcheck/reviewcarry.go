package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/render"
	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// changedSince heads what reviewers see of a difference.
const changedSince = "CHANGED SINCE THE BASELINE"

func newReviewDelta(s streams) *cobra.Command {
	var r reviewSigning
	cmd := &cobra.Command{
		Use:   "delta BASELINE REFERENCE",
		Short: "Approve what changed since a record that was approved",
		Long: `delta shows what changed from BASELINE, the provenance manifest of a version that
was approved, to the artifact, and signs a decision about that. It counts where a
full approval of the baseline, by a reviewer of the same role, is at hand: beside
the baseline in the same repository, or in --reviews.

Without a decision it only shows the difference, and the report code.`,
		Example: `  modelcheck review delta v1/manifest.json ghcr.io/acme/tiny-r1:v2 --policy policy.yaml
  modelcheck review delta v1/manifest.json ghcr.io/acme/tiny-r1:v2 --policy policy.yaml \
      --decision-file decision.yaml --code 7k2m9x4q --key anna.key`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usageError{hintError{fmt.Errorf("%d arguments given, want 2", len(args)), "for example: modelcheck review delta v1/manifest.json ghcr.io/acme/tiny-r1:v2 --policy policy.yaml"}}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return r.delta(cmd.Context(), s, args[0], args[1]) },
	}
	r.addSigning(cmd)
	cmd.Flags().StringVar(&r.file, "decision-file", "", "`FILE` with the decision, as \"review start\" writes it")
	cmd.Flags().StringVar(&r.code, "code", "", "the report `CODE` (default: asked for at the terminal)")
	_ = cmd.MarkFlagFilename("decision-file")
	return cmd
}

func (r *reviewSigning) delta(ctx context.Context, s streams, baseline, name string) error {
	before, err := readManifest(baseline)
	if err != nil {
		return err
	}
	x, err := r.examine(ctx, s, name)
	if err != nil {
		return err
	}
	if _, err := s.out.Write(render.SheetDifference(changedSince, provenance.Diff(before, x.manifest))); err != nil {
		return err
	}
	if r.file == "" {
		_, err := fmt.Fprintf(s.err, "modelcheck: report code %s\n", render.SheetCode(x.digest))
		return err
	}
	d, err := r.draft()
	if err != nil {
		return err
	}
	review, err := d.review(provenance.Delta, x.criteria(), time.Now())
	if err != nil {
		return err
	}
	substance, err := provenance.SubstanceDigest(before)
	if err != nil {
		return err
	}
	review.Reviewed.Baseline = &provenance.Baseline{Subject: before.Subject, Substance: substance}
	if err := r.confirm(s, x); err != nil {
		return err
	}
	return r.place(ctx, s, x, review)
}

// A request is what a reviewer without access to the registry gets.
type request struct {
	APIVersion string             `json:"apiVersion"`
	Kind       string             `json:"kind"`
	Policy     artifact.Digest    `json:"policy"`
	Criteria   []policy.Criterion `json:"criteria"`
	Manifest   jsontext.Value     `json:"manifest"` // the statement in canonical form
}

const requestKind = "ReviewRequest"

// readRequest reads a request file. Nothing in it was verified by whoever reads
// it: what is signed is about the digests in it.
func readRequest(file string) (*reviewed, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var q request
	if err := json.Unmarshal(data, &q, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("request %q: %w", file, err)
	}
	if q.APIVersion != policy.APIVersion || q.Kind != requestKind || q.Policy.IsZero() {
		return nil, fmt.Errorf("request %q: it is no review request of %s", file, policy.APIVersion)
	}
	for _, c := range q.Criteria {
		if c.Digest != artifact.SumSHA256([]byte(c.Text)) {
			return nil, fmt.Errorf("request %q: the text of criterion %q is not the one that its digest names", file, c.ID)
		}
	}
	m, err := provenance.Decode(q.Manifest)
	if err != nil {
		return nil, fmt.Errorf("request %q: %w", file, err)
	}
	return newReviewed(m, q.Policy, q.Criteria), nil
}

func newReviewExport(s streams) *cobra.Command {
	var r reviewRun
	var out string
	cmd := &cobra.Command{
		Use:   "export REFERENCE",
		Short: "Write a file from which somebody without access to the registry can review",
		Long: `export verifies the artifact and writes the record, the criteria's texts and the
policy's digest into one file. Its reader sees the sheet with "review show
--request FILE", signs with "review sign --request FILE --into FOLDER", and sends
the signed file back, which "review import" attaches. What the file says was
verified by whoever exported it, and not by whoever signs.`,
		Example: `  modelcheck review export ghcr.io/acme/tiny-r1:v1 --policy policy.yaml --out request.json`,
		Args:    oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			x, err := r.examine(cmd.Context(), s, args[0])
			if err != nil {
				return err
			}
			data, err := json.Marshal(request{policy.APIVersion, requestKind, x.policy, x.texts, x.report.ManifestBytes()})
			if err != nil {
				return err
			}
			if out == "" || out == "-" {
				_, err = s.out.Write(append(data, '\n'))
			} else {
				err = writeWhole(out, data)
			}
			if err == nil {
				fmt.Fprintf(s.err, "modelcheck: report code %s\n", render.SheetCode(x.digest))
			}
			return err
		},
	}
	r.add(cmd)
	cmd.Flags().StringVarP(&out, "out", "o", "", "write to `FILE` (default: stdout)")
	_ = cmd.MarkFlagFilename("out")
	return cmd
}
