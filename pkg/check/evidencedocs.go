package check

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/disclose"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// hang puts the documents of the bundle where an examination looks for what it
// saw stream by. It returns false where the bundle has not what it should.
func (k *evidenceCheck) hang() bool {
	k.gallery = k.newGallery()
	here := map[provenance.Document]bool{}
	for _, doc := range k.dossier.Index.Documents {
		here[provenance.Document(doc)] = true
	}
	for _, f := range k.record.Files {
		doc := provenance.Document{Path: f.Path, Digest: f.Digest}
		text := k.dossier.Blobs[f.Digest]
		switch {
		case here[doc] && int64(len(text)) != f.Size:
			k.refuse(provenance.CodeEvidenceArtifact, f.Path, fmt.Sprintf("%q has %d bytes, and the record says %d", f.Path, len(text), f.Size))
			return false
		case here[doc]:
			if k.gallery.proved[f.Layer] == nil {
				k.gallery.proved[f.Layer] = map[string]*watcher{}
			}
			k.gallery.proved[f.Layer][f.Path] = &watcher{text: text, facts: factsOf(f.Path, text)}
		case documentary(f.Path) && f.Role != artifact.RoleSystem && !k.saysUnread(f):
			k.refuse(provenance.CodeEvidenceMissing, f.Path, fmt.Sprintf("%q is a document of the artifact, and is not in the bundle", f.Path))
			return false
		}
	}
	files := map[provenance.Document]bool{}
	for _, f := range k.record.Files {
		files[provenance.Document{Path: f.Path, Digest: f.Digest}] = true
	}
	for doc := range here {
		if !files[doc] {
			k.refuse(provenance.CodeEvidenceExtra, doc.Path, fmt.Sprintf("%q is in the bundle, and no file of the record", doc.Path))
			return false
		}
	}
	return true
}

func factsOf(path string, text []byte) inspect.Facts {
	sink := inspect.New(path, int64(len(text)))
	if _, err := sink.Write(text); err != nil {
		return inspect.Facts{}
	}
	return sink.Facts()
}

// saysUnread says whether the record itself says that the document was not
// read.
func (k *evidenceCheck) saysUnread(f provenance.File) bool {
	if !disclose.Wanted(f.Path) && !inspect.Wanted(f.Path) {
		return true // a signature file too large to be one
	}
	return slices.ContainsFunc(k.record.Findings, func(finding provenance.Finding) bool {
		return finding.ID == provenance.CodeDocumentTooLarge && finding.Digest == f.Digest && finding.Subject == f.Path
	})
}

// documents reads everything again that the documents say, and compares.
func (k *evidenceCheck) documents() {
	in := disclose.Input{Root: modelRoot(k.record.Files)}
	again := k.readAgain(&in)
	k.ociStatements(&in)
	k.heard(&in)
	said := disclose.Extract(in)
	k.quotes()
	s := &statements{evidenceCheck: k, said: said, seen: again.observations, places: k.places(in)}
	s.compare()
	s.withoutTrust(in)
	if s.foreign() {
		k.skip(statementsWord, "the record was written with other catalogues, or by another version of the tool: what its documents say was not read again word for word")
		return
	}
	for _, f := range slices.Concat(said.Findings, s.drawn.Findings, again.findings) {
		if !slices.ContainsFunc(k.record.Findings, func(g provenance.Finding) bool { return sameFinding(f, g) }) {
			k.refuse(provenance.CodeEvidenceClaims, f.Subject, fmt.Sprintf("the record leaves out what %q shows: %s", f.Subject, f.Detail))
		}
	}
	s.settle(in)
}

// An again is what inspection finds in the documents by themselves.
type again struct {
	observations []provenance.ClaimObservation
	findings     []provenance.Finding
}

