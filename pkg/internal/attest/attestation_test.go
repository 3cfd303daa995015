package attest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/internal/attest/sigstoretest"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// What an attestation says is handed on only if it holds and is about the
// artifact, and within bounds.
func TestPredicates(t *testing.T) {
	lab, key := newLab(t), newKey(t, "P-256")
	v := newVerifier(t, Config{Keys: []Key{{Name: "ours", PEM: pemOf(t, key.Public())}}})
	attest := func(kind, predicate string, change ...func(*sigstoretest.Request)) []byte {
		r := sigstoretest.Request{Key: key, Subject: testSubject, IssuedAt: testSigned, WithoutLog: true, WithoutTimestamp: true}
		for _, c := range change {
			c(&r)
		}
		r.Statement = fmt.Appendf(nil, `{"_type":%q,"subject":[{"digest":{"sha256":%q}}],"predicateType":%q%s}`, kind, r.Subject.Hex(), slsaType, predicate)
		return bundleOf(t, lab, r)
	}
	const statement = provenance.StatementType
	r := registry{}
	layer := func(b []byte) string { return r.blob(BundleType, string(b)) }
	large := `,"predicate":"` + strings.Repeat("x", MaxPredicate) + `"`
	found := []Referrer{manifestOf(BundleType,
		layer(attest(statement, `,"predicate":{"a":1.50}`)),
		layer(attest(olderStatementType, `,"predicate":{"b":2}`)),
		layer(attest(statement, ``)),
		layer(attest(statement, `,"predicate":{}`, func(r *sigstoretest.Request) { r.Key = newKey(t, "P-256") })),
		layer(attest(statement, `,"predicate":{}`, func(r *sigstoretest.Request) { r.Subject = testOther })),
		layer(signed1(t, testSubject, key)),
		layer(attest(statement, large)),
	)}
	got, err := v.VerifyAll(t.Context(), testSubject, found, r.fetch)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, a := range got.Attestations {
		c := got.Candidates[a.Index]
		if c.Verdict != provenance.Proven || c.Code != provenance.CodeAttestationVerified || a.PredicateType != slsaType || c.PredicateType != slsaType || c.Identity.KeyFingerprint == "" {
			t.Errorf("%d: %+v", a.Index, c)
		}
		if (a.Omitted != "") != (a.Index == 6) {
			t.Errorf("%d: omitted %q", a.Index, a.Omitted)
		}
		said = append(said, fmt.Sprintf("%d %s", a.Index, a.Predicate))
	}
	if want := []string{`0 {"a":1.50}`, `1 {"b":2}`, `2 `, `6 `}; !slices.Equal(said, want) {
		t.Errorf("%q, want %q", said, want)
	}
	for i, code := range map[int]string{3: provenance.CodeNotASignature, 4: provenance.CodeNotASignature, 5: provenance.CodeSignatureVerified} {
		if got.Candidates[i].Code != code {
			t.Errorf("%d: %+v", i, got.Candidates[i])
		}
	}
	// Beyond the space for predicates attestations are judged and not kept.
	small := layer(attest(statement, `,"predicate":{}`))
	big := manifestOf(BundleType, append(slices.Repeat([]string{fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%d}`, BundleType, testOther, MaxBundle)}, MaxPredicates/MaxBundle), small)...)
	got, err = v.VerifyAll(t.Context(), testSubject, []Referrer{big}, r.fetch)
	if err != nil || len(got.Attestations) != 1 || got.Attestations[0].Omitted == "" || got.Attestations[0].Predicate != nil {
		t.Errorf("%+v, %v", got.Attestations, err)
	}
	// One that is named as a signature is one, and none.
	named := newVerifier(t, Config{Keys: []Key{{Name: "ours", PEM: pemOf(t, key.Public())}}, SignatureTypes: []string{slsaType}})
	one := named.VerifyBundle(testSubject, "bundle-file", attest(statement, `,"predicate":{}`))
	if len(one.Attestations) != 0 || one.Candidates[0].Code != provenance.CodeSignatureVerified {
		t.Errorf("%+v", one)
	}
}
