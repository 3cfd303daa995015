package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A signer is a name for whoever holds a key, or for an identity that a
// certificate authority vouches for, Sigstore's or one of the user's own:
// exactly one of the three.
type signer struct {
	name        string
	relation    provenance.Relation
	key         *keyRule
	keyless     *keylessRule
	certificate *certificateRule
}

type keyRule struct {
	file                string // "" where the PEM stands in the policy
	pem                 []byte
	fingerprint         string    // "sha256:" + hex of the PKIX DER; "" until read
	notBefore, notAfter time.Time // zero: no bound
	logged              bool      // a transparency log must hold the signature
}

// window says that the key is trusted for a time only.
func (k *keyRule) window() bool { return !k.notBefore.IsZero() || !k.notAfter.IsZero() }

type keylessRule struct {
	issuer     matcher
	subject    matcher
	root       string             // name of the trusted root
	anyRoot    bool               // it is the only one: a record need not name it
	extensions map[string]matcher // demanded values
}

type certificateRule struct {
	file      string // "" where the PEM stands in the policy
	pem       []byte
	prints    []string // fingerprints of the chain's certificates, sorted; none until read
	authority string   // the name of the chain
	subject   matcher
	current   bool // judged at the time of the check, by the policy's explicit word
}

// issuer is what identities call the authority.
func (c *certificateRule) issuer() string { return "ca:" + c.authority }

// A kind is how a signature is tied to who made it.
type kind uint8

const (
	noKind kind = iota
	byKey
	byKeyless
	byCertificate
)

// allSchemes returns the schemes under which a signature may hold, sorted.
func allSchemes() []string {
	return []string{"oms-key", "oms-keyless", "oms-x509", "sigstore-key", "sigstore-keyless", "x509"}
}

func kindOf(scheme string) kind {
	switch scheme {
	case "sigstore-key", "oms-key":
		return byKey
	case "sigstore-keyless", "oms-keyless":
		return byKeyless
	case "x509", "oms-x509":
		return byCertificate
	default:
		return noKind
	}
}

func (s signer) kind() kind {
	switch {
	case s.key != nil && s.keyless == nil && s.certificate == nil:
		return byKey
	case s.keyless != nil && s.key == nil && s.certificate == nil:
		return byKeyless
	case s.certificate != nil && s.key == nil && s.keyless == nil:
		return byCertificate
	default:
		return noKind
	}
}

// is says whether identity, proven under scheme, is the signer's. Every fact
// counts; an identity that is both a key and a certificate is nobody's.
func (s signer) is(scheme string, identity provenance.Identity) bool {
	kind := s.kind()
	if kind != kindOf(scheme) {
		return false
	}
	hasKey, hasName := identity.KeyFingerprint != "", identity.Subject != "" || identity.Issuer != ""
	switch kind {
	case byKey:
		return hasKey && !hasName && s.key.fingerprint == identity.KeyFingerprint
	case byKeyless:
		return hasName && !hasKey && s.keyless.is(identity)
	case byCertificate:
		return hasName && !hasKey && s.certificate.is(identity)
	case noKind:
		return false
	default:
		return false
	}
}

func (k *keylessRule) is(identity provenance.Identity) bool {
	if !k.issuer.matches(identity.Issuer) || !k.subject.matches(identity.Subject) {
		return false
	}
	if identity.TrustedRoot != k.root && !(k.anyRoot && identity.TrustedRoot == "") {
		return false
	}
	for name, want := range k.extensions {
		if !want.matches(identity.Extensions[name]) {
			return false
		}
	}
	return true
}

func (c *certificateRule) is(identity provenance.Identity) bool {
	return identity.Issuer == c.issuer() && c.subject.matches(identity.Subject) && identity.TrustedRoot == ""
}

// names says whether the signer's subject is this one, whoever vouches for it.
func (s signer) names(subject string) bool {
	return s.keyless != nil && s.keyless.subject.matches(subject) || s.certificate != nil && s.certificate.subject.matches(subject)
}

// demanded keeps of an identity's extensions those that the signer must have,
// nil for none.
func (s signer) demanded(extensions map[string]string) map[string]string {
	if s.keyless == nil || len(s.keyless.extensions) == 0 {
		return nil
	}
	out := make(map[string]string, len(s.keyless.extensions))
	for name := range s.keyless.extensions {
		out[name] = extensions[name]
	}
	return out
}

// extensionNames returns the names that Fulcio documents (fulcio,
// docs/oid-info.md, 1.3.6.1.4.1.57264.1.2 to .22), as policies spell them. The
// issuer is no extension here: it stands in its own field.
func extensionNames() []string {
	return []string{
		"buildConfigDigest", "buildConfigURI", "buildSignerDigest", "buildSignerURI", "buildTrigger",
		"githubWorkflowName", "githubWorkflowRef", "githubWorkflowRepository", "githubWorkflowSHA", "githubWorkflowTrigger",
		"runInvocationURI", "runnerEnvironment", "sourceRepositoryDigest", "sourceRepositoryIdentifier",
		"sourceRepositoryOwnerIdentifier", "sourceRepositoryOwnerURI", "sourceRepositoryRef", "sourceRepositoryURI",
		"sourceRepositoryVisibilityAtSigning",
	}
}

// spelled writes the demanded extensions as the policy file does.
func (k *keylessRule) spelled() map[string]string {
	out := make(map[string]string, len(k.extensions))
	for _, name := range slices.Sorted(maps.Keys(k.extensions)) {
		m := k.extensions[name]
		if m.pattern != nil {
			out[name+patternSuffix] = m.source
		} else {
			out[name] = m.exact
		}
	}
	return out
}

// describe names an identity for people; what came from outside is quoted.
func describe(i provenance.Identity) string {
	if i.KeyFingerprint != "" {
		return fmt.Sprintf("key %q", i.KeyFingerprint)
	}
	if authority, ok := strings.CutPrefix(i.Issuer, "ca:"); ok {
		return fmt.Sprintf("%q by authority %q", i.Subject, authority)
	}
	return fmt.Sprintf("%q by issuer %q", i.Subject, i.Issuer)
}
