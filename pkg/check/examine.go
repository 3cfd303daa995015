package check

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest"
	"github.com/modelcheck/modelcheck/pkg/internal/dossier"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect"
	"github.com/modelcheck/modelcheck/pkg/internal/packaging"
	"github.com/modelcheck/modelcheck/pkg/internal/registry"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// An examination is one run over one artifact.
type examination struct {
	*Checker
	ref    artifact.Reference
	report *Report
	faults []provenance.Finding

	// largest is the size in bytes of the largest blob that is read; 0 means
	// that every blob is, as verifying demands.
	largest int64
	full    bool // describing, every blob is read
	// tensors asks for them like Config.Tensors; unsigned leaves signatures out.
	tensors, unsigned bool

	accept   bool                  // judge by verification summaries; read no blob
	attested []*attest.Attestation // that hold, whoever made them; by index of the report's signatures
	recalled *Recollection         // where accept, once everything attached was read
	reviews  policy.Reviewing      // where the policy asks for reviews

	store   *registry.Store
	subject registry.Resolution
	members []*member
	opened  []artifact.Descriptor // manifests and indexes, each before what it lists
	// attachments are the referrers that were judged.
	attachments []registry.Referrer
	gate        policy.Verdict      // of the signatures alone
	pending     []*pendingSignature // OpenSSF Model Signing: waits for the files
	gallery     *gallery
	exhibit     *exhibit         // nil where no evidence is kept
	dossier     *dossier.Dossier // where an evidence bundle is examined in place of the artifact
	total       int64            // bytes of all distinct blobs

	headers   []inspect.Unverified // of Report.Unread, where describing
	treeFiles []artifact.File      // of a plain folder
	receipt   *receipt             // that lies in it, nil where there is none
	quick     bool                 // only its receipt is compared
	pull      *pull                // nil where no files are kept
	shelf     shelf                // what the reading has to do with the cache
	early     *early               // what was asked for before anybody read
	findings  []provenance.Finding
}

// A member is one image manifest of the artifact: the artifact itself, or one
// of an index.
type member struct {
	descriptor  artifact.Descriptor
	platform    string
	attestation bool // built beside the images by other tools; hashed, but no model
	image       *packaging.Image
	contents    packaging.Contents
}

// examine is the story. Errors that the artifact is to blame for become a
// denial in finish; all others leave no verdict.
func (e *examination) examine(ctx context.Context) (err error) {
	if e.ref.Place() == artifact.Directory && e.accept {
		return errNoReferrers
	}
	if e.ref.Place() == artifact.Directory {
		return e.examineTree(ctx)
	}
	if e.store, err = e.client.Open(e.ref); err != nil {
		return err
	}
	defer func() {
		if cerr := e.store.Close(); err == nil {
			err = cerr
		}
	}()
	if err := e.resolve(ctx); err != nil {
		return err
	}
	e.early = e.foresee(ctx)
	defer e.early.end()
	if err := e.collect(ctx); err != nil {
		return err
	}
	if e.accept {
		e.recall()
		return e.reviewing(ctx, e.subject.Descriptor.Digest)
	}
	if err := e.unpack(ctx); err != nil {
		return err
	}
	if err := e.signatureFiles(ctx); err != nil {
		return err
	}
	if e.closed() {
		return nil
	}
	if err := e.stream(ctx); err != nil {
		return err
	}
	if err := e.record(); err != nil {
		return err
	}
	return e.reviewing(ctx, e.subject.Descriptor.Digest)
}

// resolve turns the name into a digest, once. From here on only the digest is
// used.
func (e *examination) resolve(ctx context.Context) error {
	var err error
	if e.subject, err = e.store.Resolve(ctx); err != nil {
		return err
	}
	d := e.subject.Descriptor
	e.report.Resolved = &Resolved{Digest: d.Digest, MediaType: d.MediaType, Size: d.Size, TagDigest: e.subject.TagDigest}
	e.log(ctx, "resolved", slog.String("digest", d.Digest.String()))
	return nil
}