func (k *evidenceCheck) readAgain(in *disclose.Input) again {
	var out again
	seen := map[provenance.Document]bool{}
	for _, f := range k.record.Files {
		doc := provenance.Document{Path: f.Path, Digest: f.Digest}
		if seen[doc] || f.Role == artifact.RoleSystem {
			continue
		}
		seen[doc] = true
		w := k.gallery.seen(f.Layer, f.Path)
		wanted := disclose.Wanted(f.Path) || inspect.Wanted(f.Path)
		if wanted && w == nil {
			in.Unread = append(in.Unread, doc)
		}
		if w == nil || !wanted {
			continue
		}
		facts := []inspect.Facts{w.facts}
		if inspect.Wanted(f.Path) {
			facts = append(facts, inspect.Config(f.Path, f.Digest, w.text))
		}
		for _, fact := range facts {
			out.observations = append(out.observations, fact.Observations...)
			out.findings = append(out.findings, locatedIn(fact.Findings, f)...)
		}
		if disclose.Wanted(f.Path) {
			in.Documents = append(in.Documents, disclose.Document{Path: f.Path, Digest: f.Digest, Role: f.Role, Text: w.text})
		}
	}
	return out
}

func locatedIn(findings []provenance.Finding, f provenance.File) []provenance.Finding {
	out := slices.Clone(findings)
	for i := range out {
		out[i].Subject, out[i].Digest = f.Path, f.Digest
	}
	return out
}

// sameFinding says whether a finding of the record is f: by what was seen and
// where. Its words may tell more, of other files too.
func sameFinding(f, g provenance.Finding) bool {
	return f.ID == g.ID && (f.Digest == g.Digest || f.Digest.IsZero() && f.Subject == g.Subject) &&
		f.Facts["rule"] == g.Facts["rule"] && f.Facts["pointer"] == g.Facts["pointer"]
}

// places are the digests that statements of documents stand in.
func (k *evidenceCheck) places(in disclose.Input) map[artifact.Digest]bool {
	out := map[artifact.Digest]bool{}
	for _, d := range in.Documents {
		out[d.Digest] = true
	}
	for _, d := range k.dossier.Index.Documents {
		out[d.Digest] = true
	}
	for _, c := range in.Configs {
		out[c.Digest] = true
	}
	for _, a := range in.Annotations {
		out[a.Digest] = true
	}
	for _, a := range in.Attestations {
		out[a.Digest] = true
	}
	return out
}

// heard adds the signed statements that the record listened to, as far as they
// are proven here: whom to listen to was for the policy that it was written
// under to say.
func (k *evidenceCheck) heard(in *disclose.Input) {
	listened := map[artifact.Digest]bool{}
	for _, c := range k.record.Claims {
		for _, d := range c.Searched {
			listened[d.Digest] = true
		}
		for _, o := range c.Observations {
			listened[o.Source.Digest] = true
		}
	}
	k.signedStatements(in)
	in.Attestations = slices.DeleteFunc(in.Attestations, func(a disclose.Attestation) bool { return !listened[a.Digest] })
}

// searched is what was read again, and the signed statements that the record
// names as searched and that could not be.
func (k *evidenceCheck) searched(said []provenance.Document) []provenance.Document {
	out := slices.Clone(said)
	for _, c := range k.record.Claims {
		for _, d := range c.Searched {
			if strings.HasPrefix(d.Path, "attestation:") && !slices.Contains(out, d) {
				out = append(out, d)
			}
		}
	}
	return out
}

// nobodys is a digest that nobody can have signed: a folder has none.
func nobodys() (artifact.Digest, error) {
	var nonce [32]byte
	_, err := rand.Read(nonce[:])
	return artifact.SumSHA256(nonce[:]), err
}

// hold turns an allowing verdict into one that a person has to look at.
func hold(v policy.Verdict, code, message string) policy.Verdict {
	if v.Allowed() {
		v.Outcome = policy.Hold
	}
	v.Reasons = append([]policy.Reason{{Code: code, Effect: policy.Hold, Message: message}}, v.Reasons...)
	return v
}
