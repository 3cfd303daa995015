package check_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/sigstoretest"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

const (
	slsaV1 = "https://slsa.dev/provenance/v1"
	bom    = "https://cyclonedx.org/bom"

	slsaOf = `{"buildDefinition":{"buildType":"https://b.example/t"},"runDetails":{"builder":{"id":"https://builder.example/%s"}}}`
	bomOf  = `{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"component":{"type":"machine-learning-model","name":"%s"}}}`
)

// stating attaches a signed statement about subject.
func (a twelve) stating(t *testing.T, subject artifact.Digest, kind, predicate string, change func(*sigstoretest.Request)) []byte {
	t.Helper()
	r := sigstoretest.Request{Subject: subject, Identity: alice, Issuer: provider, IssuedAt: labTime}
	r.Statement = fmt.Appendf(nil, `{"_type":%q,"subject":[{"digest":{"sha256":%q}}],"predicateType":%q,"predicate":%s}`, provenance.StatementType, subject.Hex(), kind, predicate)
	if change != nil {
		change(&r)
	}
	return a.bundle(t, r)
}

func mallory(r *sigstoretest.Request) { r.Identity = "mallory@example.com" }

// stated examines an artifact with these statements, signed by demo, for a
// policy that names demo as producer and alice as a third party.
func stated(t *testing.T, make func(a twelve) [][]byte) *check.Report {
	t.Helper()
	a, l := newStage(t)
	l.attach(t, a.subject, bundle(t, a.subject.Digest, signer(t, "demo.key")))
	for _, b := range make(a) {
		l.attach(t, a.subject, b)
	}
	l.write(t, a.dir)
	p, err := policy.Parse([]byte("apiVersion: modelcheck/v1\nkind: Policy\ntrustedRoots: [{name: lab, file: root.json}]\nsigners:\n" +
		"  - {name: demo, relation: producer, key: {file: demo.pub}}\n" +
		"  - {name: alice, relation: third-party, keyless: {issuer: " + provider + ", subject: " + alice + "}}\n" +
		"require: {signatures: {anyOf: [demo, alice]}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Resolve(func(name string) ([]byte, error) {
		if name == "root.json" {
			return a.root, nil
		}
		return os.ReadFile("../../testdata/keys/" + name)
	}); err != nil {
		t.Fatal(err)
	}
	r := examine(t, p, a.dir)
	if r.Error != nil || r.Manifest == nil {
		t.Fatalf("%+v %+v", r.Error, r.Verdict)
	}
	return r
}

func claimOf(t *testing.T, r *check.Report, id string) provenance.Claim {
	t.Helper()
	for _, c := range r.Manifest.Claims {
		if c.ID == id {
			return c
		}
	}
	t.Fatalf("no claim %q", id)
	return provenance.Claim{}
}

// What named signers state under their signature stands in the record as their
// word, each with its grade; what strangers state does not stand there at all.
func TestStatementsInTheRecord(t *testing.T) {
	producer := func(r *sigstoretest.Request) {
		r.Identity, r.Issuer, r.Key, r.WithoutLog, r.WithoutTimestamp = "", "", signer(t, "demo.key"), true, true
	}
	build := func(a twelve) []byte {
		return a.stating(t, a.subject.Digest, slsaV1, fmt.Sprintf(slsaOf, "ours"), producer)
	}
	other := artifact.SumSHA256([]byte("another"))
	for name, tc := range map[string]struct {
		make    func(a twelve) [][]byte
		claim   string
		state   provenance.State
		speaker string
		outcome policy.Outcome
	}{
		"by the producer": {func(a twelve) [][]byte { return [][]byte{build(a)} }, "build.builder", provenance.StateAttested, "demo", policy.Allow},
		"by a third party": {func(a twelve) [][]byte {
			return [][]byte{a.stating(t, a.subject.Digest, slsaV1, fmt.Sprintf(slsaOf, "theirs"), nil)}
		}, "build.builder", provenance.StateDeclared, "alice", policy.Allow},
		"by a stranger": {func(a twelve) [][]byte {
			return [][]byte{a.stating(t, a.subject.Digest, slsaV1, fmt.Sprintf(slsaOf, "x"), mallory)}
		}, "build.builder", provenance.StateAbsent, "", policy.Allow},
		"of another artifact": {func(a twelve) [][]byte {
			return [][]byte{a.stating(t, other, slsaV1, fmt.Sprintf(slsaOf, "x"), producer)}
		}, "build.builder", provenance.StateAbsent, "", policy.Allow},
		"that was changed": {func(a twelve) [][]byte { return [][]byte{spoiled(t, build(a))} }, "build.builder", provenance.StateAbsent, "", policy.Allow},
		"by a stranger beside the producer's": {func(a twelve) [][]byte {
			return [][]byte{a.stating(t, a.subject.Digest, slsaV1, fmt.Sprintf(slsaOf, "x"), mallory), build(a)}
		}, "build.builder", provenance.StateAttested, "demo", policy.Allow},
		"that disagree": {func(a twelve) [][]byte {
			return [][]byte{a.stating(t, a.subject.Digest, slsaV1, fmt.Sprintf(slsaOf, "theirs"), nil), build(a)}
		}, "build.builder", provenance.StateConflicting, "", policy.Allow},
		"of a third party about the model": {func(a twelve) [][]byte {
			return [][]byte{a.stating(t, a.subject.Digest, bom, fmt.Sprintf(bomOf, "tiny"), nil)}
		}, "identity.name", provenance.StateDeclared, "alice", policy.Allow},
		"that are not what they promise": {func(a twelve) [][]byte {
			return [][]byte{a.stating(t, a.subject.Digest, slsaV1, `{"runDetails":7}`, producer)}
		}, "build.builder", provenance.StateAbsent, "", policy.Hold},
	} {
		t.Run(name, func(t *testing.T) {
			r := stated(t, tc.make)
			if r.Verdict.Outcome != tc.outcome {
				t.Errorf("%v, want %v: %v", r.Verdict.Outcome, tc.outcome, r.Verdict.Reasons)
			}
			c := claimOf(t, r, tc.claim)
			if c.State != tc.state {
				t.Errorf("%v, want %v: %+v", c.State, tc.state, c)
			}
			if tc.speaker != "" && (len(c.Observations) != 1 || c.Observations[0].Speaker.Name != tc.speaker || c.Observations[0].Source.Kind != provenance.SourceAttestation) {
				t.Errorf("%+v", c.Observations)
			}
			if b := r.ManifestBytes(); strings.Contains(string(b), "mallory") {
				t.Error("a stranger stands in the record")
			}
		})
	}
}

// Signing the same statement again, at another time and with another log
// entry, changes nothing in the record; nor does a stranger's.
func TestStatementsAgain(t *testing.T) {
	say := func(a twelve, change func(*sigstoretest.Request)) []byte {
		return a.stating(t, a.subject.Digest, slsaV1, fmt.Sprintf(slsaOf, "ours"), change)
	}
	once := stated(t, func(a twelve) [][]byte { return [][]byte{say(a, nil)} })
	again := stated(t, func(a twelve) [][]byte {
		return [][]byte{say(a, mallory), say(a, nil), say(a, func(r *sigstoretest.Request) { r.IssuedAt = labTime.Add(-1000) })}
	})
	if string(once.ManifestBytes()) != string(again.ManifestBytes()) {
		t.Errorf("the record changed:\n%s\n%s", once.ManifestBytes(), again.ManifestBytes())
	}
}
