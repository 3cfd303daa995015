package check

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/oms"
	"github.com/modelcheck/modelcheck/pkg/internal/packaging"
	"github.com/modelcheck/modelcheck/pkg/internal/registry"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// signatureFile is the name under which OpenSSF Model Signing keeps a signature
// among the files that it covers (model-signing-spec v1.0).
const signatureFile = "model.sig"

// A pendingSignature is proven, and covers a list of files that have to be
// compared with those that there are.
type pendingSignature struct {
	*attest.Pending
	index   int    // in the report's signatures
	file    string // the model.sig that it came from, "" where it came from elsewhere
	hashers map[artifact.Digest]map[string]*oms.Hasher
}

// take adds what attest judged to the report.
func (e *examination) take(r attest.Result) {
	e.takeFrom(r, "")
}

func (e *examination) takeFrom(r attest.Result, file string) {
	first := len(e.report.Signatures)
	e.report.Signatures = append(e.report.Signatures, r.Candidates...)
	for _, p := range r.Pending {
		e.pending = append(e.pending, &pendingSignature{
			Pending: p, index: first + p.Index, file: file, hashers: map[artifact.Digest]map[string]*oms.Hasher{},
		})
	}
	for _, a := range r.Attestations {
		a.Index += first
		e.attested = append(e.attested, a)
	}
	for i := first; i < len(e.report.Signatures); i++ {
		e.nameSigners(i)
	}
}

// nameSigners writes beside a candidate which of the policy's signers made it,
// signature or attestation; whether it counts is for the policy to say.
func (e *examination) nameSigners(i int) {
	c := &e.report.Signatures[i]
	c.Signers = nil
	for _, s := range e.cfg.Policy.Match(*c) {
		c.Signers = append(c.Signers, s.Signer)
	}
	for _, a := range e.cfg.Policy.Statements(*c) {
		c.Signers = append(c.Signers, a.Signer)
	}
	c.Signers = append(c.Signers, e.cfg.Policy.Verifiers(*c)...)
	c.Signers = append(c.Signers, e.cfg.Policy.ReviewSigners(*c)...)
	slices.Sort(c.Signers)
	c.Signers = slices.Compact(c.Signers)
}

// bundles judges what the user brought along.
func (e *examination) bundles(subject artifact.Digest) {
	for _, b := range e.cfg.Bundles {
		e.take(e.verifier.VerifyBundle(subject, "bundle-file", b))
	}
}

// signatureFiles judges every model.sig that is a layer of its own before the
// rest is read, so that what it asks for can be hashed in the same pass.
func (e *examination) signatureFiles(ctx context.Context) error {
	seen := map[artifact.Digest]bool{}
	for _, m := range e.members {
		for _, l := range m.image.Layers {
			if m.attestation || l.Encoding != packaging.Raw || path.Base(l.Path) != signatureFile || seen[l.Digest] {
				continue
			}
			seen[l.Digest] = true
			if l.Size > attest.MaxBundle {
				e.tooLarge(l.Digest, l.Size, attest.MaxBundle)
				continue
			}
			raw, err := e.store.Bytes(ctx, l.Descriptor, attest.MaxBundle)
			if err != nil {
				return fmt.Errorf("reading %q: %w", l.Path, err)
			}
			e.takeFrom(e.verifier.VerifyBundle(e.subject.Descriptor.Digest, "model-file", raw), l.Path)
		}
	}
	return nil
}

// tooLarge tells of a signature that is not read: it is there, and could be
// anybody's.
func (e *examination) tooLarge(d artifact.Digest, size, limit int64) {
	e.take(attest.Result{Candidates: []provenance.Candidate{{
		Layout: "model-file", Digest: d, Verdict: provenance.Refused, Code: provenance.CodeLimitExceeded,
		Detail: fmt.Sprintf("it was not looked at: a file %s of %d bytes; at most %d are read, in archives beside other documents", signatureFile, size, limit),
	}}})
}

// treeSignatures judges the model.sig of a plain folder. A folder has no digest
// that anybody could have signed before its files are known, so that nothing
// but a signature over files can hold: other statements are compared with a
// digest that nobody can have known.
func (e *examination) treeSignatures(tree *registry.Tree, listed []registry.TreeFile) (err error) {
	var nonce [32]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return err
	}
	nobodys := artifact.SumSHA256(nonce[:])
	e.bundles(nobodys)
	for _, f := range listed {
		if f.Path != signatureFile || f.Irregular != "" {
			continue
		}
		if f.Size > attest.MaxBundle {
			e.tooLarge(artifact.Digest{}, f.Size, attest.MaxBundle)
			continue
		}
		raw, err := readAll(tree, f)
		if err != nil {
			return err
		}
		e.takeFrom(e.verifier.VerifyBundle(nobodys, "model-file", raw), f.Path)
	}
	return nil
}

