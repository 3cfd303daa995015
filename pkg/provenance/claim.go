package provenance

import (
	"fmt"
	"slices"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// A Claim is everything that was found on one question, and its state.
//
// A conflicting claim carries no value; an absent one names what was searched;
// every other state but NotExamined rests on at least one observation.
type Claim struct {
	ID           string        `json:"id"` // of the claim catalogue: "license.weights"
	State        State         `json:"state"`
	Ceiling      Grade         `json:"ceiling"` // the best grade anybody could reach on this question
	Value        Value         `json:"value,omitzero"`
	Absence      Absence       `json:"absence,omitzero"`
	Searched     []Document    `json:"searched,omitempty"` // where nothing was found
	Unread       []Document    `json:"unread,omitempty"`   // of a claim not examined: could hold it, could not be read
	Observations []Observation `json:"observations,omitempty"`
	// Elsewhere is what documents outside the artifact say, out of a profile.
	// It is declared at best, and changes neither State nor Value.
	Elsewhere []Observation `json:"elsewhere,omitempty"`
}

// An Observation is one statement by one speaker at one place. It has either a
// value or an absence: a document may also state that it does not say, or that
// there is none.
type Observation struct {
	Grade   Grade    `json:"grade"`
	Value   Value    `json:"value,omitzero"`
	Absence Absence  `json:"absence,omitzero"`
	Speaker Speaker  `json:"speaker"`
	Source  Source   `json:"source"`
	Method  string   `json:"method"`           // extractor or rule with its version: "card-front-matter/1"
	Inputs  []string `json:"inputs,omitempty"` // of an inferred observation: ids of the claims it rests on
}

// A Speaker is who makes the statement, as far as that is known.
type Speaker struct {
	Name     string   `json:"name,omitempty"` // of an attestation: the policy's name of its signer
	Relation Relation `json:"relation"`
	Signer   string   `json:"signer,omitempty"` // the policy's name of the signer that attests it
}

// A Source says where a statement stands. Lines count from 1, first and last.
type Source struct {
	Kind    SourceKind      `json:"kind"`
	Path    string          `json:"path,omitempty"`
	Digest  artifact.Digest `json:"digest,omitzero"`
	Lines   []int           `json:"lines,omitempty"`   // [first, last]
	Pointer string          `json:"pointer,omitempty"` // JSON Pointer (RFC 6901) or annotation key
	URI     string          `json:"uri,omitempty"`     // of an external document; nothing is fetched from there
	Page    int             `json:"page,omitzero"`     // of an external document, from 1
	Quote   string          `json:"quote,omitempty"`   // at most MaxQuote bytes
}

// MaxQuote is the longest quotation in bytes; longer ones are cut at a rune
// and end in "…". 400 follows the usual length of a sentence or two.
const MaxQuote = 400

// A Document is something that was read in search of statements.
type Document struct {
	Path   string          `json:"path"`
	Digest artifact.Digest `json:"digest"`
}

// A SourceKind says what sort of document a statement stands in.
type SourceKind string

// The kinds of sources.
const (
	SourceFile       SourceKind = "artifact-file"
	SourceConfig     SourceKind = "oci-config"
	SourceAnnotation SourceKind = "oci-annotation"
	SourceRule       SourceKind = "rule"
	SourceExternal   SourceKind = "external-document" // outside the artifact, out of a profile
	// SourceAttestation is a signed statement about the artifact by a signer
	// whom the policy names; its digest is that of the statement, so that
	// signing the same again changes nothing.
	SourceAttestation SourceKind = "attestation"
)

// A Grade says what kind of testimony a statement is. The zero value is none
// and supports nothing.
type Grade uint8

// The grades, weakest first. One never turns into another.
const (
	NoGrade  Grade = iota
	Inferred       // a named rule over other observations
	Declared       // quoted from a document, unchecked
	Attested       // said by an identity that the policy names as the producer, under its signature
	Verified       // recomputed from the bytes, or proved by cryptography
)

var gradeNames = [...]string{"none", "inferred", "declared", "attested", "verified"}

// String returns the word used in manifests.
func (g Grade) String() string { return word(gradeNames[:], int(g)) }

// MarshalText writes the word of String.
func (g Grade) MarshalText() ([]byte, error) { return []byte(g.String()), nil }

// UnmarshalText reads a word of String and refuses others.
func (g *Grade) UnmarshalText(b []byte) error {
	i, err := index("grade", gradeNames[:], b)
	*g = Grade(i)
	return err
}

// A State sums up a claim. The zero value says that nobody looked, and allows
// nothing.
type State uint8

// The states.
const (
	NotExamined      State = iota // the documents could not be read
	StateAbsent                   // looked for in these documents and not stated
	StateConflicting              // two observations disagree; nobody wins silently
	StateInferred
	StateDeclared
	StateAttested
	StateVerified
	StateNotApplicable
)

var stateNames = [...]string{"notExamined", "absent", "conflicting", "inferred", "declared", "attested", "verified", "notApplicable"}

// String returns the word used in manifests.
func (s State) String() string { return word(stateNames[:], int(s)) }

// MarshalText writes the word of String.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a word of String and refuses others.
func (s *State) UnmarshalText(b []byte) error {
	i, err := index("state", stateNames[:], b)
	*s = State(i)
	return err
}

// An Absence tells silence from a stated "we do not say" and a stated "none".
type Absence uint8

// The absences.
const (
	NoAbsence Absence = iota
	Silent
	StatedUndisclosed
	StatedNone
)

var absenceNames = [...]string{"", "silent", "stated-undisclosed", "stated-none"}

// String returns the word used in manifests.
func (a Absence) String() string { return word(absenceNames[:], int(a)) }

// MarshalText writes the word of String.
func (a Absence) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads a word of String and refuses others.
func (a *Absence) UnmarshalText(b []byte) error {
	i, err := index("absence", absenceNames[:], b)
	*a = Absence(i)
	return err
}

// A Relation says how a speaker or signer stands to the model. Only a policy
// can say it.
type Relation uint8

// The relations.
const (
	UnknownRelation Relation = iota
	Producer                 // trained or released the model
	Repackager               // packed it for distribution
	Distributor              // serves it
	ThirdParty
	Verifier // checks models and states the result; see Summary
)

var relationNames = [...]string{"unknown", "producer", "repackager", "distributor", "third-party", "verifier"}

// String returns the word used in manifests.
func (r Relation) String() string { return word(relationNames[:], int(r)) }

// MarshalText writes the word of String.
func (r Relation) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads a word of String and refuses others.
func (r *Relation) UnmarshalText(b []byte) error {
	i, err := index("relation", relationNames[:], b)
	*r = Relation(i)
	return err
}

func word(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return names[0]
}

func index(what string, names []string, b []byte) (int, error) {
	i := slices.Index(names, string(b))
	if i < 0 {
		return 0, fmt.Errorf("unknown %s %q", what, b)
	}
	return i, nil
}
