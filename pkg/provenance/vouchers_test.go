package provenance_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// stated is what a signed statement says, attested by its signer as producer.
func stated() provenance.Observation {
	return provenance.Observation{
		Grade: provenance.Attested, Value: value(`"DE"`), Method: "cyclonedx/1",
		Speaker: provenance.Speaker{Name: "ci", Relation: provenance.Producer, Signer: "ci"},
		Source: provenance.Source{
			Kind: provenance.SourceAttestation, Path: "attestation:cyclonedx", Digest: digest("statement"),
			Pointer: "/predicate/metadata/component/name", Quote: "DE",
		},
	}
}

// A signed statement is its signer's word: attested of a producer, declared of
// anybody else whom the policy names, and nothing without the attestation in
// the record.
func TestStatedByAttestation(t *testing.T) {
	type m = *provenance.Manifest
	type o = *provenance.Observation
	demote := func(o o) { o.Grade, o.Speaker.Signer = provenance.Declared, "" }
	for name, tc := range map[string]struct {
		relation provenance.Relation
		change   func(m m, o o)
		want     string // in the error; "" where it may stand
	}{
		"by the producer":            {provenance.Producer, func(m m, o o) {}, ""},
		"by a repackager":            {provenance.Repackager, func(m m, o o) { demote(o); o.Speaker.Relation = provenance.Repackager }, ""},
		"by nobody":                  {provenance.Producer, func(m m, o o) { m.Attestations = nil }, "record holds none"},
		"by another":                 {provenance.Producer, func(m m, o o) { o.Speaker.Name, o.Speaker.Signer = "eve", "eve" }, "record holds none"},
		"without a name":             {provenance.Producer, func(m m, o o) { demote(o); o.Speaker.Name = "" }, "record holds none"},
		"attested by a repackager":   {provenance.Repackager, func(m m, o o) { o.Speaker.Relation = provenance.Repackager }, "only the producer"},
		"a repackager made producer": {provenance.Repackager, func(m m, o o) {}, "and the attestations a repackager"},
		"attested in another's name": {provenance.Producer, func(m m, o o) {
			m.Attestations = append(m.Attestations, m.Attestations[0])
			m.Attestations[len(m.Attestations)-1].Signer = "other"
			o.Speaker.Name = "other"
		}, "not by the producer who signed the statement"},
		"verified":   {provenance.Producer, func(m m, o o) { o.Grade, o.Speaker.Signer = provenance.Verified, "" }, "cannot make it verified"},
		"inferred":   {provenance.Producer, func(m m, o o) { o.Grade, o.Speaker.Signer = provenance.Inferred, "" }, "cannot make it inferred"},
		"no digest":  {provenance.Producer, func(m m, o o) { o.Source.Digest = provenance.Source{}.Digest }, "without type, digest or pointer"},
		"no pointer": {provenance.Producer, func(m m, o o) { o.Source.Pointer = "" }, "without type, digest or pointer"},
		"no type":    {provenance.Producer, func(m m, o o) { o.Source.Path = "" }, "without type, digest or pointer"},
	} {
		t.Run(name, func(t *testing.T) {
			m := sample(t)
			m.Attestations = attestations()
			for i := range m.Attestations {
				m.Attestations[i].Relation = tc.relation
			}
			obs := stated()
			tc.change(m, &obs)
			c := claimByID(m, "origin.country")
			*c = provenance.Claim{ID: c.ID, Ceiling: provenance.Verified, Value: obs.Value, Observations: []provenance.Observation{obs}}
			switch obs.Grade {
			case provenance.Attested:
				c.State = provenance.StateAttested
			case provenance.Verified:
				c.State = provenance.StateVerified
			case provenance.Inferred:
				c.State = provenance.StateInferred
			default:
				c.State = provenance.StateDeclared
			}
			err := provenance.Validate(m)
			if tc.want == "" && err != nil || tc.want != "" && (!errors.Is(err, provenance.ErrDishonest) || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("got %v, want %q in it", err, tc.want)
			}
		})
	}
}

// The producer's signature on the artifact lifts what the artifact declares,
// and not what somebody else states about it; a low ceiling leaves the
// producer's own statement a declaration under its name.
func TestSettleLeavesAttestationsToTheirSigners(t *testing.T) {
	types := catalog()
	for i := range types {
		if types[i].ID == "license.weights" {
			types[i].Ceiling = provenance.Declared
		}
	}
	other := stated()
	other.Grade, other.Speaker = provenance.Declared, provenance.Speaker{Name: "scanner", Relation: provenance.ThirdParty}
	license := stated()
	license.Value = value(`"MIT"`)
	claims, err := provenance.Settle(types, []provenance.ClaimObservation{
		observe("origin.country", other), observe("license.weights", license),
	}, searched(), nil, "ci")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range claims {
		if c.ID != "origin.country" && c.ID != "license.weights" {
			continue
		}
		o := c.Observations[0]
		if c.State != provenance.StateDeclared || o.Grade != provenance.Declared || o.Speaker.Signer != "" || o.Speaker.Name == "" {
			t.Errorf("%s: %v %+v", c.ID, c.State, o)
		}
	}
}
