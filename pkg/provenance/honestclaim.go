package provenance

import (
	"bytes"
	"errors"
	"fmt"
)

func checkClaims(m *Manifest) error {
	files := fileDigests(m)
	v := vouchersOf(m)
	for i, c := range m.Claims {
		if c.ID == "" || (i > 0 && m.Claims[i-1].ID == c.ID) {
			return fmt.Errorf("claim %q without id, or twice", c.ID)
		}
		if err := checkState(c); err != nil {
			return fmt.Errorf("claim %q is %v: %w", c.ID, c.State, err)
		}
		for _, o := range c.Observations {
			if err := checkObservation(o, c.Ceiling); err != nil {
				return fmt.Errorf("claim %q: observation by %q: %w", c.ID, o.Method, err)
			}
			if err := v.check(o); err != nil {
				return fmt.Errorf("claim %q: %w", c.ID, err)
			}
			if o.Source.Kind == SourceFile && !files[o.Source.Digest] {
				return fmt.Errorf("claim %q rests on file %q, which the artifact does not hold", c.ID, o.Source.Path)
			}
			if o.Source.Kind == SourceExternal {
				return fmt.Errorf("claim %q rests on %q, which is outside the artifact", c.ID, o.Source.URI)
			}
		}
		for _, o := range c.Elsewhere {
			if err := checkElsewhere(o, c.Ceiling); err != nil {
				return fmt.Errorf("claim %q: what is said elsewhere, by %q: %w", c.ID, o.Method, err)
			}
		}
	}
	return nil
}

// checkState holds a claim's state against what it shows.
func checkState(c Claim) error {
	if c.State != StateAbsent && (c.Absence != NoAbsence || len(c.Searched) > 0 && c.State != NotExamined) {
		return errors.New("it is not absent and says so")
	}
	if c.State != NotExamined && len(c.Unread) > 0 {
		return errors.New("it was examined and lists documents that were not read")
	}
	for _, d := range append(append([]Document(nil), c.Searched...), c.Unread...) {
		if d.Digest.IsZero() {
			return fmt.Errorf("document %q without digest", d.Path)
		}
	}
	switch c.State {
	case NotExamined:
		if c.Value != nil || len(c.Observations) > 0 {
			return errors.New("nobody looked, and something was found")
		}
	case StateAbsent:
		return checkAbsent(c)
	case StateConflicting:
		if c.Value != nil {
			return errors.New("a conflict has no value: nobody wins silently")
		}
		if !differ(c.Observations) {
			return errors.New("no two observations differ")
		}
	case StateNotApplicable:
		if c.Value != nil || len(c.Observations) == 0 {
			return errors.New("want the observation that says so, and no value")
		}
	case StateInferred, StateDeclared, StateAttested, StateVerified:
		return checkValued(c)
	default:
		return errors.New("no such state")
	}
	return nil
}

func checkAbsent(c Claim) error {
	switch {
	case c.Value != nil:
		return errors.New("what is absent has no value")
	case len(c.Searched) == 0:
		return errors.New("it does not say what was searched")
	case c.Absence == NoAbsence || int(c.Absence) >= len(absenceNames):
		return errors.New("it does not say how: silent or stated")
	case c.Absence == Silent && len(c.Observations) > 0:
		return errors.New("silence was observed nowhere")
	case c.Absence != Silent && len(c.Observations) == 0:
		return errors.New("nobody states it")
	}
	for _, o := range c.Observations {
		if o.Absence != c.Absence {
			return errors.New("an observation says otherwise")
		}
	}
	return nil
}

// checkValued wants the state to be the best grade observed, and the value to
// be one that was observed with it.
func checkValued(c Claim) error {
	if c.Value == nil {
		return errors.New("no value")
	}
	best, found := NoGrade, false
	for _, o := range c.Observations {
		if o.Absence != NoAbsence {
			return errors.New("an observation states the absence")
		}
		best = max(best, o.Grade)
	}
	for _, o := range c.Observations {
		found = found || o.Grade == best && bytes.Equal(o.Value, c.Value)
	}
	if stateOf(best) != c.State {
		return fmt.Errorf("the best observation is of grade %q", best)
	}
	if !found {
		return errors.New("its value is not one that was observed with the best grade")
	}
	return nil
}

