package policy

import (
	"maps"
	"regexp"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A signer is a name for whoever holds a key, or an identity that a
// certificate authority vouches for: exactly one of the two.
type signer struct {
	name     string
	relation provenance.Relation
	key      *keyRule
	keyless  *keylessRule
}

type keyRule struct {
	file        string // "" where the PEM stands in the policy
	pem         []byte
	fingerprint string // "sha256:" + hex of the PKIX DER; "" until read
}

type keylessRule struct {
	issuer     matcher
	subject    matcher
	root       string            // name of the trusted root
	anyRoot    bool              // it is the only one: a record need not name it
	extensions map[string]string // demanded values
}

// is says whether identity is the signer's. Every fact counts; one that is
// missing or that names both a key and a certificate is nobody's.
func (s signer) is(identity provenance.Identity) bool {
	byKey := identity.KeyFingerprint != ""
	byCertificate := identity.Subject != "" && identity.Issuer != ""
	switch {
	case byKey && (identity.Subject != "" || identity.Issuer != ""):
		return false
	case s.key != nil && s.keyless == nil:
		return byKey && s.key.fingerprint == identity.KeyFingerprint
	case s.keyless != nil && s.key == nil:
		return byCertificate && s.keyless.is(identity)
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
		if got, ok := identity.Extensions[name]; !ok || got != want {
			return false
		}
	}
	return true
}

// demanded returns the extensions that the signer must have, nil for none.
func (s signer) demanded() map[string]string {
	if s.keyless == nil || len(s.keyless.extensions) == 0 {
		return nil
	}
	return maps.Clone(s.keyless.extensions)
}

// A matcher compares a whole string: with a text, byte by byte (no slash at an
// end is overlooked), or with a pattern. The zero value matches nothing.
type matcher struct {
	exact   string
	source  string // of the pattern
	pattern *regexp.Regexp
}

func (m matcher) matches(s string) bool {
	switch {
	case s == "":
		return false
	case m.pattern != nil:
		return m.pattern.MatchString(s)
	default:
		return m.exact == s
	}
}

// strangers are identities that nobody can have: .invalid is reserved (RFC
// 2606 §2). A pattern that matches one of them names nobody in particular.
var strangers = [...]string{
	"x",
	"mallory@modelcheck.invalid",
	"https://modelcheck.invalid/mallory",
	"https://modelcheck.invalid/mallory/model/.github/workflows/release.yaml@refs/heads/main",
	"spiffe://modelcheck.invalid/mallory",
}

// compilePattern makes the matcher of an RE2 expression, which must match the
// whole string whether it says so or not.
func compilePattern(source string) (matcher, string) {
	if _, err := regexp.Compile(source); err != nil { // by itself: "a)|(b" is none
		return matcher{}, "pattern does not compile: " + err.Error()
	}
	pattern, err := regexp.Compile("^(?:" + source + ")$")
	if err != nil {
		return matcher{}, "pattern does not compile: " + err.Error()
	}
	if pattern.MatchString("") {
		return matcher{}, "pattern matches the empty string"
	}
	for _, s := range strangers {
		if pattern.MatchString(s) {
			return matcher{}, "pattern names nobody in particular: it also matches " + s
		}
	}
	return matcher{source: source, pattern: pattern}, ""
}
