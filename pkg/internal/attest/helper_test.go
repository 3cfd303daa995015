package attest

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/sigstoretest"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

const (
	testIdentity = "https://github.com/acme/models/.github/workflows/release.yml@refs/tags/v1"
	testIssuer   = "https://token.actions.githubusercontent.com"
	slsaType     = "https://slsa.dev/provenance/v1"
)

// The time of the tests, and when things were signed.
var (
	testNow    = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	testSigned = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
)

var (
	testSubject = artifact.SumSHA256([]byte("the model's manifest"))
	testOther   = artifact.SumSHA256([]byte("another model's manifest"))
)

// A registry holds blobs by digest.
type registry map[artifact.Digest][]byte

func (r registry) fetch(_ context.Context, d artifact.Descriptor, limit int64) ([]byte, error) {
	b, ok := r[d.Digest]
	if !ok {
		return nil, fmt.Errorf("blob %v: %w", d.Digest, ErrUnusable)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("blob %v: more than %d bytes", d.Digest, limit)
	}
	return b, nil
}

// attach stores a bundle and returns its referrer.
func (r registry) attach(t testing.TB, bundle []byte) Referrer {
	t.Helper()
	a, err := ReferrerManifest(artifact.Descriptor{MediaType: manifestType, Digest: testSubject, Size: 20}, bundle)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range a.Blobs {
		r[b.Descriptor.Digest] = b.Content
	}
	return Referrer{Layout: "referrers-api", Descriptor: a.Descriptor, Body: a.Manifest}
}

// verifyOne judges one bundle on the whole way from its referrer.
func verifyOne(t testing.TB, v *Verifier, bundle []byte) provenance.Candidate {
	t.Helper()
	r := registry{}
	got, err := v.Verify(context.Background(), testSubject, []Referrer{r.attach(t, bundle)}, r.fetch)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 {
		t.Fatalf("%d candidates, want 1", len(got))
	}
	return got[0]
}

func newLab(t testing.TB) *sigstoretest.Lab {
	t.Helper()
	l, err := sigstoretest.New(testNow)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func rootOf(t testing.TB, l *sigstoretest.Lab) Root {
	t.Helper()
	b, err := l.TrustedRoot()
	if err != nil {
		t.Fatal(err)
	}
	return Root{Name: "lab", JSON: b}
}

func newVerifier(t testing.TB, cfg Config) *Verifier {
	t.Helper()
	if cfg.Now == nil {
		cfg.Now = func() time.Time { return testNow }
	}
	v, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// keyless is a request that verifies; change makes it a neighbour.
func keyless(change ...func(*sigstoretest.Request)) sigstoretest.Request {
	r := sigstoretest.Request{Subject: testSubject, Identity: testIdentity, Issuer: testIssuer, SourceRepository: "https://github.com/acme/models", IssuedAt: testSigned}
	for _, c := range change {
		c(&r)
	}
	return r
}

func bundleOf(t testing.TB, l *sigstoretest.Lab, r sigstoretest.Request) []byte {
	t.Helper()
	b, err := l.Bundle(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func pemOf(t testing.TB, pub crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// edit changes a bundle's JSON.
func edit(t testing.TB, bundle []byte, change func(m map[string]any)) []byte {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(bundle, &m); err != nil {
		t.Fatal(err)
	}
	change(m)
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// at walks into nested JSON by names and indexes.
func at(m any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m = m.(map[string]any)[p]
		case int:
			m = m.([]any)[p]
		}
	}
	return m
}

// object is at for an object.
func object(m any, path ...any) map[string]any { return at(m, path...).(map[string]any) }

// judgeRaw judges a bundle without a referrer.
func judgeRaw(v *Verifier, raw []byte, subject artifact.Digest) provenance.Candidate {
	s := slot{candidate: provenance.Candidate{Layout: "here"}, keep: true}
	v.judge(&s, raw, subject)
	return s.candidate
}
