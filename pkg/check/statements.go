package check

import "github.com/modelcheck/modelcheck/pkg/internal/disclose"

// signedStatements adds what the signers whom the policy names state about the
// artifact. Strangers are verified too, and not listened to.
func (e *examination) signedStatements(in *disclose.Input) {
	for _, s := range e.attested {
		for _, by := range e.cfg.Policy.Statements(e.report.Signatures[s.Index]) {
			in.Attestations = append(in.Attestations, disclose.Attestation{
				Signer:        by.Signer,
				Relation:      by.Relation,
				PredicateType: s.PredicateType,
				Digest:        s.Statement,
				Predicate:     s.Predicate,
				Omitted:       s.Omitted,
			})
		}
	}
}