// collect asks for everything attached to the digest and judges each candidate
// by itself. Kilobytes come before gigabytes.
func (e *examination) collect(ctx context.Context) error {
	if e.unsigned {
		return nil
	}
	found, err := e.store.Referrers(ctx, e.subject.Descriptor.Digest)
	if err != nil {
		return fmt.Errorf("%w: %w", errReferrers, err)
	}
	e.attachments = found
	referrers := make([]attest.Referrer, len(found))
	for i, r := range found {
		referrers[i] = attest.Referrer(r)
		e.exhibit.referrer(referrers[i])
	}
	result, err := e.verifier.VerifyAll(ctx, e.subject.Descriptor.Digest, referrers, e.fetch)
	if err != nil {
		return fmt.Errorf("%w: %w", errReferrers, err)
	}
	e.take(result)
	e.bundles(e.subject.Descriptor.Digest)
	e.log(ctx, "verified signatures", slog.Int("candidates", len(e.report.Signatures)))
	return nil
}

// closed says whether the signatures deny already, so that gigabytes need not
// be read to say no.
func (e *examination) closed() bool {
	if e.report.Inspected || e.cfg.RecordDenied || e.maySign() {
		return false
	}
	e.gate = e.cfg.Policy.Gate(e.report.Signatures)
	if e.gate.Outcome != policy.Deny {
		return false
	}
	e.report.Stopped = "signatures"
	return true
}

// fetch tells attest what it cannot know: that a blob which is not there is the
// candidate's fault, and not the network's.
func (e *examination) fetch(ctx context.Context, d artifact.Descriptor, limit int64) ([]byte, error) {
	b, err := e.store.Bytes(ctx, d, limit)
	e.exhibit.attachment(b, err)
	if errors.Is(err, registry.ErrNotFound) {
		return nil, fmt.Errorf("%w: %w", attest.ErrUnusable, err)
	}
	return b, err
}

// unpack reads the manifests and lists what has to be hashed.
func (e *examination) unpack(ctx context.Context) error {
	if err := e.open(ctx, e.subject.Descriptor, e.subject.Body, "", false, 0); err != nil {
		return err
	}
	if len(e.members) == 0 {
		return fmt.Errorf("choosing the members of the index: %w: none is for platform %q", packaging.ErrEmpty, e.cfg.Platform)
	}
	return nil
}

func (e *examination) open(ctx context.Context, d artifact.Descriptor, body []byte, platform string, attestation bool, depth int) error {
	doc, err := packaging.Parse(body, d)
	if err != nil {
		return fmt.Errorf("reading manifest %v: %w", d.Digest, err)
	}
	e.exhibit.manifest(d, body)
	e.opened = append(e.opened, d)
	if doc.Image != nil {
		if slices.ContainsFunc(e.members, func(m *member) bool { return m.descriptor.Digest == d.Digest }) {
			return nil // an index may name a manifest twice
		}
		e.members = append(e.members, &member{descriptor: d, platform: platform, attestation: attestation, image: doc.Image})
		return nil
	}
	if depth == packaging.MaxIndexDepth {
		return fmt.Errorf("reading index %v: %w: deeper than %d", d.Digest, packaging.ErrLimit, packaging.MaxIndexDepth)
	}
	for _, m := range doc.Index.Members {
		if e.cfg.Platform != "" && m.Platform != e.cfg.Platform {
			continue
		}
		body, err := e.body(ctx, m.Descriptor)
		if errors.Is(err, errNotBundled) {
			continue // the record says which members it is about
		}
		if err != nil {
			return fmt.Errorf("reading member %v of index %v: %w", m.Digest, d.Digest, err)
		}
		if err := e.open(ctx, m.Descriptor, body, m.Platform, attestation || m.Attestation, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (e *examination) log(ctx context.Context, msg string, attrs ...slog.Attr) {
	e.cfg.Log.LogAttrs(ctx, slog.LevelDebug, msg, attrs...)
}
