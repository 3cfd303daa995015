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

// Who signs in sigstore-conformance (its test/client.py).
const (
	conformanceIdentity = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main"
	conformanceIssuer   = "https://token.actions.githubusercontent.com"
	conformanceKey      = "sha256:4cb32c4837c6dda8cfb1681efb3fef5f94ffce5b979e6bdb9139302c857af139"
)

// conformanceCodes are the reasons that the README of each failing case
// describes, with a word of the detail where the code alone could hide another
// reason.
var conformanceCodes = map[string][2]string{
	"bundle-empty-certificate-chain_fail":             {provenance.CodeSignatureMalformed, "chain is empty"},
	"bundle-from-wrong-instance_fail":                 {provenance.CodeUntrustedRoot, ""},
	"bundle-invalid-base64-signature_fail":            {provenance.CodeSignatureMalformed, "BASE64"},
	"bundle-malformed-json_fail":                      {provenance.CodeSignatureMalformed, "malformed JSON"},
	"bundle-negative-log-index_fail":                  {provenance.CodeSignatureMalformed, "negative index"},
	"bundle-unknown-version_fail":                     {provenance.CodeSignatureMalformed, "media type"},
	"bundle-with-root-cert_fail":                      {provenance.CodeSignatureMalformed, "its own root"},
	"checkpoint-bad-keyhint_fail":                     {provenance.CodeLogInclusionFailed, "checkpoint"},
	"checkpoint-wrong-roothash_fail":                  {provenance.CodeLogInclusionFailed, "root hash"},
	"dsse-invalid-sig_fail":                           {provenance.CodeSignatureBad, ""},
	"dsse-mismatch-envelope_fail":                     {provenance.CodeLogInclusionFailed, "does not match"},
	"dsse-mismatch-sig_fail":                          {provenance.CodeLogInclusionFailed, "signature does not match"},
	"inclusion-proof-corrupted-hash_fail":             {provenance.CodeLogInclusionFailed, "expected root"},
	"incorrect-public-key_fail":                       {provenance.CodeLogInclusionFailed, "verifying signature"},
	"integrated-time-in-future_fail":                  {provenance.CodeExpiredAtTime, "logged at"},
	"intoto-expired-certificate_fail":                 {provenance.CodeExpiredAtTime, "issued"},
	"intoto-log-entry-mismatch_fail":                  {provenance.CodeLogInclusionFailed, "envelope"},
	"intoto-missing-inclusion-proof_fail":             {provenance.CodeLogInclusionFailed, "no inclusion proof"},
	"intoto-set-outside-signing-cert-validity_fail":   {provenance.CodeExpiredAtTime, "logged at"},
	"intoto-tsa-timestamp-outside-cert-validity_fail": {provenance.CodeExpiredAtTime, "not valid at"},
	"invalid-checkpoint-signature_fail":               {provenance.CodeLogInclusionFailed, "checkpoint"},
	"invalid-ct-key_fail":                             {provenance.CodeCertificateNotLogged, ""},
	"invalid-inclusion-proof_fail":                    {provenance.CodeLogInclusionFailed, "inclusion proof"},
	"managed-key-no-key_fail":                         {provenance.CodeSignatureWrongKey, "no key was given"},
	// The case's key is no point of its curve; a real wrong key is tried too.
	"managed-key-wrong-key_fail":                                {provenance.CodeTrustMaterial, "not on curve"},
	"message-digest-mismatch_fail":                              {provenance.CodeSignatureBad, ""},
	"rekor2-checkpoint-missing-log-signature_fail":              {provenance.CodeLogInclusionFailed, "malformed note"},
	"rekor2-checkpoint-missing-origin_fail":                     {provenance.CodeLogInclusionFailed, "checkpoint"},
	"rekor2-checkpoint-missing-root-hash_fail":                  {provenance.CodeLogInclusionFailed, "checkpoint"},
	"rekor2-checkpoint-missing-size_fail":                       {provenance.CodeLogInclusionFailed, "checkpoint"},
	"rekor2-checkpoint-no-matching-signature_fail":              {provenance.CodeLogInclusionFailed, "no verifiable signatures"},
	"rekor2-dsse-invalid-sig_fail":                              {provenance.CodeSignatureBad, ""},
	"rekor2-dsse-mismatch-envelope_fail":                        {provenance.CodeLogInclusionFailed, "expected root"},
	"rekor2-dsse-mismatch-sig_fail":                             {provenance.CodeLogInclusionFailed, "expected root"},
	"rekor2-no-inclusion-proof_fail":                            {provenance.CodeLogInclusionFailed, "no inclusion proof"},
	"rekor2-no-timestamp_fail":                                  {provenance.CodeNoTimestamp, ""},
	"rekor2-timestamp-outside-trust-root-tsa-validity_fail":     {provenance.CodeNoTimestamp, "after the validity"},
	"rekor2-timestamp-outside-tsa-cert-validity_fail":           {provenance.CodeNoTimestamp, "outside of certificate validity"},
	"rekor2-timestamp-payload-mismatch_fail":                    {provenance.CodeNoTimestamp, "don't match"},
	"rekor2-timestamp-untrusted-tsa-with-embedded-cert_fail":    {provenance.CodeNoTimestamp, "TSA certificate"},
	"rekor2-timestamp-untrusted-tsa-without-embedded-cert_fail": {provenance.CodeNoTimestamp, "No certificate"},
	// The case's base64 has line breaks, which protobuf's JSON does not allow;
	// TestConformanceMeant tries it without.
	"rekor2-timestamp-with-incorrect-time_fail":   {provenance.CodeSignatureMalformed, "signedTimestamp"},
	"set-invalid-signature_fail":                  {provenance.CodeLogInclusionFailed, ""},
	"signature-mismatch_fail":                     {provenance.CodeSignatureBad, ""},
	"trust-root-tlog-missing-validity-start_fail": {provenance.CodeTrustMaterial, "start time"},
	"wrong-hashedrekord-artifact_fail":            {provenance.CodeLogInclusionFailed, "does not match"},
	"wrong-hashedrekord-cert-and-sig_fail":        {provenance.CodeLogInclusionFailed, "does not match"},
	"wrong-hashedrekord-entry_fail":               {provenance.CodeLogInclusionFailed, "does not match"},
	"wrong-material_fail":                         {provenance.CodeSignatureWrongSubject, ""},
}

