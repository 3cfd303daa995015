package policy

import (
	"slices"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// The predicate types that count as a signature where a policy names none.
const (
	// DefaultSignatureType is the type of the statement that "cosign sign"
	// signs (cosign v3, specs/BUNDLE_SPEC.md).
	DefaultSignatureType = "https://sigstore.dev/cosign/sign/v1"
	// ModelSignatureType is the type of OpenSSF Model Signing (ossf
	// model-signing-spec, spec/v1.0.md).
	ModelSignatureType = "https://model_signing/signature/v1.0"
	// NoStatement is the word by which a policy names signatures without a
	// statement: cosign's older ones, and those over the bytes of the manifest.
	// They have no predicate type; that they are about the artifact is part of
	// their form.
	NoStatement = "no-statement"
)

// A Policy says whom to trust and what to demand. Parse and Build make one;
// where Files names any, Resolve must have read them before it decides. The
// zero value decides nothing. A resolved Policy is safe for concurrent use.
type Policy struct {
	signers       []signer // by name
	roots         []root   // by name
	need          need
	attestations  []demand // by name
	types         []string // accepted predicate types, sorted; "" is NoStatement
	schemes       []string // accepted schemes, sorted
	thresholds    Thresholds
	allowUnsigned bool
	summaries     *summaryRule       // nil: nobody's are accepted
	effects       map[string]Outcome // of findings, where they are not the usual ones
	reviews       *reviewRules       // nil where none are asked for
	rules         []rule             // by name
	scopes        []scope            // by name
	unmatched     bool               // For found no scope
	scoped        bool               // For chose among scopes
	admission     *admissionSection  // nil where the file has no such section
	expires       time.Time          // zero: never
	extends       Extends            // the policy that this one tightens
	base          *Policy            // that policy, once Extend was called
	baseDigest    artifact.Digest    // of base by itself
	joint         bool               // it is judged together with others
	ownTypes      bool               // it says itself what counts as a signature
	digest        artifact.Digest    // zero until resolved
}

// base is what every policy starts from.
func base() *Policy {
	return &Policy{
		types:      defaultTypes(),
		schemes:    allSchemes(),
		thresholds: Thresholds{CertificateTimestamps: 1, LogEntries: 1, Timestamps: 1},
	}
}

func defaultTypes() []string {
	types := []string{"", DefaultSignatureType, ModelSignatureType}
	slices.Sort(types)
	return types
}

// A root is trust material that lies in a file.
type root struct {
	name, file      string
	maxAge, warnAge time.Duration // 0: no bound; warnAge warns
	json            []byte
}

// A Key is a public key of a signer. With a bound, a signature needs a
// verified time, and that must lie from NotBefore to NotAfter, both included;
// a zero time is no bound.
type Key struct {
	Name                string // the signer's
	PEM                 []byte
	NotBefore, NotAfter time.Time
}

// A CA is a certificate authority of the user's own, without Sigstore. An
// identity that it proves has "ca:" and Name for its issuer. No certificate
// stands in the chains of two of them.
type CA struct {
	Name        string
	Chain       []byte // PEM: roots and intermediates
	CurrentTime bool   // certificates are judged at the time of the check, not at a verified time of signing
}

// A Root is a Sigstore trusted root (trusted_root.json).
type Root struct {
	Name    string
	JSON    []byte
	MaxAge  time.Duration // of the trust material: older must not be used; 0 is no bound
	WarnAge time.Duration // older is worth a warning; 0 is no bound
}

// Thresholds say how many distinct authorities must vouch for a keyless
// signature: logs for its certificate, logs for the signature, logs and
// timestamp authorities for its time. Each is at least one.
type Thresholds struct {
	CertificateTimestamps int `json:"certificateTimestamps"`
	LogEntries            int `json:"logEntries"`
	Timestamps            int `json:"timestamps"`
}

// Files names the files that Resolve will ask for (keys, chains and trusted
// roots), as the policy writes them, sorted. Those of a policy that it extends
// were read before.
func (p *Policy) Files() []string {
	var out []string
	for _, s := range p.signers {
		switch {
		case s.key != nil && s.key.file != "":
			out = append(out, s.key.file)
		case s.certificate != nil && s.certificate.file != "":
			out = append(out, s.certificate.file)
		}
	}
	for _, r := range p.roots {
		out = append(out, r.file)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Keys returns the public keys of the signers, none before Resolve.
func (p *Policy) Keys() []Key {
	var out []Key
	for _, s := range p.everySigner() {
		if k := s.key; k != nil && k.fingerprint != "" {
			out = append(out, Key{Name: s.name, PEM: slices.Clone(k.pem), NotBefore: k.notBefore, NotAfter: k.notAfter})
		}
	}
	return out
}

// CAs returns the certificate authorities of the signers, none before Resolve.
// Several signers may be of one.
func (p *Policy) CAs() []CA {
	var out []CA
	for _, s := range p.everySigner() {
		c := s.certificate
		if c == nil || len(c.prints) == 0 || slices.ContainsFunc(out, func(o CA) bool { return o.Name == c.authority }) {
			continue
		}
		out = append(out, CA{Name: c.authority, Chain: slices.Clone(c.pem), CurrentTime: c.current})
	}
	return out
}

// Roots returns the trusted roots, none before Resolve.
func (p *Policy) Roots() []Root {
	var out []Root
	for _, r := range p.everyRoot() {
		if len(r.json) > 0 {
			out = append(out, Root{Name: r.name, JSON: slices.Clone(r.json), MaxAge: r.maxAge, WarnAge: r.warnAge})
		}
	}
	return out
}

// SignatureTypes returns the predicate types of statements that count as a
// signature; others are attestations about something else. Signatures without
// a statement have none and are not listed.
func (p *Policy) SignatureTypes() []string {
	levels := p.levels() // the last one accepts all that the others do
	return slices.DeleteFunc(slices.Clone(levels[len(levels)-1].types), func(t string) bool { return t == "" })
}

// Thresholds returns what is demanded of keyless signatures.
func (p *Policy) Thresholds() Thresholds { return p.thresholds }

// Digest identifies what the policy effectively says: names, patterns, the
// bytes of keys, chains and roots, not the spelling of the file. It is zero
// for a policy that was not resolved.
func (p *Policy) Digest() artifact.Digest { return p.digest }
