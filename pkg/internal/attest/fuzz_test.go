package attest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/internal/attest/sigstoretest"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// FuzzBundle: whatever stands in a bundle, judging it ends without a panic of
// our own, with a verdict and a code, and never proves another artifact; a
// proven one has an identity.
func FuzzBundle(f *testing.F) {
	lab, key := newLab(f), newKey(f, "P-256")
	v := newVerifier(f, Config{Roots: []Root{rootOf(f, lab)}, Keys: []Key{{Name: "ours", PEM: pemOf(f, key.Public())}}})
	f.Add(signed1(f, testSubject, key))
	f.Add(bundleOf(f, lab, keyless()))
	f.Add(bundleOf(f, lab, keyless(func(r *sigstoretest.Request) { r.Rekor2, r.Message = true, true })))
	f.Add([]byte(`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}`))
	if seeds, err := filepath.Glob("testdata/*.sigstore.json"); err == nil {
		for _, s := range seeds {
			if b, err := os.ReadFile(s); err == nil {
				f.Add(b)
			}
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		other, own := judgeRaw(v, raw, testOther), judgeRaw(v, raw, testSubject)
		if other.Verdict != provenance.Refused || other.Code == "" {
			t.Fatalf("proves another artifact: %+v", other)
		}
		if own.Verdict == provenance.Unchecked || own.Code == "" {
			t.Fatalf("no verdict: %+v", own)
		}
		if own.Verdict == provenance.Proven && own.Identity.Subject == "" && own.Identity.KeyFingerprint == "" {
			t.Fatalf("proven, and nobody's: %+v", own)
		}
	})
}

// FuzzReferrer: whatever a referring manifest says, it becomes candidates,
// each decided or with a bundle within bounds.
func FuzzReferrer(f *testing.F) {
	f.Add([]byte(`{"artifactType":"application/vnd.dev.sigstore.bundle.v0.3+json","layers":[{"mediaType":"x","digest":"sha256:00","size":1}]}`))
	f.Add([]byte(`{"layers":[{"mediaType":"application/vnd.dev.sigstore.bundle","digest":"` + testSubject.String() + `","size":1}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		slots := listSlots([]Referrer{{Body: body}})
		if len(slots) == 0 || len(slots) > MaxBundles+1 {
			t.Fatalf("%d candidates", len(slots))
		}
		for _, s := range slots {
			if s.decided != (s.candidate.Code != "") || s.candidate.Verdict == provenance.Proven {
				t.Fatalf("%+v", s)
			}
			if !s.decided && (s.layer.Digest.IsZero() || s.layer.Size <= 0 || s.layer.Size > MaxBundle) {
				t.Fatalf("%+v", s)
			}
		}
	})
}
