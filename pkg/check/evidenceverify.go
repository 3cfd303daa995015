package check

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest"
	"github.com/modelcheck/modelcheck/pkg/internal/dossier"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// EvidenceVersion is the version of the evidence report's JSON, described by
// schemas/evidence-v1.json.
const EvidenceVersion = "1"

// An EvidenceReport says what became of checking a record against the evidence
// that was bundled with it. The zero value allows nothing.
type EvidenceReport struct {
	SchemaVersion   string                 `json:"schemaVersion"`
	Tool            Tool                   `json:"tool"`
	File            string                 `json:"file"`
	Verdict         policy.Verdict         `json:"verdict"`
	Subject         artifact.Digest        `json:"subject,omitzero"`
	ManifestDigest  artifact.Digest        `json:"manifestDigest,omitzero"`
	SubstanceDigest artifact.Digest        `json:"substanceDigest,omitzero"`
	Signatures      []provenance.Candidate `json:"signatures"`
	TrustedRoots    []TrustedRoot          `json:"trustedRoots"`
	Rechecked       Rechecked              `json:"rechecked"`
	NotRechecked    []NotRechecked         `json:"notRechecked"`
	StartedAt       time.Time              `json:"startedAt"`
	FinishedAt      time.Time              `json:"finishedAt"`
}

// Rechecked counts what was checked again and held.
type Rechecked struct {
	Documents    int `json:"documents"`    // by digest
	Files        int `json:"files"`        // of the record, against the OCI manifests: the digest of a layer that is the file
	Quotes       int `json:"quotes"`       // stand at their lines
	Pointers     int `json:"pointers"`     // lead to a value
	LicenseTexts int `json:"licenseTexts"` // are the text that the record says
	Statements   int `json:"statements"`   // read out of the documents again, word for word the same
	Signatures   int `json:"signatures"`   // that the record names, proven with the trust that was given
}

// NotRechecked is something that the record says and that this evidence cannot
// show.
type NotRechecked struct {
	What   string `json:"what"` // a claim's id, or a part of the record
	Reason string `json:"reason"`
}

// An evidenceCheck is one run over one evidence bundle.
type evidenceCheck struct {
	*examination
	out    *EvidenceReport
	record *provenance.Manifest
	proved *provenance.Manifest // the record without what rests on unproven signers; nil where that is the record
}

// VerifyEvidence checks a record against the evidence bundled with it, and
// judges it by the policy. It asks no network. Of the bundle it trusts
// nothing: keys and roots are those of the policy.
//
// The report is never nil. An error means that there is no verdict.
func (c *Checker) VerifyEvidence(ctx context.Context, file string, data []byte) (*EvidenceReport, error) {
	now := c.cfg.Now().UTC()
	out := &EvidenceReport{
		SchemaVersion: EvidenceVersion,
		Tool:          Tool{Name: toolName, Version: c.cfg.Version},
		File:          file,
		Signatures:    []provenance.Candidate{},
		TrustedRoots:  c.cfg.trustedRoots(now),
		NotRechecked:  []NotRechecked{},
		StartedAt:     now,
	}
	k := &evidenceCheck{
		examination: &examination{Checker: c, report: &Report{StartedAt: now, Signatures: []provenance.Candidate{}}},
		out:         out,
	}
	err := k.guarded(ctx, data)
	out.FinishedAt = c.cfg.Now().UTC()
	if err != nil {
		return out, err
	}
	out.Signatures = k.report.Signatures
	out.Verdict = k.judge()
	return out, nil
}

// guarded is run, but a defect in any room leaves no verdict.
func (k *evidenceCheck) guarded(ctx context.Context, data []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("a defect of this program: %v\n%s", p, debug.Stack())
		}
	}()
	if err := k.cfg.CheckRootAges(k.report.StartedAt); err != nil {
		return err
	}
	return k.run(ctx, data)
}

// run is the story. What is wrong with the evidence is a fault, and faults
// deny; an error is the world's.
func (k *evidenceCheck) run(ctx context.Context, data []byte) error {
	d, err := dossier.Read(data)
	if err != nil {
		k.refuse(evidenceCode(err), "", err.Error())
		return nil
	}
	m, err := provenance.Decode(d.Record)
	if err != nil {
		k.refuse(recordCode(err), "", err.Error())
		return nil
	}
	k.dossier, k.record = d, m
	k.out.Subject, k.out.ManifestDigest = m.Subject, d.Index.Record
	if k.out.SubstanceDigest, err = provenance.SubstanceDigest(m); err != nil {
		return err
	}
	k.out.Rechecked.Documents = len(d.Blobs)
	if !k.hang() || !k.artifact(ctx) {
		return nil
	}
	if err := k.signatures(ctx); err != nil {
		return err
	}
	k.documents()
	return nil
}

