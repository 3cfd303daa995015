package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/render"
	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
)

const verifyLong = `verify answers one question about one artifact: may it be used under the policy?

It resolves the reference once, collects everything attached to that digest,
checks every signature, reads every blob once and compares size and hash,
inspects the files as they stream, records a provenance manifest and judges it.
Where the signatures deny already, nothing more is read unless --manifest asks
for the record. No disk space is needed. A check that could not be made never counts as passed.

References:
  HOST/REPOSITORY:TAG           a registry; oci:// or docker:// may stand in front
  HOST/REPOSITORY@sha256:…      pinned; a tag before the @ is only compared
  oci-layout:PATH[:TAG|@DIGEST] a folder in the OCI image layout
  dir:PATH                      a plain folder of model files

Whom to trust is said by --policy, or by flags: --key, or --certificate-identity
with --certificate-oidc-issuer, which is proved with --trusted-root or with the
root that "modelcheck trust" installed as default. Without any of them the
signatures are shown and the verdict is hold.`

const verifyExample = `  # by public key, in CI
  modelcheck verify ghcr.io/acme/tiny-r1:v1 --key cosign.pub

  # keyless, with the trust material in a file
  modelcheck verify registry.example/models/r1@sha256:… \
      --trusted-root trusted_root.json \
      --certificate-identity https://github.com/acme/models/.github/workflows/release.yml@refs/heads/main \
      --certificate-oidc-issuer https://token.actions.githubusercontent.com

  # by policy; keep the provenance manifest, machine-readable report on stdout
  modelcheck verify oci-layout:./dist/model:v1 --policy policy.yaml --manifest manifest.json --output json

  # in CI: annotations and a summary, and files for other readers of the same report
  modelcheck verify ghcr.io/acme/tiny-r1:v1 --policy policy.yaml --output github --output sarif=r.sarif --output html=r.html

  # a list of references: one table, one exit status
  modelcheck verify --file refs.txt --policy policy.yaml --output junit=r.xml`

type verifyFlags struct {
	place    placeFlags
	cache    cacheFlags
	trust    trustFlags
	reviews  reviewFlags
	output   string        // of verbs that write one format to stdout
	outputs  []destination // of those that write several
	failOn   failOn
	many     manyFlags
	manifest string
	tensors  string
	evidence string // file for the evidence bundle
	record   bool   // also of what the signatures deny
	texts    bool   // and keep the documents that it rests on
	since    bool   // only compare with the receipt
	explain  bool   // reason codes, after text
	lock     lockFlags
	accept   bool // a verifier's summary in place of hashing
}

func newVerify(s streams) *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:     "verify REFERENCE…",
		Short:   "Verify a model's signatures and every byte, and judge it by the policy",
		Long:    verifyLong,
		Example: verifyExample,
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			args, err := f.lockedReferences(args)
			if err == nil {
				args, err = f.many.references(cmd, s, args)
			}
			if err != nil {
				return f.unbegun(s, "", err, f.many.file != "")
			}
			if len(args) > 1 || f.many.file != "" {
				return verifyMany(cmd.Context(), s, f, args)
			}
			if f.since {
				return sinceReceipt(cmd.Context(), s, f, args[0])
			}
			return verify(cmd.Context(), s, f, args[0])
		},
	}
	f.place.add(cmd)
	f.cache.add(cmd)
	f.trust.add(cmd)
	outputsFlag(cmd, s, &f)
	f.failOn.add(cmd)
	f.reviews.add(cmd)
	f.many.add(cmd)
	cmd.Flags().StringVar(&f.manifest, "manifest", "", "write the provenance manifest to `FILE` (- for stdout, in place of the report)")
	cmd.Flags().BoolVar(&f.since, "since-receipt", false, "of a folder that was pulled, compare only sizes, times and inodes with the receipt; nothing is hashed and nothing verified")
	f.lock.add(cmd)
	cmd.Flags().BoolVar(&f.lock.locked, "locked", false, "verify what the lockfile pins, all of it where no reference is given, and deny what drifted from it")
	cmd.Flags().BoolVar(&f.accept, "accept-summary", false, "hash nothing where a verifier whom the policy accepts did and attached the result; the report says so")
	evidenceFlag(cmd, &f.evidence)
	_ = cmd.MarkFlagFilename("manifest")
	f.addTensors(cmd)
	return cmd
}

