package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/disclose"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// statements compares what the record says that documents say with what they
// say when they are read again.
type statements struct {
	*evidenceCheck
	said     disclose.Result
	seen     []provenance.ClaimObservation // by inspection, in documents
	places   map[artifact.Digest]bool      // where statements can be read again
	drawn    disclose.Conclusion
	accepted []provenance.ClaimObservation // of the record, those that hold and those that could not be read again
}

// foreign says whether the record was written by rules that are not those of
// this program, so that reading again may rightly give something else.
func (s *statements) foreign() bool {
	// Profiles are about documents elsewhere, of which nothing is read again.
	said := s.record.Generator
	said.Catalogs = slices.DeleteFunc(slices.Clone(said.Catalogs), func(c provenance.Catalog) bool { return strings.HasPrefix(c.Name, "profile:") })
	return !sameJSON(provenance.Sort(&provenance.Manifest{Generator: s.generator()}).Generator, said)
}

// compare wants every statement of the record at a place that is here to be
// read there again, and every one that is read there to be in the record.
func (s *statements) compare() {
	said := newReading(s.said.Observations)
	inspected := map[string]bool{}
	for _, o := range s.seen {
		inspected[key(o.Claim, o.Observation, false)] = true
	}
	var rest []provenance.ClaimObservation // conclusions, and what nothing here shows
	for _, c := range s.record.Claims {
		for _, o := range c.Observations {
			if s.take(said, c.ID, o) {
				continue
			}
			if inspected[key(c.ID, o, false)] {
				s.out.Rechecked.Statements++
			} else if o.Source.Kind == provenance.SourceRule || s.places[o.Source.Digest] {
				rest = append(rest, provenance.ClaimObservation{Claim: c.ID, Observation: o})
				continue
			} else {
				s.skip(c.ID, s.why(o))
			}
			s.accepted = append(s.accepted, provenance.ClaimObservation{Claim: c.ID, Observation: o})
		}
		for _, o := range c.Elsewhere {
			s.skip(c.ID, fmt.Sprintf("said elsewhere, in %q, which is not here", cmp.Or(o.Source.URI, o.Source.Path)))
		}
	}
	s.drawn = s.said.Conclude(s.accepted)
	concluded := newReading(s.drawn.Observations)
	for _, o := range rest {
		if s.take(concluded, o.Claim, o.Observation) {
			continue
		}
		if s.repeatable(o.Observation) {
			s.refuse(provenance.CodeEvidenceClaims, o.Claim, fmt.Sprintf("%q does not say what the record says that it says: %s", cmp.Or(o.Source.Path, string(o.Source.Kind)), o.Value))
		} else {
			s.skip(o.Claim, s.why(o.Observation))
		}
		s.accepted = append(s.accepted, o)
	}
	s.omitted(said)
	s.omitted(concluded)
}

// An againReading is what was read again, and what of it the record holds.
type againReading struct {
	fresh map[string]provenance.ClaimObservation
	found map[string]bool
}

func newReading(list []provenance.ClaimObservation) againReading {
	r := againReading{map[string]provenance.ClaimObservation{}, map[string]bool{}}
	for _, o := range list {
		r.fresh[key(o.Claim, o.Observation, true)] = o
	}
	return r
}

// take accepts a statement of the record that was read again word for word.
func (s *statements) take(r againReading, claim string, o provenance.Observation) bool {
	id := key(claim, o, true)
	again, ok := r.fresh[id]
	if !ok {
		return false
	}
	r.found[id] = true
	s.out.Rechecked.Statements++
	if claim == "license.text" {
		s.out.Rechecked.LicenseTexts++
	}
	if o.Source.Kind == provenance.SourceAttestation {
		again.Observation = o // its speaker has the name that another policy gives him; unproven looks at who it is
	}
	s.accepted = append(s.accepted, provenance.ClaimObservation{Claim: claim, Observation: again.Observation})
	return true
}

func (s *statements) omitted(r againReading) {
	for id, o := range r.fresh {
		if !r.found[id] && !s.foreign() {
			s.refuse(provenance.CodeEvidenceClaims, o.Claim, fmt.Sprintf("the record leaves out what %q says: %s", cmp.Or(o.Source.Path, string(o.Source.Kind)), o.Value))
		}
	}
}

// repeatable says whether reading the documents again must give o: it is a
// statement in a document that is here, or recomputed from its text by what
// reads documents.
func (s *statements) repeatable(o provenance.Observation) bool {
	if s.foreign() || !s.places[o.Source.Digest] && o.Source.Kind != provenance.SourceRule {
		return false
	}
	return o.Grade != provenance.Verified || slices.ContainsFunc(s.said.Observations, func(p provenance.ClaimObservation) bool {
		return p.Method == o.Method
	})
}