func readAll(tree *registry.Tree, f registry.TreeFile) (data []byte, err error) {
	r, err := tree.Open(f.Path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return io.ReadAll(io.LimitReader(r, f.Size+1))
}

// maySign says whether an archive that was not read yet could hold a
// signature, so that it is too early to say no.
func (e *examination) maySign() bool {
	for _, m := range e.members {
		for _, l := range m.image.Layers {
			if !m.attestation && l.Encoding != packaging.Raw {
				return true
			}
		}
	}
	return false
}

// hashers returns what pending signatures want hashed of a file while it
// streams, beside its SHA-256.
func (e *examination) hashers(layer artifact.Digest, name string, size int64) []*oms.Hasher {
	var out []*oms.Hasher
	for _, p := range e.pending {
		h := p.Needs(name, size)
		if h == nil {
			continue
		}
		if p.hashers[layer] == nil {
			p.hashers[layer] = map[string]*oms.Hasher{}
		}
		p.hashers[layer][name] = h
		out = append(out, h)
	}
	return out
}

// complete compares every pending signature with the files that there are. It
// holds only if it holds for every model of an index.
func (e *examination) complete(m *provenance.Manifest) {
	e.archivedSignatures()
	for _, p := range e.pending {
		var done provenance.Candidate
		var left oms.Result // of every model: what one does not hold, another may
		for i, model := range e.models() {
			c, result := p.Complete(model.of(p), oms.IgnoredBySigner, oms.IgnoredByDefault)
			left.Differences = append(left.Differences, result.Differences...)
			if i == 0 || c.Verdict != provenance.Proven || len(result.Differences) > 0 {
				done = c
			}
			if c.Verdict != provenance.Proven {
				break
			}
		}
		if done.Code == "" {
			continue
		}
		e.report.Signatures[p.index] = done
		e.nameSigners(p.index)
		if len(e.report.Signatures[p.index].Signers) > 0 {
			m.Findings = append(m.Findings, uncovered(left)...)
		}
	}
}

// uncovered tells of files that a signature which counts does not cover.
func uncovered(r oms.Result) []provenance.Finding {
	var out []provenance.Finding
	for _, name := range r.With(oms.IgnoredBySigner) {
		out = append(out, provenance.Finding{ID: provenance.CodeIgnoredBySigner, Subject: name,
			Detail: fmt.Sprintf("the signer had %q left out: the signature does not cover it", name)})
	}
	for _, name := range r.With(oms.IgnoredByDefault) {
		out = append(out, provenance.Finding{ID: provenance.CodeIgnoredByDefault, Subject: name,
			Detail: fmt.Sprintf("%q belongs to git and is left out of model signatures: the signature does not cover it", name)})
	}
	return out
}

// A model is what one member holds, as a signature over files sees it.
type model struct {
	root   string
	files  []artifact.File
	config artifact.Digest
}

func (e *examination) models() []model {
	if e.ref.Place() == artifact.Directory {
		return []model{{files: e.treeFiles}}
	}
	var out []model
	for _, m := range e.members {
		if !m.attestation {
			out = append(out, model{root: artifact.ModelRoot(m.contents.Files), files: m.contents.Files, config: m.image.Config.Digest})
		}
	}
	return out
}

func (m model) of(p *pendingSignature) oms.Model {
	out := oms.Model{Signature: strings.TrimPrefix(p.file, m.root), Config: m.config}
	for _, f := range m.files {
		if f.Role == artifact.RoleSystem {
			continue
		}
		out.Files = append(out.Files, oms.File{
			Path:   strings.TrimPrefix(f.Path, m.root),
			Size:   f.Size,
			SHA256: f.Digest,
			Hashed: p.hashers[f.Layer][f.Path],
		})
	}
	return out
}

// archivedSignatures judges a model.sig that only came to light when its
// archive was read.
func (e *examination) archivedSignatures() {
	seen := map[artifact.Digest]bool{}
	for _, m := range e.members {
		for _, f := range m.contents.Files {
			w := e.gallery.seen(f.Layer, f.Path)
			if path.Base(f.Path) != signatureFile || f.Layer == f.Digest || seen[f.Digest] {
				continue
			}
			seen[f.Digest] = true
			switch {
			case w != nil && w.text != nil:
				e.takeFrom(e.verifier.VerifyBundle(e.subject.Descriptor.Digest, "model-file", w.text), f.Path)
			case e.dossier == nil: // else it is no part of the evidence
				e.tooLarge(f.Digest, f.Size, maxDocument)
			}
		}
	}
}
