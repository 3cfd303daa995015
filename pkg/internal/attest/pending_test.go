package attest

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/oms"
	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// realModel is a model that another implementation signed.
type realModel struct {
	bundle []byte
	model  oms.Model
}

func readModel(t *testing.T, name string) realModel {
	t.Helper()
	dir := fixtures.Dir(t, "oms", name)
	m := realModel{bundle: readFile(t, dir, "model.sig"), model: oms.Model{Signature: "model.sig"}}
	names, err := filepath.Glob(dir + "/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		b := readFile(t, n)
		m.model.Files = append(m.model.Files, oms.File{Path: filepath.Base(n), Size: int64(len(b)), SHA256: artifact.SumSHA256(b)})
	}
	return m
}

func readFile(t *testing.T, elem ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// complete judges a model signature to its end; one that is refused before
// never is pending.
func complete(t *testing.T, v *Verifier, bundle []byte, m oms.Model, allow ...oms.Reason) provenance.Candidate {
	t.Helper()
	r := v.VerifyBundle(testSubject, "model-file", bundle)
	if len(r.Candidates) != 1 || r.Candidates[0].Verdict == provenance.Proven || r.Candidates[0].Digest != artifact.SumSHA256(bundle) {
		t.Fatalf("%+v", r.Candidates)
	}
	if len(r.Pending) == 0 {
		if r.Candidates[0].Verdict != provenance.Refused {
			t.Errorf("neither refused nor pending: %+v", r.Candidates[0])
		}
		return r.Candidates[0]
	}
	if c := r.Candidates[0]; c.Code != provenance.CodeSignaturePending || c.Verdict != provenance.Unchecked || slices.Contains(c.Checked, "subject") {
		t.Errorf("pending: %+v", c)
	}
	c, _ := r.Pending[0].Complete(m, allow...)
	return c
}

// The real signatures of the reference implementation, by every method, and
// beside each what must not pass.
func TestRealModelSignatures(t *testing.T) {
	keys := fixtures.Dir(t, "oms", "keys", "certificate")
	public := Root{Name: "public", JSON: readFile(t, fixtures.Dir(t, "sigstore-conformance", "trusted_root.public-good.json"))}
	certificate := Config{CAs: []CA{{Name: "test", Chain: readFile(t, keys, "ca-cert.pem"), CurrentTime: true}}}
	timed, later := certificate, certificate
	timed.CAs = []CA{{Name: "test", Chain: certificate.CAs[0].Chain}}
	later.Now = func() time.Time { return time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC) }
	key := Config{Keys: []Key{{Name: "test", PEM: readFile(t, keys, "signing-key-pub.pem")}}}
	strangers := newOwnCA(t)
	sigstore := Config{Roots: []Root{public}}
	person := provenance.Identity{Subject: "stefanb@us.ibm.com", Issuer: "https://sigstore.verify.ibm.com/oauth2", TrustedRoot: "public"}
	for _, tt := range []struct {
		name, scheme string
		config       Config
		identity     provenance.Identity
		denied       map[string]Config
		code         map[string]string
	}{
		{"v1.0.0-sigstore", "oms-keyless", sigstore, person,
			map[string]Config{"no root": {}, "another root": {Roots: []Root{strangers.root}}, "a key": key, "not counted": {Roots: []Root{public}, SignatureTypes: []string{SignType}}},
			map[string]string{"no root": provenance.CodeUntrustedRoot, "another root": provenance.CodeUntrustedRoot, "a key": provenance.CodeUntrustedRoot, "not counted": provenance.CodeNotASignature}},
		{"v1.1.0-sigstore", "oms-keyless", sigstore, person,
			map[string]Config{"own CA": certificate, "more logs": {Roots: []Root{public}, Thresholds: Thresholds{LogEntries: 2}}, "more times": {Roots: []Root{public}, Thresholds: Thresholds{Timestamps: 3}}},
			map[string]string{"own CA": provenance.CodeUntrustedRoot, "more logs": provenance.CodeLogInclusionFailed, "more times": provenance.CodeNoTimestamp}},
		{"v1.1.0-elliptic-key", "oms-key", key, provenance.Identity{KeyFingerprint: "sha256:c1e49d63327f85c7e2971aefd30b5a0d1c6b9b5e1a892e7f5fba995adace816d"},
			map[string]Config{"no key": {}, "another key": {Keys: []Key{{Name: "x", PEM: pemOf(t, newKey(t, "P-384").Public())}}}, "a root": sigstore,
				"a window": {Keys: []Key{{Name: "test", PEM: key.Keys[0].PEM, NotAfter: testNow}}}},
			map[string]string{"no key": provenance.CodeSignatureWrongKey, "another key": provenance.CodeSignatureWrongKey, "a root": provenance.CodeSignatureWrongKey, "a window": provenance.CodeNoTimestamp}},
		{"v1.1.0-certificate", "oms-x509", certificate, provenance.Identity{Subject: "CN=intermediate-ca", Issuer: "ca:test"},
			map[string]Config{"at its own time": timed, "after it expired": later, "another CA": strangers.config(strangers.Root), "none": {}},
			map[string]string{"at its own time": provenance.CodeNoTimestamp, "after it expired": provenance.CodeExpiredAtTime, "another CA": provenance.CodeUntrustedRoot, "none": provenance.CodeUntrustedRoot}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := readModel(t, tt.name)
			v := newVerifier(t, tt.config)
			c := complete(t, v, m.bundle, m.model, oms.IgnoredBySigner)
			if c.Verdict != provenance.Proven || c.Code != provenance.CodeSignatureVerified || c.Scheme != tt.scheme || c.PredicateType != oms.PredicateType ||
				c.Identity.Subject != tt.identity.Subject || c.Identity.Issuer != tt.identity.Issuer || c.Identity.KeyFingerprint != tt.identity.KeyFingerprint || c.Identity.TrustedRoot != tt.identity.TrustedRoot ||
				!slices.Equal(c.Checked[:2], []string{"signature", "subject"}) {
				t.Fatalf("%+v", c)
			}
			for name, config := range tt.denied {
				t.Run(name, func(t *testing.T) {
					expectRefusal(t, complete(t, newVerifier(t, config), m.bundle, m.model, oms.IgnoredBySigner), tt.code[name])
				})
			}
			neighbours(t, v, m)
		})
	}
}