// TestConformance runs the bundles of sigstore-conformance by digest through
// the same path as a verification: 21 must pass, 49 must fail, for the reason
// that their README describes. A client that refuses everything would refuse
// what must be refused.
func TestConformance(t *testing.T) {
	base := fixtures.Dir(t, "sigstore-conformance")
	cases, err := filepath.Glob(filepath.Join(base, "bundle-verify", "*", "bundle.sigstore.json"))
	if err != nil {
		t.Fatal(err)
	}
	passed, failed := 0, 0
	for _, path := range cases {
		dir := filepath.Dir(path)
		name := filepath.Base(dir)
		bundle, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c := judgeCase(t, base, dir, bundle, nil)
		t.Logf("%-62s %-9v %-24s %s", name, c.Verdict, c.Code, c.Detail)
		if want, ok := conformanceCodes[name]; ok {
			failed++
			if c.Verdict != provenance.Refused || c.Code != want[0] || !strings.Contains(c.Detail, want[1]) {
				t.Errorf("%s: %v %s (%s), want refused %s (…%s…)", name, c.Verdict, c.Code, c.Detail, want[0], want[1])
			}
			continue
		}
		passed++
		ours := c.Identity.Subject == conformanceIdentity && c.Identity.Issuer == conformanceIssuer || c.Identity.KeyFingerprint == conformanceKey
		if strings.HasSuffix(name, "_fail") || c.Verdict != provenance.Proven || !ours {
			t.Errorf("%s: %v %s (%s) by %+v", name, c.Verdict, c.Code, c.Detail, c.Identity)
		}
	}
	if passed != 21 || failed != 49 {
		t.Errorf("%d must pass and %d must fail, want 21 and 49", passed, failed)
	}
}

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
	v.judge(&c, bundle, nil, artifact.SumSHA256(read(filepath.Join(dir, "artifact"), filepath.Join(base, "a.txt"))))
	return c
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
		var c provenance.Candidate
		if v.judge(&c, b, nil, testOther); c.Verdict != provenance.Refused {
			t.Errorf("%s: %+v", path, c)
		}
	}
}