func (k *evidenceCheck) refuse(code, subject, detail string) {
	k.faults = append(k.faults, provenance.Finding{ID: code, Subject: subject, Detail: detail})
}

func (k *evidenceCheck) skip(what, reason string) {
	k.out.NotRechecked = append(k.out.NotRechecked, NotRechecked{what, reason})
}

// recordCode says why a document is no record.
func recordCode(err error) string {
	if errors.Is(err, provenance.ErrNotCanonical) {
		return provenance.CodeRecordNotCanonical
	}
	return provenance.CodeRecordInvalid
}

// evidenceCode is the reason code of what dossier.Read found.
func evidenceCode(err error) string {
	for _, kind := range []struct {
		err  error
		code string
	}{
		{dossier.ErrLimit, provenance.CodeLimitExceeded},
		{dossier.ErrTruncated, provenance.CodeEvidenceTruncated},
		{dossier.ErrName, provenance.CodeEvidenceUnsafeName},
		{dossier.ErrDuplicate, provenance.CodeEvidenceDuplicate},
		{dossier.ErrDigest, provenance.CodeEvidenceDigest},
		{dossier.ErrRecord, provenance.CodeEvidenceManifest},
		{dossier.ErrMissing, provenance.CodeEvidenceMissing},
		{dossier.ErrExtra, provenance.CodeEvidenceExtra},
	} {
		if errors.Is(err, kind.err) {
			return kind.code
		}
	}
	return provenance.CodeEvidenceMalformed
}

// signatures judges again what was attached, with the trust of the policy and
// of nobody else.
func (k *evidenceCheck) signatures(ctx context.Context) error {
	subject := k.record.Subject
	if k.record.Artifact.Kind == "tree" {
		var err error
		if subject, err = nobodys(); err != nil {
			return err
		}
	}
	var referrers []attest.Referrer
	for _, r := range k.dossier.Index.Referrers {
		body := k.dossier.Blobs[r.Digest]
		referrer := attest.Referrer{Layout: r.Layout, Body: body,
			Descriptor: artifact.Descriptor{MediaType: r.MediaType, Digest: r.Digest, Size: int64(len(body))}}
		if r.Unread != "" {
			referrer.Err = fmt.Errorf("%w: %s", attest.ErrUnusable, r.Unread)
		}
		referrers = append(referrers, referrer)
	}
	result, err := k.verifier.VerifyAll(ctx, subject, referrers, k.attachment)
	if err != nil {
		return err
	}
	k.take(result)
	for _, digest := range k.dossier.Index.Bundles {
		k.take(k.verifier.VerifyBundle(subject, "bundle-file", k.dossier.Blobs[digest]))
	}
	k.modelSignatures(subject)
	k.complete(&provenance.Manifest{})
	k.unproven()
	return nil
}

// attachment is an attest.Fetch out of the bundle.
func (k *evidenceCheck) attachment(_ context.Context, d artifact.Descriptor, limit int64) ([]byte, error) {
	body := k.dossier.Blobs[d.Digest]
	switch {
	case body == nil:
		return nil, fmt.Errorf("%w: %v is not in the evidence bundle", attest.ErrUnusable, d.Digest)
	case int64(len(body)) != d.Size || d.Size > limit:
		return nil, fmt.Errorf("%w: %v has %d bytes", attest.ErrUnusable, d.Digest, len(body))
	}
	return body, nil
}

// judge gives the verdict of the policy on the record, with the signatures
// that were proven here in place of those that it names.
func (k *evidenceCheck) judge() policy.Verdict {
	c := policy.Case{Candidates: k.report.Signatures, Faults: k.faults, At: k.report.StartedAt}
	if len(k.faults) == 0 && k.record != nil {
		m := *k.record
		if k.proved != nil {
			m = *k.proved
		}
		m.Signatures, m.Attestations = nil, nil
		k.sign(&m)
		c.Manifest = &m
	}
	v := k.cfg.Policy.Evaluate(c)
	for _, n := range k.out.NotRechecked {
		if n.What == statementsWord {
			return hold(v, provenance.CodeEvidenceForeign, n.Reason)
		}
	}
	return v
}

// statementsWord is what is not rechecked where the record was written by
// other rules.
const statementsWord = "statements"
