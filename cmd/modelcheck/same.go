package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/render"
	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

const sameLong = `same says whether two artifacts hold the same weights, in whatever shards, order
or container: every tensor's name, number format, shape and content is compared.
Else it says which tensors differ, and what share of each artifact the other one
holds too, by content and under any name.

Every byte of both is hashed and must match the digest that names it. Signatures
and policy are not asked: two models may be the same and both be forged. Each
side is a reference, or a list of tensors that verify, pull or inspect --full
wrote with --tensors; a list is the word of whoever gave it.

Tensors are told apart in safetensors, GGUF, the state dicts of PyTorch's zips
and NumPy's arrays. Where one artifact has weights in another format, or none,
nothing is compared, and that is an error: it is never "same".

All of A in B means that A is made of B's tensors, as a repackaged model is. A
part means that a part was left as it was, embeddings or a vision tower for
example. Nothing in common says nothing: a fine-tune can change every tensor,
and another number format changes all of them.

Here the exit status means: 0 the same weights, 3 other weights, 1 not compared,
2 usage.`

const sameExample = `  # one model in two packagings
  modelcheck same ghcr.io/acme/r1:safetensors oci-layout:./dist/r1:gguf

  # against the tensors of the base model that the card names
  modelcheck same dir:./tuned base-tensors.json --output json`

func newSame(s streams) *cobra.Command {
	var place placeFlags
	var format string
	cmd := &cobra.Command{
		Use:     "same A B",
		Short:   "Say whether two artifacts hold the same weights, or which tensors differ",
		Long:    sameLong,
		Example: sameExample,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 2 {
				return nil
			}
			err := fmt.Errorf("%d arguments given, want 2", len(args))
			return usageError{hintError{err, "for example: modelcheck same dir:./tuned dir:./base"}}
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return same(cmd.Context(), s, place, format, args)
		},
	}
	place.add(cmd)
	outputFlag(cmd, &format)
	return cmd
}

func same(ctx context.Context, s streams, place placeFlags, format string, names []string) error {
	checker, err := neutralChecker(s, place)
	if err != nil {
		return err
	}
	var lists [2]*check.TensorManifest
	var hashed [2]bool
	for i, name := range names {
		if lists[i], hashed[i], err = tensorsOf(ctx, checker, name); err != nil {
			err = fmt.Errorf("listing the tensors of %q: %w", name, err)
			break
		}
	}
	report, cerr := check.Compare(lists[0], lists[1], build().Version)
	if err == nil {
		err = cerr
	}
	report.A.Name, report.B.Name = names[0], names[1]
	report.A.Hashed, report.B.Hashed = hashed[0], hashed[1]
	if err != nil {
		report.Result, report.Error = "", &check.Failure{Code: failureCode(err), Message: err.Error()}
	}
	if perr := printSame(s, place.quiet, format, report); perr != nil {
		return errors.Join(perr, err)
	}
	switch {
	case err != nil:
		return err
	case report.Result == check.ResultSame:
		return nil
	default:
		return verdictError{policy.Deny} // reported already; status 3
	}
}

func printSame(s streams, quiet bool, format string, r *check.SameReport) error {
	switch {
	case quiet:
		return nil
	case format == "json":
		return render.JSON(s.out, r)
	case r.Result == "":
		return nil // stderr says why
	}
	return render.SameText(s.out, r, style(s))
}

// neutralChecker trusts nobody: signatures are not asked for.
func neutralChecker(s streams, place placeFlags) (*check.Checker, error) {
	p, err := policy.Build(policy.Settings{})
	if err != nil {
		return nil, err
	}
	return check.New(place.config(s, p))
}

// tensorsOf lists the tensors of what a name stands for, and says whether its
// bytes were hashed for it.
func tensorsOf(ctx context.Context, c *check.Checker, name string) (*check.TensorManifest, bool, error) {
	ref, err := artifact.ParseReference(name)
	if err != nil {
		if !strings.HasSuffix(name, ".json") {
			_, err := parseReference(name)
			return nil, false, err
		}
		list, err := readTensors(name)
		return list, false, err
	}
	list, err := c.Tensors(ctx, ref)
	return list, err == nil, err
}

func readTensors(name string) (*check.TensorManifest, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > check.MaxTensorManifest {
		return nil, fmt.Errorf("%q is no file of at most %d bytes", name, int64(check.MaxTensorManifest))
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return check.ParseTensorManifest(data)
}
