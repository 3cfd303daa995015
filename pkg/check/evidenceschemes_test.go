package check_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/sigstoretest"
	"github.com/modelcheck/modelcheck/pkg/internal/dossier"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// TestEvidenceOfSchemes: a keyless signature, one over the model's files and a
// signed statement are verified again out of an evidence bundle; with another
// signer demanded, with no trust, and with a changed signature they are not.
func TestEvidenceOfSchemes(t *testing.T) {
	lab, err := sigstoretest.New(labTime)
	if err != nil {
		t.Fatal(err)
	}
	root, err := lab.TrustedRoot()
	if err != nil {
		t.Fatal(err)
	}
	producer := func(r *sigstoretest.Request) {
		r.Identity, r.Issuer, r.Key, r.WithoutLog, r.WithoutTimestamp = "", "", signer(t, "demo.key"), true, true
	}
	for name, c := range map[string]struct {
		make       func(a twelve) [][]byte
		by, other  string
		signatures int
		attested   int
	}{
		"keyless":               {func(a twelve) [][]byte { return [][]byte{a.keyless(t, alice)} }, "alice", "bob", 1, 0},
		"OpenSSF Model Signing": {func(a twelve) [][]byte { return [][]byte{a.model(t, signer(t, "demo.key"), weights(t), good)} }, "demo", "dave", 1, 0},
		"a statement beside it": {func(a twelve) [][]byte {
			return [][]byte{a.keyless(t, alice), a.stating(t, a.subject.Digest, slsaV1, fmt.Sprintf(slsaOf, "ours"), producer)}
		}, "alice, demo", "bob", 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLayoutWriter()
			a := twelve{dir: t.TempDir(), lab: lab, root: root, subject: l.files(t, "v1", weights(t), good)}
			for _, b := range c.make(a) {
				l.attach(t, a.subject, b)
			}
			l.write(t, a.dir)
			ours := a.policy(t, "anyOf: ["+c.by+"]")
			original := evidenceOf(t, ours, "oci-layout:"+a.dir+":v1")
			d, err := dossier.Read(original)
			if err != nil {
				t.Fatal(err)
			}
			m, err := provenance.Decode(d.Record)
			if err != nil || len(m.Signatures) != c.signatures || len(m.Attestations) != c.attested {
				t.Fatalf("%v: %d signatures, %d attestations", err, len(m.Signatures), len(m.Attestations))
			}
			if r := recheck(t, ours, original); !r.Verdict.Allowed() || r.Rechecked.Signatures != c.signatures+c.attested {
				t.Errorf("the original: %v, %+v", r.Verdict, r.Rechecked)
			}
			if r := recheck(t, a.policy(t, "anyOf: ["+c.other+"]"), original); r.Verdict.Outcome != policy.Deny {
				t.Errorf("another signer: %v", r.Verdict)
			}
			if r := recheck(t, resolved(t, policy.Settings{}), original); r.Verdict.Outcome != policy.Hold || !slices.Equal(codesOf(r.Verdict), []string{provenance.CodeNoTrust}) || r.Rechecked.Signatures != 0 {
				t.Errorf("no trust: %v", r.Verdict)
			}
			for _, digest := range slices.Clone(d.Index.Attached) {
				if blob := d.Blobs[digest]; bytes.Contains(blob, []byte(`"sig":"`)) {
					exchange(t, d, digest, spoiled(t, bytes.Clone(blob)))
				}
			}
			if r := recheck(t, ours, whole(t, d)); r.Verdict.Outcome != policy.Deny || !slices.Contains(codesOf(r.Verdict), provenance.CodeEvidenceSignature) {
				t.Errorf("a changed signature: %v", r.Verdict)
			}
		})
	}
}