func verify(ctx context.Context, s streams, f verifyFlags, name string) error {
	examine, err := f.examiner(s, name)
	if err != nil {
		return reportFailure(s, f, name, err)
	}
	return f.judge(ctx, s, name, examine)
}

// judge examines, reports, and turns the verdict into the exit status.
func (f verifyFlags) judge(ctx context.Context, s streams, name string, examine examiner) error {
	report, begun, err := f.examine(ctx, s, name, examine)
	if !begun {
		return f.unbegun(s, name, err, false)
	}
	f.failOn.note(report)
	if err := errors.Join(f.write(s, []*check.Report{report}, false, true), writeManifest(s, f.manifest, report), writeEvidence(s, f.evidence, report), writeTensors(s, f.tensors, report)); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	return f.failOn.code(report)
}

// An examiner is what a verb asks of a checker.
type examiner func(*check.Checker, context.Context, artifact.Reference) (*check.Report, error)

// examine tells whether the examination began; the report is never nil.
func (f verifyFlags) examine(ctx context.Context, s streams, name string, examine examiner) (report *check.Report, begun bool, err error) {
	failed := func(err error) (*check.Report, bool, error) {
		return check.Failed(name, failureCode(err), err, build().Version), false, err
	}
	if err := f.checkOutputs(); err != nil {
		return failed(err)
	}
	ref, err := parseReference(name)
	if err != nil {
		return failed(err)
	}
	cfg, err := f.prepare(s, ref)
	if err != nil {
		return failed(err)
	}
	bar := newProgress(s, f.place)
	if f.many.jobs > 1 {
		bar.how = progressNone
	}
	cfg.Progress, cfg.Blobs = bar.update, bar.blob
	cfg.RecordDenied = f.record || f.manifest != "" || f.evidence != "" || f.tensors != ""
	cfg.KeepEvidence = f.evidence != "" || f.texts
	cache, done, err := f.cache.open(s)
	if err != nil {
		return failed(err)
	}
	defer done()
	cfg.Cache = cache
	checker, err := check.New(cfg)
	if err != nil {
		return failed(err)
	}
	report, err = examine(checker, ctx, ref)
	bar.clear()
	if err != nil {
		err = explain(err, report.Error)
	}
	return report, true, err
}

// prepare makes of the flags what every examining verb needs.
func (f verifyFlags) prepare(s streams, ref artifact.Reference) (check.Config, error) {
	pol, err := f.trust.load(s, ref)
	if err != nil {
		return check.Config{}, err
	}
	cfg := f.place.config(s, pol)
	cfg.Tensors = f.tensors != ""
	f.trust.roots.configure(&cfg)
	if cfg.Bundles, err = f.trust.bundles(); err != nil {
		return cfg, err
	}
	if cfg.Profiles, err = f.place.profiles.read(); err != nil {
		return cfg, err
	}
	cfg.Sheet = render.Sheet
	return cfg, f.reviews.configure(&cfg)
}

// reportFailure puts an early failure into the JSON report too, so that a
// script reads one kind of document whatever happened.
func reportFailure(s streams, f verifyFlags, name string, err error) error {
	return f.unbegun(s, name, err, false)
}

// unbegun reports a run that did not begin, in every format but to a person,
// who reads stderr.
func (f verifyFlags) unbegun(s streams, name string, err error, many bool) error {
	report := check.Failed(name, failureCode(err), err, build().Version)
	if werr := f.write(s, []*check.Report{report}, many, false); !errors.Is(err, errWriting) {
		err = errors.Join(err, werr)
	}
	return err
}

// output prints reports to stdout, and nothing else goes there.
type output struct {
	s      streams
	quiet  bool
	format string
}

func (o output) report(r *check.Report) error {
	if o.quiet {
		return nil
	}
	var err error
	if o.format == "json" {
		err = render.JSON(o.s.out, r)
	} else {
		err = render.Text(o.s.out, r, style(o.s))
	}
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}
