package check

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/oms"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/signing"
	"github.com/modelcheck/modelcheck/pkg/internal/packaging"
	"github.com/modelcheck/modelcheck/pkg/internal/registry"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// layoutFresh is the layout of a signature that is attached nowhere yet.
const layoutFresh = "bundle-file"

// errReadBack is wrapped where a registry took a signature and does not hand it
// out.
var errReadBack = errors.New("the signature is not found where it was attached")

// An unprovenError is a signature that was made and does not hold.
type unprovenError struct{ candidate provenance.Candidate }

func (e *unprovenError) Error() string {
	return fmt.Sprintf("the signature that was made does not verify (%s): %s", e.candidate.Code, e.candidate.Detail)
}

// A signature is one on its way.
type signature struct {
	*Signer
	report  *SignReport
	store   *registry.Store
	subject artifact.Descriptor
	image   *packaging.Image // nil for an index
	files   *oms.Model       // of a model signature
}

// make is the story of one signature over a digest, or over the files of an
// artifact.
func (g *signature) make(ctx context.Context, ref artifact.Reference) (err error) {
	if ref.Place() == artifact.Directory {
		return g.makeForTree(ctx, ref)
	}
	if g.store, err = g.client.Open(ref); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.store.Close()) }()
	if err := g.resolve(ctx); err != nil {
		return err
	}
	if err := g.state(ref); err != nil {
		return err
	}
	bundle, err := g.seal(ctx)
	if bundle == nil || g.cfg.NoAttach {
		return err
	}
	return g.attach(ctx, bundle)
}

// resolve turns the name into a digest, once, and refuses what nobody could
// verify later.
func (g *signature) resolve(ctx context.Context) error {
	found, err := g.store.Resolve(ctx)
	if err != nil {
		return err
	}
	d := found.Descriptor
	doc, err := packaging.Parse(found.Body, d)
	if err != nil {
		return fmt.Errorf("reading manifest %v: %w", d.Digest, err)
	}
	if g.image = doc.Image; g.image != nil {
		d.MediaType = doc.Image.MediaType
	} else {
		d.MediaType = doc.Index.MediaType
	}
	g.subject = artifact.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size}
	g.report.Resolved = &Resolved{Digest: d.Digest, MediaType: d.MediaType, Size: d.Size, TagDigest: found.TagDigest}
	g.cfg.Access.Log.DebugContext(ctx, "resolved", slog.String("digest", d.Digest.String()))
	return nil
}

// state writes the statement that is to be signed.
func (g *signature) state(ref artifact.Reference) (err error) {
	if g.cfg.Model == nil {
		g.report.Statement, err = signing.Statement(g.subject.Digest)
		return err
	}
	return g.stateFiles(ref)
}

// seal signs the statement and verifies the signature as the verify command
// would. A dry run gives no bundle.
func (g *signature) seal(ctx context.Context) ([]byte, error) {
	if g.cfg.DryRun {
		return nil, nil
	}
	naming := signing.CosignHint
	if g.files != nil {
		naming = signing.OMSHint
	}
	bundle, err := g.signer.Sign(ctx, g.report.Statement, naming)
	if err != nil {
		return nil, err
	}
	if err := g.accept(g.verifier.VerifyBundle(g.subject.Digest, layoutFresh, bundle)); err != nil {
		return nil, err
	}
	g.report.encoded = bundle
	g.report.Bundle = &Bundle{Digest: artifact.SumSHA256(bundle), Size: int64(len(bundle))}
	return bundle, nil
}

// accept takes what became of verifying one signature.
func (g *signature) accept(r attest.Result) error {
	if len(r.Candidates) != 1 {
		return &unprovenError{provenance.Candidate{Code: provenance.CodeInternal, Detail: fmt.Sprintf("it counts as %d signatures", len(r.Candidates))}}
	}
	c := r.Candidates[0]
	if g.files != nil && len(r.Pending) == 1 {
		c, _ = r.Pending[0].Complete(*g.files, oms.IgnoredBySigner, oms.IgnoredByDefault)
	}
	if c.Verdict != provenance.Proven {
		return &unprovenError{c}
	}
	g.report.Signature = &c
	return nil
}

// attach stores the signature, finds it again among everything attached, and
// verifies what the store hands out.
func (g *signature) attach(ctx context.Context, bundle []byte) error {
	a, err := attest.StatementManifest(g.subject, bundle, g.report.Signature.PredicateType)
	if err != nil {
		return err
	}
	parcel := registry.Attachment{Subject: g.subject, Manifest: a.Manifest}
	for _, b := range a.Blobs {
		parcel.Blobs = append(parcel.Blobs, registry.Blob(b))
	}
	got, err := g.store.Attach(ctx, parcel)
	if err != nil {
		return err
	}
	g.report.Attached = &Attached{Digest: got.Digest, Layout: got.Layout, Existed: got.Existed}
	found, err := g.store.Referrers(ctx, g.subject.Digest)
	if err != nil {
		return fmt.Errorf("%w: %w", errReadBack, err)
	}
	for _, r := range found {
		if r.Descriptor.Digest != got.Digest {
			continue
		}
		again, err := g.verifier.VerifyAll(ctx, g.subject.Digest, []attest.Referrer{attest.Referrer(r)}, g.fetch)
		if err == nil {
			err = g.accept(again)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errReadBack, err)
		}
		return nil
	}
	return fmt.Errorf("%w: %d others are listed", errReadBack, len(found))
}

func (g *signature) fetch(ctx context.Context, d artifact.Descriptor, limit int64) ([]byte, error) {
	b, err := g.store.Bytes(ctx, d, limit)
	if errors.Is(err, registry.ErrNotFound) {
		return nil, fmt.Errorf("%w: %w", attest.ErrUnusable, err)
	}
	return b, err
}