// neighbours changes the files under a signature that holds.
func neighbours(t *testing.T, v *Verifier, m realModel) {
	changed := func(change func(files []oms.File) []oms.File) oms.Model {
		return oms.Model{Files: change(slices.Clone(m.model.Files)), Signature: m.model.Signature}
	}
	last := len(m.model.Files) - 1
	extra := oms.File{Path: "extra.bin", SHA256: artifact.SumSHA256(nil)}
	for name, model := range map[string]oms.Model{
		"a byte":       changed(func(f []oms.File) []oms.File { f[last].SHA256 = testOther; return f }),
		"a file less":  changed(func(f []oms.File) []oms.File { return f[:last] }),
		"a file more":  changed(func(f []oms.File) []oms.File { return append(f, extra) }),
		"another name": changed(func(f []oms.File) []oms.File { f[last].Path = "renamed"; return f }),
		"a link":       changed(func(f []oms.File) []oms.File { f[last].Symlink = true; return f }),
		"no files":     {},
		"not this one": {Files: m.model.Files, Signature: "other.sig"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "not this one" && m.ignores(t) {
				t.Skip("the signer ignores model.sig by name")
			}
			expectRefusal(t, complete(t, v, m.bundle, model, oms.IgnoredBySigner, oms.Changed, oms.Missing), provenance.CodeSignatureWrongSubject)
		})
	}
	if m.ignores(t) {
		expectRefusal(t, complete(t, v, m.bundle, m.model), provenance.CodeSignatureWrongSubject)
	}
}

func (m realModel) ignores(t *testing.T) bool {
	t.Helper()
	s, err := parseBundle(m.bundle)
	if err != nil {
		t.Fatal(err)
	}
	return len(s.model.IgnorePaths()) > 0
}
