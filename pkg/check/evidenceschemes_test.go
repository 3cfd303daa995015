package check_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
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
			if r := recheck(t, resolved(t, policy.Settings{}), original); r.Verdict.Allowed() || c.attested == 0 && r.Verdict.Outcome != policy.Hold || r.Rechecked.Signatures != 0 {
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
