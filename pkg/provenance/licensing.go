package provenance

import (
	"errors"
	"fmt"
	"slices"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// A Licensing is one licence that the artifact brings up, and what its words
// ask for: of a text in the artifact, of one that documents name without
// bringing it, or of the licence of a model that it was made from.
//
// It states what texts say and what was compared. It draws no legal conclusion.
type Licensing struct {
	Asset       string       `json:"asset"`             // "weights", "code", "docs", "data"; "text" where nothing assigns it
	Claim       string       `json:"claim,omitempty"`   // that it answers: license.weights, lineage.base
	License     string       `json:"license,omitempty"` // SPDX id or reference; "" where the text is that of none
	Basis       string       `json:"basis"`             // BasisText, BasisNamed or BasisBase
	Of          string       `json:"of,omitempty"`      // for BasisBase: the model whose licence it is
	Text        *LicenseText `json:"text,omitempty"`
	Terms       []Term       `json:"terms,omitempty"`
	Obligations []Obligation `json:"obligations,omitempty"`
}

// What a Licensing rests on.
const (
	BasisText  = "text"  // the words are in the artifact
	BasisNamed = "named" // documents name it, and its words are not in the artifact
	BasisBase  = "base"  // documents name a base model, whose licence it is
)

// A LicenseText is a licence text of the artifact and what it was compared to.
type LicenseText struct {
	Path       string          `json:"path"`
	Digest     artifact.Digest `json:"digest"`
	Normalized artifact.Digest `json:"normalized"` // of its normal form: letters and digits in lower case
	Match      TextMatch       `json:"match"`
}

// A TextMatch says how a licence text relates to known ones. Only a text whose
// every word is accounted for has an ID.
type TextMatch struct {
	ID        string  `json:"id,omitempty"`
	Method    string  `json:"method"`
	Coverage  float64 `json:"coverage"`          // share of its words that are those of ID or Near, 0 to 1
	Uncovered int     `json:"uncoveredBytes"`    // of its normal form
	Near      string  `json:"near,omitempty"`    // a known licence that most of it is; it is not that licence
	Modified  bool    `json:"modified,omitzero"` // Near with other words in it
}

// A Term is something that a licence text says, with the lines where it does.
type Term struct {
	ID     string   `json:"id"` // "use-restrictions", "governing-law", …
	Value  []string `json:"value,omitempty"`
	Source Source   `json:"source"`
}

// An Obligation is something that a licence asks of who uses or passes on the
// model, and whether that could be checked by looking.
type Obligation struct {
	ID     string          `json:"id"`   // "name-prefix", "keep-notice", …
	From   string          `json:"from"` // licence and clause: "LicenseRef-modelcheck-llama-3.1#1.b.i"
	Check  ObligationCheck `json:"check"`
	Detail string          `json:"detail,omitempty"` // what was compared
	Source Source          `json:"source,omitzero"`  // lines of the text; none where the artifact does not bring it
}

// An ObligationCheck is the outcome of looking. The zero value is that nobody
// could.
type ObligationCheck uint8

// The outcomes.
const (
	NotCheckable ObligationCheck = iota // not by looking at the artifact
	Met
	NotMet
)

var obligationNames = [...]string{"not-checkable", "met", "not-met"}

// String returns the word used in manifests.
func (c ObligationCheck) String() string { return word(obligationNames[:], int(c)) }

// MarshalText writes the word of String.
func (c ObligationCheck) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads a word of String and refuses others.
func (c *ObligationCheck) UnmarshalText(b []byte) error {
	i, err := index("check of an obligation", obligationNames[:], b)
	*c = ObligationCheck(i)
	return err
}

// A Lineage is one model that this one was made from, as far as it is stated.
type Lineage struct {
	Relation string          `json:"relation"` // LineageBase and its like
	Name     string          `json:"name"`
	Digest   artifact.Digest `json:"digest,omitzero"`   // where a document states one
	License  string          `json:"license,omitempty"` // of that model: as stated here, or inferred
	Licensor string          `json:"licensor,omitempty"`
	Claim    string          `json:"claim"` // lineage.base, lineage.teachers, lineage.components
	Grade    Grade           `json:"grade"` // of the statement
	Source   Source          `json:"source"`
	// LicenseMethod and LicenseSource say where License is from; both are empty
	// without one.
	LicenseMethod string `json:"licenseMethod,omitempty"`
	LicenseSource Source `json:"licenseSource,omitzero"`
}

// The relations of lineage, by base_model_relation of the Hugging Face Hub and
// what it has no word for.
const (
	LineageBase      = "base" // made from it; nobody says how
	LineageFinetune  = "finetune"
	LineageAdapter   = "adapter"
	LineageMerge     = "merge"
	LineageQuantized = "quantized"
	LineageConverted = "converted"
	LineageTeacher   = "teacher"
	LineageComponent = "component"
)

var lineageRelations = []string{
	LineageBase, LineageFinetune, LineageAdapter, LineageMerge, LineageQuantized, LineageConverted, LineageTeacher, LineageComponent,
}

func checkLicensing(m *Manifest) error {
	files := fileDigests(m)
	for _, l := range m.Licensing {
		if err := l.check(files); err != nil {
			return fmt.Errorf("licensing of %q: %w", l.Asset, err)
		}
	}
	return nil
}

func (l Licensing) check(files map[artifact.Digest]bool) error {
	switch l.Basis {
	case BasisText:
		if l.Text == nil {
			return errors.New("it rests on a text that is not there")
		}
		if err := l.Text.check(l.License, files); err != nil {
			return err
		}
	case BasisNamed, BasisBase:
		if l.Text != nil || l.License == "" || len(l.Terms) > 0 {
			return errors.New("a licence that is only named has an id, no text and no terms")
		}
		if (l.Basis == BasisBase) != (l.Of != "") {
			return errors.New("whose licence is it?")
		}
	default:
		return fmt.Errorf("unknown basis %q", l.Basis)
	}
	if !slices.Contains([]string{"weights", "code", "docs", "data", "text"}, l.Asset) {
		return errors.New("no such asset")
	}
	for _, t := range l.Terms {
		if t.ID == "" || len(t.Source.Lines) == 0 || t.Source.Digest != l.Text.Digest {
			return fmt.Errorf("term %q without its lines in the text", t.ID)
		}
	}
	for _, o := range l.Obligations {
		if o.ID == "" || o.From == "" || (o.Check != NotCheckable && o.Detail == "") {
			return fmt.Errorf("obligation %q without its clause, or without what was compared", o.ID)
		}
	}
	return nil
}

func (t LicenseText) check(id string, files map[artifact.Digest]bool) error {
	m := t.Match
	switch {
	case t.Path == "" || t.Digest.IsZero() || t.Normalized.IsZero() || m.Method == "":
		return errors.New("text without path, digests or method")
	case !files[t.Digest]:
		return fmt.Errorf("the artifact does not hold the text %q", t.Path)
	case m.Coverage < 0 || m.Coverage > 1 || m.Uncovered < 0:
		return errors.New("coverage outside 0 to 1")
	case m.ID != "" && (m.Coverage != 1 || m.Uncovered != 0 || m.Near != "" || m.Modified):
		return errors.New("words are left over, and it is called by a licence's name")
	case m.Modified && m.Near == "":
		return errors.New("a modification of nothing")
	case id != m.ID:
		return errors.New("the text is that of another licence")
	}
	return nil
}

func checkLineage(m *Manifest) error {
	files := fileDigests(m)
	for _, l := range m.Lineage {
		switch {
		case !slices.Contains(lineageRelations, l.Relation) || l.Name == "" || l.Claim == "" || l.Grade == NoGrade:
			return fmt.Errorf("lineage %q without relation, claim or grade", l.Name)
		case l.Source.Kind == SourceFile && !files[l.Source.Digest]:
			return fmt.Errorf("lineage %q rests on file %q, which the artifact does not hold", l.Name, l.Source.Path)
		case (l.License == "") != (l.LicenseMethod == ""):
			return fmt.Errorf("lineage %q: nobody knows where its licence is from", l.Name)
		}
	}
	return nil
}

func fileDigests(m *Manifest) map[artifact.Digest]bool {
	files := make(map[artifact.Digest]bool, len(m.Files))
	for _, f := range m.Files {
		files[f.Digest] = true
	}
	return files
}
