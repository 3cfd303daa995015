package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
)

const copyLong = `copy is verify that puts the artifact into another registry or OCI layout, if the
verdict is allow: the step from a public registry to your own, and into a folder
that is carried to where there is no network.

What was verified is read a second time, by digest, and hashed on its way.
Signatures, attestations, provenance manifest and reviews come along, and what is
attached to them or to members of an index, which nobody judges; they are attached
in the way that the destination knows. What stays behind is reported. The tag is set last, so that a
copy that was interrupted has no name; run it again to go on. Blobs that are there
are not sent, and within one registry they are mounted.`

const copyExample = `  # from a public to an internal registry
  modelcheck copy ghcr.io/acme/tiny-r1:v1 registry.internal/models/tiny-r1:v1 --policy policy.yaml

  # into a folder, and from the folder into a registry without a way out
  modelcheck copy ghcr.io/acme/tiny-r1:v1 oci-layout:./carry:v1 --policy policy.yaml
  modelcheck copy oci-layout:./carry:v1 registry.airgap/models/tiny-r1:v1 --policy policy.yaml`

func newCopy(s streams) *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:     "copy REFERENCE DESTINATION",
		Short:   "Verify a model, and copy it with all its signatures if the policy allows it",
		Long:    copyLong,
		Example: copyExample,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 2 {
				return nil
			}
			err := fmt.Errorf("%d arguments given, want a reference and a destination", len(args))
			return usageError{hintError{err, "for example: modelcheck copy ghcr.io/acme/tiny-r1:v1 registry.internal/models/tiny-r1:v1"}}
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return copyArtifact(cmd.Context(), s, f, args[0], args[1])
		},
	}
	f.place.addAccess(cmd)
	f.place.addReading(cmd)
	f.place.profiles.add(cmd)
	f.cache.add(cmd)
	f.trust.add(cmd)
	outputsFlag(cmd, s, &f)
	f.reviews.add(cmd)
	cmd.Flags().StringVar(&f.manifest, "manifest", "", "write the provenance manifest to `FILE` too (- for stdout, in place of the report)")
	_ = cmd.MarkFlagFilename("manifest")
	return cmd
}

func copyArtifact(ctx context.Context, s streams, f verifyFlags, name, destination string) error {
	to, err := parseReference(destination)
	if err == nil && to.Place() == artifact.Directory {
		err = usageError{hintError{errors.New("a plain folder holds no artifact to verify later"), "modelcheck pull " + name + " DIR puts files into a folder"}}
	}
	if ref, perr := parseReference(name); err == nil && perr == nil && ref.Place() == artifact.Directory {
		err = usageError{hintError{errors.New("a plain folder is no artifact"), "push it to a registry first, for example with oras push"}}
	}
	if err != nil {
		return reportFailure(s, f, name, err)
	}
	return f.judge(ctx, s, name, func(c *check.Checker, ctx context.Context, ref artifact.Reference) (*check.Report, error) {
		return c.Copy(ctx, ref, to)
	})
}
