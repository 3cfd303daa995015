package policy_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

const (
	signType = policy.DefaultSignatureType
	issuer   = "https://token.actions.githubusercontent.com"
	workflow = "https://github.com/acme/models/.github/workflows/release.yaml@refs/tags/v1"
)

// publicKey derives a key pair from a name and returns its public PEM and
// fingerprint: tests need no randomness.
func publicKey(name string) (pemBytes []byte, fingerprint string) {
	seed := sha256.Sum256([]byte(name))
	seed[0] &= 0x7f // below the order of the curve
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:])
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), artifact.SumSHA256(der).String()
}

// readFiles serves key files named after their key, and roots.
func readFiles(name string) ([]byte, error) {
	if ca, ok := strings.CutPrefix(name, "chain-"); ok {
		return chain(strings.Split(ca, "+")...), nil
	}
	switch name {
	case "root.json", "corp.json":
		return []byte(`{"mediaType":"` + name + `"}`), nil
	case "missing":
		return nil, fs.ErrNotExist
	case "garbage":
		return []byte("garbage"), nil
	default:
		b, _ := publicKey(name)
		return b, nil
	}
}

// chain returns the root of each named authority, and the intermediate that it
// issued to itself where the name ends in "'".
func chain(names ...string) []byte {
	var out []byte
	for _, name := range names {
		key := func(of string) ed25519.PrivateKey {
			seed := sha256.Sum256([]byte(of))
			return ed25519.NewKeyFromSeed(seed[:])
		}
		issuer := strings.TrimSuffix(name, "'")
		template := func(cn string) *x509.Certificate {
			return &x509.Certificate{
				SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: cn}, IsCA: !strings.HasPrefix(name, "leaf"), BasicConstraintsValid: true,
				NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<32, 0), KeyUsage: x509.KeyUsageCertSign,
			}
		}
		der, err := x509.CreateCertificate(nil, template(name), template(issuer), key(name).Public(), key(issuer))
		if err != nil {
			panic(err)
		}
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return out
}

func parse(t testing.TB, yaml string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse([]byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	return resolve(t, p)
}

func build(t testing.TB, s policy.Settings) *policy.Policy {
	t.Helper()
	p, err := policy.Build(s)
	if err != nil {
		t.Fatal(err)
	}
	return resolve(t, p)
}

func resolve(t testing.TB, p *policy.Policy) *policy.Policy {
	t.Helper()
	if err := p.Resolve(readFiles); err != nil {
		t.Fatal(err)
	}
	return p
}

// byKey is a proven signature of the named key.
func byKey(name string) provenance.Candidate {
	_, print := publicKey(name)
	return provenance.Candidate{
		Layout: "referrers-api", Scheme: "sigstore-key", Digest: artifact.SumSHA256([]byte("by " + name)),
		PredicateType: signType, Identity: provenance.Identity{KeyFingerprint: print},
		Verdict: provenance.Proven, Code: provenance.CodeSignatureVerified,
	}
}

// byPerson is a proven keyless signature.
func byPerson(subject, from string) provenance.Candidate {
	c := byKey("")
	c.Scheme, c.Digest = "sigstore-keyless", artifact.SumSHA256([]byte(subject+from))
	c.Identity = provenance.Identity{Subject: subject, Issuer: from, Extensions: map[string]string{"runnerEnvironment": "hosted", "sourceRepositoryDigest": "1"}}
	return c
}

// byCA is a proven signature by a certificate of an own authority.
func byCA(subject, authority string) provenance.Candidate {
	c := byPerson(subject, "ca:"+authority)
	c.Scheme, c.Identity.Extensions = "x509", nil
	c.SignedAt = []provenance.Timestamp{{Time: "2026-06-01T12:00:00Z", Source: "rfc3161"}}
	return c
}

// attesting makes an attestation of a signature.
func attesting(c provenance.Candidate, predicateType string) provenance.Candidate {
	c.Code, c.PredicateType = provenance.CodeAttestationVerified, predicateType
	return c
}

func refused(code string) provenance.Candidate {
	c := byKey("refused " + code)
	c.Verdict, c.Code, c.Detail = provenance.Refused, code, "refused for a test"
	return c
}

// record is what check assembles of the candidates under p: a sound manifest
// with one file.
func record(p *policy.Policy, candidates []provenance.Candidate, findings ...provenance.Finding) *provenance.Manifest {
	d := artifact.SumSHA256([]byte("manifest"))
	m := &provenance.Manifest{
		Subject:   d,
		Generator: provenance.Generator{Name: "modelcheck", Version: "test"},
		Artifact:  provenance.Artifact{Kind: "manifest", Members: []provenance.Member{{Digest: d, Packaging: "oras"}}},
		Files:     []provenance.File{{Path: "m.safetensors", Digest: artifact.SumSHA256(nil), Role: artifact.RoleWeights, Class: provenance.LoadInert}},
		Loading:   &provenance.Loading{Class: provenance.LoadInert, Scope: "these files"},
		Findings:  findings,
	}
	for _, c := range candidates {
		m.Signatures = append(m.Signatures, p.Match(c)...)
		m.Attestations = append(m.Attestations, p.Attests(c)...)
	}
	return m
}

func judge(p *policy.Policy, candidates []provenance.Candidate, findings ...provenance.Finding) policy.Verdict {
	return p.Evaluate(policy.Case{Manifest: record(p, candidates, findings...), Candidates: candidates})
}

// expect wants the outcome and exactly these codes, each at least once.
func expect(t *testing.T, v policy.Verdict, outcome policy.Outcome, codes ...string) {
	t.Helper()
	if v.Outcome != outcome || v.Allowed() != (outcome == policy.Allow) {
		t.Errorf("outcome %v (allowed %v), want %v: %+v", v.Outcome, v.Allowed(), outcome, v.Reasons)
	}
	got := map[string]bool{}
	for _, r := range v.Reasons {
		got[r.Code] = true
		if r.Message == "" {
			t.Errorf("reason %q without message", r.Code)
		}
	}
	slices.Sort(codes)
	if seen := slices.Sorted(maps.Keys(got)); !slices.Equal(seen, codes) {
		t.Errorf("codes %q, want %q", seen, codes)
	}
}

func line(err error) int {
	var e *policy.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Line
}
