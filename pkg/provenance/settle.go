package provenance

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// ErrCatalog is wrapped by every error of Settle: what was observed does not
// fit the catalogue, so a program is wrong and not a model.
var ErrCatalog = errors.New("observation outside the claim catalogue")

// Settle makes one claim of every type, in order of id, out of what was
// observed in the documents searched.
//
// Observations that agree under their kind of value give the state of the best
// grade and the value that says most among those of that grade; observations
// that do not agree give a conflict without value, whatever their grades.
// Without an observation a claim is absent, with the documents that were
// searched; it is not examined where nothing was searched, or where a document
// could not be read that might have held it.
//
// A producer that is not "" is the policy's name of a signer that signed this
// artifact as its producer: what the artifact's files, configs and annotations
// declare is then attested by it, as far as the claim's ceiling allows. Any
// other signature, such as that of an own build, must be left out: it says
// nothing about the model. No grade rises above the ceiling.
func Settle(types []ClaimType, obs []ClaimObservation, searched, unread []Document, producer string) ([]Claim, error) {
	byID := make(map[string]ClaimType, len(types))
	for _, t := range types {
		if _, twice := byID[t.ID]; twice || t.ID == "" || t.Kind == NoKind || t.Ceiling == NoGrade {
			return nil, fmt.Errorf("settling claims: %w: type %q is incomplete or stands twice", ErrCatalog, t.ID)
		}
		byID[t.ID] = t
	}
	observed := make(map[string][]reading, len(types))
	for _, o := range obs {
		t, ok := byID[o.Claim]
		if !ok {
			return nil, fmt.Errorf("settling claims: %w: no claim %q (method %q)", ErrCatalog, o.Claim, o.Method)
		}
		r, err := readObservation(t, o.Observation, producer)
		if err != nil {
			return nil, fmt.Errorf("settling claims: %w: claim %q (method %q): %w", ErrCatalog, o.Claim, o.Method, err)
		}
		observed[o.Claim] = append(observed[o.Claim], r)
	}
	claims := make([]Claim, 0, len(types))
	for _, t := range types {
		if readings := observed[t.ID]; len(readings) > 0 {
			claims = append(claims, settle(t, readings, searched))
			continue
		}
		claims = append(claims, unobserved(t, searched, unread))
	}
	slices.SortFunc(claims, func(a, b Claim) int { return cmp.Compare(a.ID, b.ID) })
	return claims, nil
}

// A reading is an observation, graded, with its value understood.
type reading struct {
	Observation
	value typedValue
}

func readObservation(t ClaimType, o Observation, producer string) (reading, error) {
	o = gradeUnder(o, t.Ceiling, producer)
	o.Value = canonicalValue(o.Value)
	if o.Absence != NoAbsence {
		if len(o.Value) > 0 || o.Absence == Silent {
			return reading{}, errors.New("want a value or a stated absence")
		}
		return reading{Observation: o}, nil
	}
	v, err := readValue(t.Kind, o.Value)
	return reading{Observation: o, value: v}, err
}

// gradeUnder gives o the grade that it may have: the producer's signature
// lifts what its artifact declares, and the ceiling lowers what is too high. A
// ceiling of attested leaves what was recomputed a declaration: nobody signed it.
func gradeUnder(o Observation, ceiling Grade, producer string) Observation {
	inArtifact := o.Source.Kind == SourceFile || o.Source.Kind == SourceConfig || o.Source.Kind == SourceAnnotation
	if producer != "" && o.Grade == Declared && inArtifact && ceiling >= Attested {
		o.Grade = Attested
		o.Speaker.Relation = Producer
		o.Speaker.Signer = producer
	}
	if o.Grade <= ceiling {
		return o
	}
	o.Grade = ceiling
	if ceiling == Attested {
		o.Grade = Declared
	}
	o.Speaker.Signer = ""
	return o
}

func settle(t ClaimType, readings []reading, searched []Document) Claim {
	slices.SortStableFunc(readings, saysMore)
	c := Claim{ID: t.ID, Ceiling: t.Ceiling}
	for _, r := range readings {
		c.Observations = append(c.Observations, r.Observation)
	}
	c.Observations = sortObservations(c.Observations)
	best := readings[0]
	switch {
	case !agreeing(t.Kind, readings):
		c.State = StateConflicting
	case best.Absence != NoAbsence:
		c.State, c.Absence, c.Searched = StateAbsent, best.Absence, sortDocuments(searched)
		if len(c.Searched) == 0 {
			c.Searched = documentsOf(c.Observations)
		}
	default:
		c.State, c.Value = stateOf(best.Grade), best.Value
	}
	return c
}

func unobserved(t ClaimType, searched, unread []Document) Claim {
	c := Claim{ID: t.ID, Ceiling: t.Ceiling, Searched: optional(sortDocuments(searched))}
	if len(unread) > 0 || len(searched) == 0 {
		c.State, c.Unread = NotExamined, optional(sortDocuments(unread))
		return c
	}
	c.State, c.Absence = StateAbsent, Silent
	return c
}

// documentsOf: where an absence is stated, at least that document was searched.
func documentsOf(observations []Observation) []Document {
	var out []Document
	for _, o := range observations {
		out = append(out, Document{Path: o.Source.Path, Digest: o.Source.Digest})
	}
	return sortDocuments(out)
}

// saysMore orders readings by grade, then by precision, then by value and
// place, so that the order of arrival decides nothing.
func saysMore(a, b reading) int {
	return cmp.Or(
		cmp.Compare(b.Grade, a.Grade),
		a.value.comparePrecision(b.value),
		cmp.Compare(string(a.Value), string(b.Value)),
	)
}

// agreeing says whether every two readings agree: agreement is not transitive,
// 37B agrees with 36.7B and with 37.4B, and those two do not with each other.
func agreeing(kind ValueKind, readings []reading) bool {
	distinct := slices.CompactFunc(slices.Clone(readings), func(a, b reading) bool {
		return a.Absence == b.Absence && string(a.Value) == string(b.Value)
	})
	for i, a := range distinct {
		for _, b := range distinct[i+1:] {
			if a.Absence != b.Absence || (a.Absence == NoAbsence && !a.value.agrees(kind, b.value)) {
				return false
			}
		}
	}
	return true
}