func (s *statements) why(o provenance.Observation) string {
	switch {
	case o.Source.Kind == provenance.SourceRule:
		return fmt.Sprintf("inferred by %s from %s", o.Method, strings.Join(o.Inputs, ", "))
	case o.Source.Kind == provenance.SourceAttestation:
		return fmt.Sprintf("stated in an attestation by %q, which the trust that was given does not prove", o.Speaker.Name)
	case s.dossier.Blobs[o.Source.Digest] == nil:
		return fmt.Sprintf("rests on %q, whose bytes are not here", cmp.Or(o.Source.Path, o.Source.Digest.String()))
	default:
		return fmt.Sprintf("rests on more than %q, by %s", cmp.Or(o.Source.Path, string(o.Source.Kind)), o.Method)
	}
}

// key is a statement without its grade and speaker, which are settled again;
// without value as well for what inspection joins over several files. Numbers
// of parameters may have been filed under what they count.
func key(claim string, o provenance.Observation, value bool) string {
	if strings.HasPrefix(claim, "model.parameters.") {
		claim = "model.parameters"
	}
	o.Grade, o.Speaker = provenance.NoGrade, provenance.Speaker{}
	if !value {
		o.Value = nil
	}
	b, err := canonicalJSON(o)
	if err != nil {
		return claim + " " + o.Method
	}
	return claim + " " + string(b)
}

// settle gives states and grades again, and compares claims and coverage.
func (s *statements) settle(in disclose.Input) {
	if len(s.faults) > 0 {
		return // said already, and louder
	}
	types := disclose.Catalog()
	claims, err := provenance.Settle(asked(types, s.accepted), s.accepted, s.searched(s.said.Searched), in.Unread, producer(s.record.Signatures))
	if err != nil {
		s.refuse(provenance.CodeEvidenceClaims, "", err.Error())
		return
	}
	said := map[string]provenance.Claim{}
	for _, c := range s.record.Claims {
		c.Elsewhere = nil
		said[c.ID] = c
	}
	for _, c := range claims {
		if !sameJSON(provenance.Sort(&provenance.Manifest{Claims: []provenance.Claim{c}}).Claims[0], said[c.ID]) {
			s.refuse(provenance.CodeEvidenceClaims, c.ID, fmt.Sprintf("the documents make %q %v, and the record says %v, or it names others as searched", c.ID, c.State, said[c.ID].State))
		}
		delete(said, c.ID)
	}
	for id := range said {
		s.refuse(provenance.CodeEvidenceClaims, id, fmt.Sprintf("no question %q is asked of these documents", id))
	}
	s.blocks()
}

// withoutTrust takes out of what is judged everything that is only a signer's
// word, and what was concluded from it, where nobody said whom to trust: who
// spoke was not proven, which makes the record no lie.
func (s *statements) withoutTrust(in disclose.Input) {
	if s.trusting() || len(s.record.Signatures)+len(s.record.Attestations) == 0 {
		return
	}
	var kept []provenance.ClaimObservation
	for _, o := range s.accepted {
		if o.Source.Kind == provenance.SourceAttestation || o.Source.Kind == provenance.SourceRule {
			continue
		}
		if o.Grade == provenance.Attested {
			o.Grade, o.Speaker = provenance.Declared, provenance.Speaker{}
		}
		kept = append(kept, o)
	}
	drawn := s.said.Conclude(kept)
	kept = append(kept, drawn.Observations...)
	types := disclose.Catalog()
	claims, err := provenance.Settle(asked(types, kept), kept, s.said.Searched, in.Unread, "")
	if err != nil {
		s.refuse(provenance.CodeEvidenceClaims, "", err.Error())
		return
	}
	elsewhere := map[string][]provenance.Observation{}
	for _, c := range s.record.Claims {
		elsewhere[c.ID] = c.Elsewhere
	}
	for i := range claims {
		claims[i].Elsewhere = elsewhere[claims[i].ID]
	}
	m := *s.record
	m.Claims, m.Coverage = claims, provenance.Cover(types, claims)
	m.Licensing, m.Lineage = drawn.Licensing, drawn.Lineage
	s.proved = &m
}

// blocks compares what the record concludes from its claims.
func (s *statements) blocks() {
	again := provenance.Sort(&provenance.Manifest{Licensing: s.drawn.Licensing, Lineage: s.drawn.Lineage, Coverage: provenance.Cover(disclose.Catalog(), s.record.Claims)})
	for _, block := range []struct {
		name       string
		said, read any
	}{
		{"licensing", s.record.Licensing, again.Licensing},
		{"lineage", s.record.Lineage, again.Lineage},
		{"coverage", s.record.Coverage, again.Coverage},
	} {
		if !sameJSON(block.said, block.read) {
			s.refuse(provenance.CodeEvidenceClaims, block.name, fmt.Sprintf("the %s of the record does not follow from its claims and texts", block.name))
		}
	}
}
