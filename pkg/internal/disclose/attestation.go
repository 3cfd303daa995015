package disclose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/license"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// An Attestation is a signed statement about the artifact whose signature,
// subject and signer were verified, by a signer whom the policy names.
type Attestation struct {
	Signer        string              // the policy's name
	Relation      provenance.Relation // by policy
	PredicateType string
	Digest        artifact.Digest // of the whole statement
	Predicate     []byte          // JSON
	Omitted       string          // why the predicate was not handed on; "" if it was
}

// The bounds on one predicate: as many as a list value may have, twice the
// components that the longest published model BOM lists, and what a graph of
// one model needs.
const (
	maxMaterials  = maxList
	maxComponents = 10_000
)

// A statementKind is a type of predicate that is read.
type statementKind struct {
	path   string // under which Searched and sources name it
	method string
	read   func(*testimony) error
}

// kindOfStatement finds out what a predicate type promises. Types are compared
// byte by byte; a version behind the documents' own types says nothing that
// the document does not say itself.
func kindOfStatement(predicateType string) (statementKind, bool) {
	base := predicateType
	for _, unversioned := range []string{bomType, spdxType} {
		if strings.HasPrefix(predicateType, unversioned+"/v") {
			base = unversioned
		}
	}
	switch base {
	case "https://slsa.dev/provenance/v1":
		return statementKind{"attestation:slsa-provenance", "slsa-provenance/1", (*testimony).slsa1}, true
	case "https://slsa.dev/provenance/v0.2":
		return statementKind{"attestation:slsa-provenance", "slsa-provenance-0.2/1", (*testimony).slsa02}, true
	case bomType:
		return statementKind{"attestation:cyclonedx", "cyclonedx-bom/1", (*testimony).cycloneDX}, true
	case spdxType:
		return statementKind{"attestation:spdx", "spdx-document/1", (*testimony).spdx}, true
	default:
		return statementKind{}, false
	}
}

// The predicate types of documents that come in versions (in-toto attestation
// framework, spec/predicates/cyclonedx.md and spdx.md).
const (
	bomType  = "https://cyclonedx.org/bom"
	spdxType = "https://spdx.dev/Document"
)

// attestations reads the statements whose predicate type is known; others are
// verified and not read. One that is of a known type and cannot be read, or of
// which only a part has the form that its type promises, is believed in
// nothing.
func (c *collector) attestations(list []Attestation) {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b Attestation) int {
		return cmp.Or(a.Digest.Compare(b.Digest), cmp.Compare(a.Signer, b.Signer), cmp.Compare(a.Omitted, b.Omitted))
	})
	list = slices.CompactFunc(list, func(a, b Attestation) bool { return a.Digest == b.Digest && a.Signer == b.Signer })
	for _, a := range list {
		kind, known := kindOfStatement(a.PredicateType)
		if !known {
			continue
		}
		// Each has its own bounds: one that says much takes nothing from another.
		t := &testimony{Attestation: a, kind: kind, heard: &collector{}}
		switch err := t.read(); {
		case a.Omitted != "":
			c.find(provenance.Finding{ID: provenance.CodeDocumentTooLarge, Subject: kind.path, Digest: a.Digest,
				Detail: fmt.Sprintf("what the attestation by %q says was not read: %s", a.Signer, a.Omitted)})
		case err != nil:
			c.find(provenance.Finding{ID: provenance.CodeDocumentMalformed, Subject: kind.path, Digest: a.Digest,
				Detail: valid(fmt.Sprintf("what the attestation by %q says was not read: %v", a.Signer, cut(err.Error(), provenance.MaxQuote)))})
		default:
			c.searched(kind.path, a.Digest)
			c.gathered.Observations = append(c.gathered.Observations, t.heard.gathered.Observations...)
		}
	}
}

// A testimony is what one statement says.
type testimony struct {
	Attestation
	kind  statementKind
	heard *collector
}

func (t *testimony) read() error {
	if t.Omitted != "" {
		return nil
	}
	if len(t.Predicate) == 0 {
		return fmt.Errorf("it has no predicate")
	}
	return t.kind.read(t)
}

// decode reads the predicate whole, or fails.
func (t *testimony) decode(v any) error { return strictjson.Decode(t.Predicate, v) }

// say notes one observation: attested where the policy calls the signer the
// model's producer, declared by it otherwise, and never verified: a signature
// proves who says so.
func (t *testimony) say(claim, pointer string, v provenance.Value, words ...string) {
	o := provenance.Observation{
		Grade:   provenance.Declared,
		Value:   v,
		Speaker: provenance.Speaker{Name: t.Signer, Relation: t.Relation},
		Method:  t.kind.method,
		Source: provenance.Source{
			Kind: provenance.SourceAttestation, Path: t.kind.path, Digest: t.Digest,
			Pointer: "/predicate" + pointer, Quote: quote(strings.Join(words, ", ")),
		},
	}
	if t.Relation == provenance.Producer {
		o.Grade, o.Speaker.Signer = provenance.Attested, t.Signer
	}
	t.heard.say(claim, o)
}

func (t *testimony) sayText(claim, pointer, s string) { t.say(claim, pointer, textValue(s), s) }

func (t *testimony) sayList(claim, pointer string, items []string) {
	t.say(claim, pointer, listValue(items), items...)
}

// sayLicense reads an SPDX expression, or a name.
func (t *testimony) sayLicense(claim, pointer, s string) {
	s = strings.TrimSpace(s)
	switch s {
	case "", "NONE", "NOASSERTION": // SPDX 2.3 §7.13: no answer, and no licence
		return
	}
	if e, err := license.Expression(s); err == nil {
		t.say(claim, pointer, textValue(e), s)
		return
	}
	t.say(claim, pointer, textValue(hubLicense(s)), s)
}

// bounded refuses lists that are made to drown the reader.
func bounded(what string, n, limit int) error {
	if n > limit {
		return fmt.Errorf("it lists %d %s, over the limit of %d", n, what, limit)
	}
	return nil
}
