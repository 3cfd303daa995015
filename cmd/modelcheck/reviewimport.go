package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

// An importing is one run of "review import".
type importing struct {
	f       verifyFlags
	mapped  map[string]string // ids of others' criteria → the policy's
	ref     artifact.Reference
	subject artifact.Digest
	checker *check.Checker
	policy  *policy.Policy
}

func newReviewImport(s streams) *cobra.Command {
	var i importing
	cmd := &cobra.Command{
		Use:   "import REFERENCE FILE|FOLDER|oci://REPOSITORY…",
		Short: "Attach reviews that were signed elsewhere",
		Long: `import attaches signed reviews, or lists of reviews, to the artifact that they are
about: from files, from a folder of reviews (FOLDER/sha256/HEX/*.sigstore.json),
or from another repository that holds the same artifact. Each is verified first:
it must hold, be about this very digest, and be by somebody whom the policy calls
a reviewer. Whether it counts, the policy says when the artifact is verified.
What is attached already is not attached twice.

Other organisations have criteria of their own. --map THEIRS=OURS says which of
them answer which of the policy's, and import prints the lines by which a policy
accepts the very texts that were assessed. Until they stand in the policy, the
mapping counts for nothing; read the texts first. What others waived stays
unmet here.`,
		Example: `  modelcheck review import ghcr.io/acme/tiny-r1:v1 model-reviews --policy policy.yaml
  modelcheck review import ghcr.io/acme/tiny-r1:v1 oci://ghcr.io/partner/tiny-r1 --policy policy.yaml --map licence-ok=license-acceptable`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usageError{hintError{errors.New("want a reference and at least one file, folder or repository"), "for example: modelcheck review import ghcr.io/acme/tiny-r1:v1 review.sigstore.json --policy policy.yaml"}}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return i.run(cmd.Context(), s, args[0], args[1:]) },
	}
	i.f.place.addAccess(cmd)
	i.f.trust.addPolicy(cmd)
	i.f.trust.roots.add(cmd)
	cmd.Flags().StringToStringVar(&i.mapped, "map", nil, "which of their criteria answer which of ours: `THEIRS=OURS,…`; prints what the policy must accept")
	return cmd
}

func (i *importing) run(ctx context.Context, s streams, name string, sources []string) error {
	if err := i.prepare(ctx, s, name); err != nil {
		return err
	}
	var bundles []foreign
	var failed []error
	for _, source := range sources {
		found, err := i.gather(ctx, source)
		if err == nil && len(found) == 0 {
			err = fmt.Errorf("%q holds no review of %v that can be attached", source, i.subject)
		}
		bundles, failed = append(bundles, found...), append(failed, err)
	}
	lines, err := i.accepts(bundles)
	if err != nil {
		return errors.Join(append(failed, err)...)
	}
	for _, b := range bundles {
		failed = append(failed, i.attach(ctx, s, b))
	}
	if len(lines) > 0 {
		fmt.Fprintf(s.err, "modelcheck: the policy does not accept these texts; where they ask what its criteria ask, put into it:\n")
	}
	for _, line := range lines {
		fmt.Fprintln(s.out, line)
	}
	return errors.Join(failed...)
}

func (i *importing) prepare(ctx context.Context, s streams, name string) error {
	if i.f.trust.policyFile == "" {
		return usageError{hintError{errors.New("no --policy given"), "the policy says who reviews: --policy policy.yaml"}}
	}
	ref, err := parseReference(name)
	if err != nil {
		return err
	}
	if ref.Place() == artifact.Directory {
		return usageError{hintError{errors.New("nothing can be attached to a plain folder"), "keep the reviews in a folder: verify --reviews FOLDER"}}
	}
	cfg, err := i.f.prepare(s, ref)
	if err != nil {
		return err
	}
	for _, theirs := range slices.Sorted(maps.Keys(i.mapped)) {
		if ours := i.mapped[theirs]; cfg.Policy.Criteria()[ours].IsZero() {
			return usageError{hintError{fmt.Errorf("--map: the policy has no criterion %q", ours), "it has " + strings.Join(sortedIDs(cfg.Policy.Criteria()), ", ")}}
		}
	}
	if i.checker, err = check.New(cfg); err != nil {
		return err
	}
	i.ref, i.policy = ref, cfg.Policy
	i.subject, err = i.checker.Resolve(ctx, ref)
	return err
}

// A foreign is a bundle and where it is from.
type foreign struct {
	from   string
	bundle []byte
}

// gather reads the bundles of a file, a folder of reviews, or a repository.
func (i *importing) gather(ctx context.Context, source string) ([]foreign, error) {
	var bundles [][]byte
	if repository, remote := strings.CutPrefix(source, policy.RegistryScheme); remote {
		there, err := parseReference(repository + "@" + i.subject.String())
		if err != nil {
			return nil, err
		}
		if bundles, err = i.checker.ReviewsAt(ctx, there, i.subject); err != nil {
			return nil, fmt.Errorf("%q: %w", source, err)
		}
	} else {
		info, err := os.Stat(source)
		if err != nil {
			return nil, err
		}
		if info.IsDir() {
			bundles, err = reviewsIn(source)(i.subject)
		} else {
			var one []byte
			one, err = readSmall(source)
			bundles = [][]byte{one}
		}
		if err != nil {
			return nil, err
		}
	}
	var out []foreign
	for _, b := range bundles {
		out = append(out, foreign{source, b})
	}
	return out, nil
}

// accepts are the lines that the policy lacks for the mapped criteria. The
// digests are those that the reviews were signed with.
func (i *importing) accepts(bundles []foreign) ([]string, error) {
	var out []string
	for _, theirs := range slices.Sorted(maps.Keys(i.mapped)) {
		ours := i.mapped[theirs]
		var texts []artifact.Digest
		for _, b := range bundles {
			s, err := i.checker.OpenReview(i.subject, b.bundle)
			if err != nil || s.Review == nil {
				continue // attach says so
			}
			for _, c := range s.Review.Criteria {
				if c.ID == theirs && !slices.Contains(texts, c.Digest) {
					texts = append(texts, c.Digest)
				}
			}
		}
		switch {
		case len(texts) == 0:
			return nil, fmt.Errorf("--map: no review that can be attached assesses a criterion %q", theirs)
		case len(texts) > 1:
			return nil, fmt.Errorf("--map: the reviews assess %q against %d different texts: import them one by one", theirs, len(texts))
		case !i.policy.AcceptsCriterion(ours, texts[0]):
			out = append(out, fmt.Sprintf("  - {id: %s, digest: %q, accepts: [%q]} # %s", ours, i.policy.Criteria()[ours].String(), texts[0].String(), printable(theirs)))
		}
	}
	return out, nil
}

func (i *importing) attach(ctx context.Context, s streams, b foreign) error {
	at, who, err := i.checker.AttachReview(ctx, i.ref, b.bundle)
	if err != nil {
		return fmt.Errorf("%q: %w", b.from, err)
	}
	word := "attached"
	if at.Existed {
		word = "was attached already"
	}
	fmt.Fprintf(s.out, "%s: %s as %v (by %s)\n", printable(b.from), word, at.Digest, printable(who.Identity.KeyFingerprint+who.Identity.Subject))
	return nil
}
