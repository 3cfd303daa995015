package provenance

import (
	"errors"
	"fmt"
)

// vouchers are who signed the artifact as its producer, and who made
// statements about it: nobody else's word can be attested.
type vouchers struct {
	producers map[string]bool     // by name of signer
	speakers  map[string]Relation // of attestations, by name of signer
}

func vouchersOf(m *Manifest) vouchers {
	v := vouchers{producers: map[string]bool{}, speakers: map[string]Relation{}}
	for _, s := range m.Signatures {
		if s.Relation == Producer {
			v.producers[s.Signer] = true
		}
	}
	for _, a := range m.Attestations {
		v.speakers[a.Signer] = a.Relation
	}
	return v
}

// check holds an observation against those who could have made it. What
// stands in a signed statement is its signer's word whoever signed the
// artifact, and proves nothing but who says so.
func (v vouchers) check(o Observation) error {
	if o.Source.Kind != SourceAttestation {
		if o.Grade == Attested && !v.producers[o.Speaker.Signer] {
			return fmt.Errorf("it is attested by %q, who did not sign as producer", o.Speaker.Signer)
		}
		return nil
	}
	relation, ok := v.speakers[o.Speaker.Name]
	switch {
	case o.Speaker.Name == "" || !ok:
		return fmt.Errorf("it rests on an attestation by %q, of whom the record holds none", o.Speaker.Name)
	case o.Speaker.Relation != relation:
		return fmt.Errorf("it makes %q a %v, and the attestations a %v", o.Speaker.Name, o.Speaker.Relation, relation)
	case o.Grade != Attested && o.Grade != Declared:
		return fmt.Errorf("an attestation cannot make it %v", o.Grade)
	case o.Grade == Attested && (o.Speaker.Signer != o.Speaker.Name || relation != Producer):
		return errors.New("it is attested, and not by the producer who signed the statement")
	}
	return nil
}
