package check_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A verifier is a key that signs verification summaries.
type verifier struct{ private, public []byte }

func newVerifier(t *testing.T) verifier {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return verifier{
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
		pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}),
	}
}

func (v verifier) signer(t *testing.T) *check.Signer {
	t.Helper()
	s, err := check.NewSigner(t.Context(), check.SignConfig{Key: v.private})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// summaryPolicy demands the demo key's signature, and accepts the summaries of
// a verifier.
const summaryPolicy = `apiVersion: modelcheck/v1
kind: Policy
signers:
  - {name: release, key: {file: demo.pub}}
  - {name: ci, relation: verifier, key: {file: ci.pub}}
require:
  signatures: {anyOf: [release]}
summaries:
  signedBy: {anyOf: [ci]}
  maxAge: 30d
  time: stated
`

// checker has the policy text, with the verifier's key, at a time from now.
func (v verifier) checker(t *testing.T, text string, later time.Duration) *check.Checker {
	t.Helper()
	p, err := policy.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Resolve(func(name string) ([]byte, error) {
		if name == "ci.pub" {
			return v.public, nil
		}
		return os.ReadFile("../../testdata/keys/" + name)
	}); err != nil {
		t.Fatal(err)
	}
	c, err := check.New(check.Config{Policy: p, Version: "v1.2.3", Now: func() time.Time { return time.Now().Add(later) }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// signedDemo is the demo model in a registry, signed with the demo key. weights
// counts how often its largest blob is fetched.
func signedDemo(t *testing.T, weights *atomic.Int64) artifact.Reference {
	t.Helper()
	sum := artifact.SumSHA256(demoFile(t, "model.safetensors")).String()
	ref := demoRegistry(t, func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, sum) {
			weights.Add(1)
		}
		return false
	})
	if _, err := signWith(t, check.SignConfig{Key: demoKey(t)}, ref); err != nil {
		t.Fatal(err)
	}
	return ref
}

func has(r *check.Report, code string) bool {
	for _, reason := range r.Verdict.Reasons {
		if reason.Code == code {
			return true
		}
	}
	return false
}

// TestAttest: what one verifier recorded stands for the bytes where the policy
// says so, and the report never says that they were verified here.
func TestAttest(t *testing.T) {
	var fetched atomic.Int64
	ref, ci := signedDemo(t, &fetched), newVerifier(t)
	c := ci.checker(t, summaryPolicy, 0)
	made, err := c.Attest(t.Context(), ref, check.RecordConfig{Signer: ci.signer(t)})
	if err != nil || !made.Verdict.Allowed() || len(made.Recorded) != 3 || made.Recorded[2].PredicateType != provenance.SummaryType || made.Recorded[2].Result != "PASSED" {
		t.Fatalf("%v, %+v", err, made)
	}
	before := fetched.Load()
	r, err := c.Accept(t.Context(), ref)
	if err != nil || !r.Verdict.Allowed() || !has(r, provenance.CodeSummaryAccepted) {
		t.Fatalf("%v, %+v", err, r.Verdict)
	}
	if fetched.Load() != before || r.Bytes.Hashed != 0 || r.Manifest != nil || !r.ManifestDigest.IsZero() {
		t.Errorf("%d fetches of the weights, %+v, manifest %v", fetched.Load()-before, r.Bytes, r.ManifestDigest)
	}
	if s := r.Summary; s == nil || !s.Accepted || !s.Recalled || s.ManifestDigest != made.ManifestDigest || s.SubstanceDigest != made.SubstanceDigest || s.VerifierID != check.DefaultVerifierID {
		t.Errorf("summary %+v", r.Summary)
	}
	recalled, err := c.Recall(t.Context(), ref)
	if err != nil || len(recalled.Manifests) != 1 || len(recalled.Summaries) != 1 || string(recalled.Manifests[0].Bytes) != string(made.ManifestBytes()) {
		t.Errorf("%v, %+v", err, recalled)
	}
	again, err := c.Examine(t.Context(), ref)
	if err != nil || again.ManifestDigest != made.ManifestDigest {
		t.Errorf("attesting changed the record: %v, %v", err, again.ManifestDigest)
	}
}

// TestAcceptRefuses: the neighbours of an accepted summary.
func TestAcceptRefuses(t *testing.T) {
	var fetched atomic.Int64
	ref, ci, other := signedDemo(t, &fetched), newVerifier(t), newVerifier(t)
	c := ci.checker(t, summaryPolicy, 0)
	if r, err := c.Accept(t.Context(), ref); err != nil || r.Verdict.Outcome != policy.Deny || !has(r, provenance.CodeSummaryMissing) {
		t.Errorf("nothing recorded: %v, %+v", err, r.Verdict)
	}
	if _, err := c.Attest(t.Context(), ref, check.RecordConfig{Signer: ci.signer(t)}); err != nil {
		t.Fatal(err)
	}
	replaced := func(old, by string) string { return strings.Replace(summaryPolicy, old, by, 1) }
	for name, tc := range map[string]struct {
		checker *check.Checker
		code    string
	}{
		"a stranger's":                 {other.checker(t, summaryPolicy, 0), provenance.CodeSummaryWrongSigner},
		"under another policy":         {ci.checker(t, summaryPolicy+"findings: {deny: [code-on-load]}\n", 0), provenance.CodeSummaryWrongPolicy},
		"too old":                      {ci.checker(t, summaryPolicy, 31*24*time.Hour), provenance.CodeSummaryStale},
		"from the future":              {ci.checker(t, summaryPolicy, -time.Hour), provenance.CodeSummaryStale},
		"no section":                   {ci.checker(t, summaryPolicy[:strings.Index(summaryPolicy, "summaries:")]+"  attestations: [{name: sbom, predicateType: https://spdx.dev/Document, signedBy: {anyOf: [ci]}}]\n", 0), provenance.CodeSummaryMissing},
		"time that nobody vouches for": {ci.checker(t, replaced("  time: stated\n", ""), 0), provenance.CodeSummaryWrongPolicy},
		"another verifier id":          {ci.checker(t, summaryPolicy+"  verifier: https://verifier.example\n", 0), provenance.CodeSummaryWrongPolicy},
	} {
		r, err := tc.checker.Accept(t.Context(), ref)
		if err != nil || r.Verdict.Outcome != policy.Deny || !has(r, tc.code) || has(r, provenance.CodeSummaryAccepted) || r.Summary.Accepted {
			t.Errorf("%s: %v, %+v", name, err, r.Verdict)
		}
	}
	if fetched.Load() != 1 {
		t.Errorf("%d fetches of the weights, want that of Attest", fetched.Load())
	}
}

// TestAcceptAllowListed: the digest of another policy counts where this one
// names it, and then what else this one demands decides.
func TestAcceptAllowListed(t *testing.T) {
	var fetched atomic.Int64
	ref, ci := signedDemo(t, &fetched), newVerifier(t)
	c := ci.checker(t, summaryPolicy, 0)
	made, err := c.Attest(t.Context(), ref, check.RecordConfig{Signer: ci.signer(t), VerifierID: "https://verifier.example/v1"})
	if err != nil {
		t.Fatal(err)
	}
	listed := summaryPolicy + "  policies: [" + made.Verdict.Policy.String() + "]\n"
	for name, tc := range map[string]struct{ text, code string }{
		"it counts":                      {listed + "  verifier: https://verifier.example/v1\n", provenance.CodeSummaryAccepted},
		"another verifier":               {listed + "  verifier: https://verifier.example/v2\n", provenance.CodeSummaryWrongSigner},
		"a time that nobody vouches for": {strings.Replace(listed, "  time: stated\n", "", 1), provenance.CodeSummaryStale},
		"the recalled record is denied":  {listed + "findings: {deny: [network-on-load, claim-conflict]}\n", ""},
		"other signers are required":     {strings.Replace(listed, "demo.pub", "other.pub", 1), provenance.CodeSignatureWrongKey},
	} {
		r, err := ci.checker(t, tc.text, 0).Accept(t.Context(), ref)
		if err != nil || tc.code != "" && !has(r, tc.code) || r.Verdict.Allowed() != (tc.code == provenance.CodeSummaryAccepted || tc.code == "") {
			t.Errorf("%s: %v, %+v", name, err, r.Verdict)
		}
	}
}

// TestAttestFailed: a denial is recorded only on request, and wins over every
// summary that passed.
func TestAttestFailed(t *testing.T) {
	ref := demoRegistry(t, func(http.ResponseWriter, *http.Request) bool { return false }) // unsigned
	ci := newVerifier(t)
	c := ci.checker(t, summaryPolicy, 0)
	r, err := c.Attest(t.Context(), ref, check.RecordConfig{Signer: ci.signer(t)})
	if err != nil || r.Verdict.Outcome != policy.Deny || len(r.Recorded) != 0 {
		t.Fatalf("a denial was recorded unasked: %v, %+v", err, r)
	}
	if got, err := c.Recall(t.Context(), ref); err != nil || len(got.Candidates) != 0 {
		t.Errorf("%v, %+v", err, got)
	}
	r, err = c.Attest(t.Context(), ref, check.RecordConfig{Signer: ci.signer(t), Failed: true})
	if err != nil || r.Verdict.Outcome != policy.Deny || len(r.Recorded) != 1 || r.Recorded[0].Result != "FAILED" {
		t.Fatalf("%v, %+v", err, r)
	}
	if r, err := c.Accept(t.Context(), ref); err != nil || r.Verdict.Outcome != policy.Deny || !has(r, provenance.CodeSummaryFailed) {
		t.Errorf("%v, %+v", err, r.Verdict)
	}
	if _, err := signWith(t, check.SignConfig{Key: demoKey(t)}, ref); err != nil {
		t.Fatal(err)
	}
	r, err = c.Attest(t.Context(), ref, check.RecordConfig{Signer: ci.signer(t), Failed: true})
	if err != nil || !r.Verdict.Allowed() || len(r.Recorded) != 3 {
		t.Fatalf("%v, %+v", err, r)
	}
	for _, later := range []time.Duration{0, 29 * 24 * time.Hour} {
		r, err = ci.checker(t, summaryPolicy, later).Accept(t.Context(), ref)
		if err != nil || r.Verdict.Outcome != policy.Deny || !has(r, provenance.CodeSummaryFailed) || !has(r, provenance.CodeSummaryAccepted) {
			t.Errorf("two that disagree: %v, %+v", err, r.Verdict)
		}
	}
}

// TestAttestRecordsNothing: behind a hold, no verdict, or of a part.
func TestAttestRecordsNothing(t *testing.T) {
	var fetched atomic.Int64
	ref, ci := signedDemo(t, &fetched), newVerifier(t)
	signer := ci.signer(t)
	held := ci.checker(t, strings.Replace(summaryPolicy, "require:", "findings: {hold: [tag-differs]}\nrequire:", 1), 0)
	pinned := reference(t, strings.Replace(ref.String(), ":v1", ":v1@sha256:"+strings.Repeat("0", 64), 1))
	if r, err := held.Attest(t.Context(), pinned, check.RecordConfig{Signer: signer, Failed: true}); err == nil || r.Verdict.Outcome != policy.Undecided || len(r.Recorded) != 0 {
		t.Errorf("no verdict: %v, %+v", err, r)
	}
	p, err := policy.Build(policy.Settings{})
	if err == nil {
		err = p.Resolve(os.ReadFile)
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		cfg check.Config
		rec check.RecordConfig
		ref artifact.Reference
	}{
		"hold":      {check.Config{Policy: p}, check.RecordConfig{Signer: signer, Failed: true}, ref},
		"platform":  {check.Config{Policy: p, Platform: "linux/amd64"}, check.RecordConfig{Signer: signer}, ref},
		"no signer": {check.Config{Policy: p}, check.RecordConfig{}, ref},
		"folder":    {check.Config{Policy: p}, check.RecordConfig{Signer: signer}, reference(t, "dir:"+t.TempDir())},
		"brought":   {check.Config{Policy: p, Bundles: [][]byte{{}}}, check.RecordConfig{Signer: signer}, ref},
	} {
		c, err := check.New(tc.cfg)
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.Attest(t.Context(), tc.ref, tc.rec)
		if len(r.Recorded) != 0 || r.Verdict.Allowed() || (err == nil) != (name == "hold") {
			t.Errorf("%s: %v, %+v", name, err, r)
		}
	}
}
