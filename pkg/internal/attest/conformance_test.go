package attest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// judgeCase judges the bundle of a case with the trust of the case, and more
// keys.
func judgeCase(t *testing.T, base, dir string, bundle []byte, more []Key) provenance.Candidate {
	t.Helper()
	read := func(names ...string) []byte {
		for _, n := range names {
			if b, err := os.ReadFile(n); err == nil {
				return b
			}
		}
		return nil
	}
	cfg := Config{SignatureTypes: []string{slsaType}, Keys: more}
	cfg.Roots = []Root{{Name: "root", JSON: read(filepath.Join(dir, "trusted_root.json"), filepath.Join(base, "trusted_root.public-good.json"))}}
	if key := read(filepath.Join(dir, "key.pub")); key != nil && more == nil {
		cfg.Keys = []Key{{Name: "key", PEM: key}}
	}
	c := provenance.Candidate{}
	v, err := New(cfg)
	if err != nil {
		deny(&c, refuse(provenance.CodeTrustMaterial, "%v", err))
		return c
	}
	return judgeRaw(v, bundle, artifact.SumSHA256(read(filepath.Join(dir, "artifact"), filepath.Join(base, "a.txt"))))
}

// Two cases fail everywhere for another reason than the one that they are
// about. Here is the reason that they are about.
func TestConformanceMeant(t *testing.T) {
	base := fixtures.Dir(t, "sigstore-conformance")
	dir := filepath.Join(base, "bundle-verify", "rekor2-timestamp-with-incorrect-time_fail")
	bundle, err := os.ReadFile(filepath.Join(dir, "bundle.sigstore.json"))
	if err != nil {
		t.Fatal(err)
	}
	bundle = edit(t, bundle, func(m map[string]any) {
		stamp := object(m, "verificationMaterial", "timestampVerificationData", "rfc3161Timestamps", 0)
		stamp["signedTimestamp"] = strings.ReplaceAll(stamp["signedTimestamp"].(string), "\n", "")
	})
	expectRefusal(t, judgeCase(t, base, dir, bundle, nil), provenance.CodeExpiredAtTime)
	dir = filepath.Join(base, "bundle-verify", "managed-key-wrong-key_fail")
	if bundle, err = os.ReadFile(filepath.Join(dir, "bundle.sigstore.json")); err != nil {
		t.Fatal(err)
	}
	expectRefusal(t, judgeCase(t, base, dir, bundle, []Key{{Name: "another", PEM: pemOf(t, newKey(t, "P-256").Public())}}), provenance.CodeSignatureWrongKey)
}

// Every conformance bundle is a signature of a.txt or of nothing: under any
// other subject none is proven.
func TestConformanceOtherSubject(t *testing.T) {
	base := fixtures.Dir(t, "sigstore-conformance")
	cases, err := filepath.Glob(filepath.Join(base, "bundle-verify", "*", "bundle.sigstore.json"))
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.ReadFile(filepath.Join(base, "trusted_root.public-good.json"))
	if err != nil {
		t.Fatal(err)
	}
	v := newVerifier(t, Config{Roots: []Root{{"public", root}}, SignatureTypes: []string{slsaType}})
	for _, path := range cases {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if c := judgeRaw(v, b, testOther); c.Verdict != provenance.Refused {
			t.Errorf("%s: %+v", path, c)
		}
	}
}
