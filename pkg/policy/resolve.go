package policy

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
)

// ErrTrustMaterial is wrapped by every error of Resolve about a key or trusted
// root that was read and cannot be used.
var ErrTrustMaterial = errors.New("unusable trust material")

// Resolve reads the files that the policy names, through read. Its errors wrap
// those of read, ErrTrustMaterial for what was read and is no key or root, or
// ErrInvalid where two signers turn out to have the same key. The policy is as
// before when it fails.
func (p *Policy) Resolve(read func(name string) ([]byte, error)) error {
	if len(p.types) == 0 {
		return fmt.Errorf("%w: there is none", ErrInvalid)
	}
	next := *p
	next.signers = append([]signer(nil), p.signers...)
	next.roots = append([]root(nil), p.roots...)
	for i := range next.signers {
		if err := next.signers[i].load(read); err != nil {
			return err
		}
	}
	for i := range next.roots {
		if err := next.roots[i].load(read); err != nil {
			return err
		}
	}
	if err := next.seal(); err != nil {
		return err
	}
	*p = next
	return nil
}

func (s *signer) load(read func(string) ([]byte, error)) error {
	if s.key == nil || s.key.file == "" {
		return nil
	}
	b, err := read(s.key.file)
	if err != nil {
		return fmt.Errorf("reading the key of signer %q: %w", s.name, err)
	}
	print, err := fingerprint(b)
	if err != nil {
		return fmt.Errorf("reading the key of signer %q: %w: %q: %w", s.name, ErrTrustMaterial, s.key.file, err)
	}
	s.key = &keyRule{file: s.key.file, pem: b, fingerprint: print}
	return nil
}

func (r *root) load(read func(string) ([]byte, error)) error {
	b, err := read(r.file)
	if err != nil {
		return fmt.Errorf("reading trusted root %q: %w", r.name, err)
	}
	if err := strictjson.Check(b); err != nil {
		return fmt.Errorf("reading trusted root %q: %w: %q: %w", r.name, ErrTrustMaterial, r.file, err)
	}
	r.json = b
	return nil
}

// finish ends Parse and Build: a policy that needs no file is ready.
func (p *Policy) finish() error {
	if len(p.Files()) > 0 {
		return nil
	}
	return p.seal()
}

// seal checks what can only be known with all keys at hand, and computes the
// digest, which makes the policy decide.
func (p *Policy) seal() error {
	owners := map[string]string{}
	for _, s := range p.signers {
		if s.key == nil {
			continue
		}
		if other, ok := owners[s.key.fingerprint]; ok {
			return fmt.Errorf("%w: signers %q and %q have the same key", ErrInvalid, other, s.name)
		}
		owners[s.key.fingerprint] = s.name
	}
	d, err := p.effectiveDigest()
	if err != nil {
		return err
	}
	p.digest = d
	return nil
}

// fingerprint checks that b is one public key that may be trusted at all, and
// returns its fingerprint.
func fingerprint(b []byte) (string, error) {
	if !strings.HasPrefix(strings.TrimSpace(string(b)), "-----BEGIN ") {
		return "", errors.New("not a PEM file")
	}
	block, rest := pem.Decode(b)
	switch {
	case block == nil:
		return "", errors.New("not a PEM file")
	case strings.TrimSpace(string(rest)) != "":
		return "", errors.New("more after the first PEM block")
	case strings.Contains(block.Type, "PRIVATE KEY"):
		return "", errors.New("a private key: give the public one, and keep this one secret")
	case block.Type != "PUBLIC KEY" || len(block.Headers) > 0:
		return "", fmt.Errorf("PEM block %q, want PUBLIC KEY", block.Type)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return "", fmt.Errorf("not a public key: %w", err)
	}
	switch k := key.(type) {
	case *ecdsa.PublicKey, ed25519.PublicKey:
	case *rsa.PublicKey:
		// NIST SP 800-131A Rev. 2, §3: 112 bits of security.
		if k.N.BitLen() < 2048 {
			return "", fmt.Errorf("an RSA key of %d bits, want 2048 or more", k.N.BitLen())
		}
	default:
		return "", fmt.Errorf("a key of type %T makes no signatures that can be verified", key)
	}
	der, err := x509.MarshalPKIXPublicKey(key) // the same key in another encoding is the same key
	if err != nil {
		return "", err
	}
	return artifact.SumSHA256(der).String(), nil
}

// What effectiveDigest hashes: everything that can change a verdict.
type effective struct {
	APIVersion     string             `json:"apiVersion"`
	Signers        []effectiveSigner  `json:"signers"`
	Roots          []effectiveRoot    `json:"trustedRoots"`
	Need           need               `json:"need"`
	PredicateTypes []string           `json:"predicateTypes"`
	AllowUnsigned  bool               `json:"allowUnsigned"`
	Findings       map[string]Outcome `json:"findings"`
}

type effectiveSigner struct {
	Name           string            `json:"name"`
	Relation       string            `json:"relation"`
	Key            string            `json:"key,omitempty"`
	Issuer         string            `json:"issuer,omitempty"`
	IssuerPattern  string            `json:"issuerPattern,omitempty"`
	Subject        string            `json:"subject,omitempty"`
	SubjectPattern string            `json:"subjectPattern,omitempty"`
	TrustedRoot    string            `json:"trustedRoot,omitempty"`
	Extensions     map[string]string `json:"extensions,omitempty"`
}

type effectiveRoot struct {
	Name   string          `json:"name"`
	Digest artifact.Digest `json:"digest"`
}

func (p *Policy) effectiveDigest() (artifact.Digest, error) {
	e := effective{
		APIVersion: APIVersion, Need: p.need, PredicateTypes: p.types,
		AllowUnsigned: p.allowUnsigned, Findings: p.effects,
	}
	for _, s := range p.signers {
		es := effectiveSigner{Name: s.name, Relation: s.relation.String()}
		if s.key != nil {
			es.Key = s.key.fingerprint
		}
		if k := s.keyless; k != nil {
			es.Issuer, es.IssuerPattern = k.issuer.exact, k.issuer.source
			es.Subject, es.SubjectPattern = k.subject.exact, k.subject.source
			es.TrustedRoot, es.Extensions = k.root, k.extensions
		}
		e.Signers = append(e.Signers, es)
	}
	for _, r := range p.roots {
		e.Roots = append(e.Roots, effectiveRoot{r.name, artifact.SumSHA256(r.json)})
	}
	b, err := json.Marshal(e)
	if err != nil {
		return artifact.Digest{}, fmt.Errorf("computing the policy's digest: %w", err)
	}
	value := jsontext.Value(b)
	if err := value.Canonicalize(); err != nil {
		return artifact.Digest{}, fmt.Errorf("computing the policy's digest: %w", err)
	}
	return artifact.SumSHA256(value), nil
}