// exchange puts another blob of the same size in the place of one, and says so
// in the manifests that refer to it.
func exchange(t *testing.T, d *dossier.Dossier, old artifact.Digest, blob []byte) {
	t.Helper()
	delete(d.Blobs, old)
	sum := d.Add(blob)
	d.Index.Attached[slices.Index(d.Index.Attached, old)] = sum
	slices.SortFunc(d.Index.Attached, artifact.Digest.Compare)
	for i, r := range d.Index.Referrers {
		if body := d.Blobs[r.Digest]; bytes.Contains(body, []byte(old.Hex())) {
			delete(d.Blobs, r.Digest)
			d.Index.Referrers[i].Digest = d.Add(bytes.ReplaceAll(body, []byte(old.Hex()), []byte(sum.Hex())))
		}
	}
}

// TestEvidenceWithoutTrust: what only a signer's word says is neither held
// against the record nor believed where nobody said whom to trust. The policies
// without trust here allow what is unsigned, so that nothing else decides.
func TestEvidenceWithoutTrust(t *testing.T) {
	a, l := newStage(t)
	l.attach(t, a.subject, a.keyless(t, alice))
	l.attach(t, a.subject, a.stating(t, a.subject.Digest, slsaV1, fmt.Sprintf(slsaOf, "ours"), nil))
	l.write(t, a.dir)
	builder := "rules: [{name: builder, require: 'claims.value(\"build.builder\") == \"https://builder.example/ours\"'}]\n"
	signers := "signers: [{name: alice, relation: producer, keyless: {issuer: " + provider + ", subject: " + alice + "}}]\nrequire: {signatures: {anyOf: [alice]}}\n"
	ours := a.text(t, signers+builder)
	original := evidenceOf(t, ours, "oci-layout:"+a.dir+":v1")
	untrusting := func(body string) *policy.Policy {
		p, err := policy.Parse([]byte("apiVersion: modelcheck/v1\nkind: Policy\n" + body))
		if err == nil {
			err = p.Resolve(nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	edited := func(id string, change func(*provenance.Claim)) []byte {
		d, err := dossier.Read(original)
		if err != nil {
			t.Fatal(err)
		}
		return rerecord(t, d, func(m *provenance.Manifest) { change(claimIn(t, m, id)) })
	}
	for name, c := range map[string]struct {
		policy *policy.Policy
		data   []byte
		want   policy.Outcome
		code   string
	}{
		"the signer trusted":             {ours, original, policy.Allow, provenance.CodeSignatureVerified},
		"no trust":                       {resolved(t, policy.Settings{}), original, policy.Hold, provenance.CodeNoTrust},
		"unsigned allowed":               {untrusting("allowUnsigned: true\n"), original, policy.Allow, provenance.CodeUnsignedAllowed},
		"a rule that wants what he said": {untrusting("allowUnsigned: true\n" + builder), original, policy.Deny, provenance.CodeRuleFailed},
		"another signer trusted":         {a.policy(t, "anyOf: [bob]"), original, policy.Deny, provenance.CodeEvidenceSignature},
		"a document misquoted": {resolved(t, policy.Settings{}), edited("model.architecture", func(c *provenance.Claim) {
			c.Value = []byte(`"Other"`)
			c.Observations[0].Value = c.Value
		}), policy.Deny, provenance.CodeEvidenceClaims},
		"the statement misquoted": {untrusting("allowUnsigned: true\n" + builder), edited("build.builder", func(c *provenance.Claim) {
			c.Value = []byte(`"https://builder.example/theirs"`)
			c.Observations[0].Value = c.Value
		}), policy.Deny, provenance.CodeRuleFailed},
	} {
		t.Run(name, func(t *testing.T) {
			r := recheck(t, c.policy, c.data)
			codes := codesOf(r.Verdict)
			if r.Verdict.Outcome != c.want || !slices.Contains(codes, c.code) || slices.Contains(codes, provenance.CodeRecordInvalid) {
				t.Errorf("%+v", r.Verdict)
			}
			if name != "no trust" {
				return
			}
			if len(codes) != 1 {
				t.Errorf("reasons %v", codes)
			}
			for _, what := range []string{`attestation of "alice"`, `signature of "alice"`, "build.builder"} {
				if !slices.ContainsFunc(r.NotRechecked, func(n check.NotRechecked) bool { return n.What == what }) {
					t.Errorf("%q is not said to be unproven: %+v", what, r.NotRechecked)
				}
			}
		})
	}
}