func checkObservation(o Observation, ceiling Grade) error {
	if ceiling == NoGrade || int(ceiling) >= len(gradeNames) {
		return errors.New("the claim has no ceiling")
	}
	if o.Grade == NoGrade || o.Grade > ceiling {
		return fmt.Errorf("grade %q under a ceiling of %q", o.Grade, ceiling)
	}
	if (len(o.Value) == 0) == (o.Absence == NoAbsence) {
		return errors.New("want either a value or an absence")
	}
	if o.Absence == Silent || emptyValue(o.Value) {
		return errors.New("silence is no observation")
	}
	if (o.Grade == Attested) != (o.Speaker.Signer != "") {
		return errors.New("attested is what a signer says, and nothing else")
	}
	if o.Grade == Attested && o.Speaker.Relation != Producer {
		return fmt.Errorf("attested by a %v: only the producer attests", o.Speaker.Relation)
	}
	if o.Grade == Verified && o.Source.Digest.IsZero() {
		return errors.New("verified, and nobody knows in which bytes")
	}
	if o.Method == "" {
		return errors.New("no method")
	}
	return checkSource(o)
}

// checkElsewhere: a document outside the artifact declares, and no more.
func checkElsewhere(o Observation, ceiling Grade) error {
	if o.Source.Kind != SourceExternal || o.Grade != Declared {
		return errors.New("want a declaration in an external document")
	}
	return checkObservation(o, ceiling)
}

func checkSource(o Observation) error {
	s := o.Source
	switch {
	case len(s.Lines) != 0 && (len(s.Lines) != 2 || s.Lines[0] < 1 || s.Lines[1] < s.Lines[0]):
		return fmt.Errorf("lines %v, want first and last, from 1", s.Lines)
	case len(s.Quote) > MaxQuote+len("…"):
		return fmt.Errorf("quote of %d bytes, over %d", len(s.Quote), MaxQuote)
	}
	switch s.Kind {
	case SourceFile:
		if s.Path == "" || s.Digest.IsZero() {
			return errors.New("file without path or digest")
		}
	case SourceConfig:
		if s.Digest.IsZero() {
			return errors.New("config without digest")
		}
	case SourceAnnotation:
		if s.Digest.IsZero() || s.Pointer == "" {
			return errors.New("annotation without digest or key")
		}
	case SourceExternal:
		if s.URI == "" || s.Quote == "" {
			return errors.New("external document without address or quotation")
		}
	case SourceAttestation:
		if s.Path == "" || s.Digest.IsZero() || s.Pointer == "" {
			return errors.New("attestation without type, digest or pointer")
		}
	case SourceRule:
		if o.Grade != Inferred || len(o.Inputs) == 0 {
			return errors.New("a rule infers, and names the claims that it rests on")
		}
	default:
		return fmt.Errorf("unknown kind of source %q", s.Kind)
	}
	return nil
}

// differ says whether two observations are not the same word for word.
func differ(observations []Observation) bool {
	for _, o := range observations {
		first := observations[0]
		if o.Absence != first.Absence || !bytes.Equal(o.Value, first.Value) {
			return true
		}
	}
	return false
}

// emptyValue: these say nothing, so they cannot be what somebody says.
func emptyValue(v Value) bool {
	switch string(v) {
	case "null", `""`, "[]", "{}":
		return true
	default:
		return false
	}
}

func stateOf(g Grade) State {
	switch g {
	case Inferred:
		return StateInferred
	case Declared:
		return StateDeclared
	case Attested:
		return StateAttested
	case Verified:
		return StateVerified
	default:
		return NotExamined
	}
}
