package attest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/oms"
)

// SignType is the predicate type of the statement that "cosign sign" signs
// (cosign v3, specs/BUNDLE_SPEC.md): it and that of OpenSSF Model Signing count
// as signatures unless Config says otherwise.
const SignType = "https://sigstore.dev/cosign/sign/v1"

// The bounds on what strangers can attach. Real signatures are a few kB.
const (
	MaxBundle        = 16 << 20  // bytes of one bundle; attestations with a large predicate stay below
	MaxConfig        = 4 << 20   // bytes of the config of a referring manifest, which is hashed; real ones have two
	MaxBundles       = 32        // bundles in one referring manifest; tools write one
	MaxCandidates    = 1000      // of one artifact; as many as registry lists referrers
	MaxTotal         = 256 << 20 // bytes of all bundles of one artifact together
	MaxSubjects      = 1024      // of one statement; sigstore-go's own limit
	MaxDigests       = 32        // of one subject; sigstore-go's own limit
	MaxLogEntries    = 32        // of one bundle; sigstore-go's own limit
	MaxTimestamps    = 32        // of one bundle; sigstore-go's own limit
	maxChain         = 16        // certificates in one bundle; Sigstore's chains have three
	maxTrustMaterial = 4 << 20   // bytes of one key or root; the public root has 7 kB
	maxInFlight      = MaxBundle // bytes fetched and judged at one time
	maxWorkers       = 8
	MaxPredicate     = 8 << 20          // bytes of a predicate that is handed on
	MaxPredicates    = 64 << 20         // bytes of all candidates up to the last one whose predicate is handed on or compared
	maxAhead         = 15 * time.Minute // how far a verified time may lie in the future: clocks differ
)

// ErrTrust is wrapped by errors about keys and roots that cannot be used.
var ErrTrust = errors.New("unusable trust material")

// ErrUnusable is wrapped by a Fetch where the content itself is at fault, such
// as a blob that the registry does not have. The candidate is refused and the
// others are judged. Every other error, except *artifact.MismatchError, means
// that nobody could be asked.
var ErrUnusable = errors.New("content cannot be had")

// A Key is a public key in PEM: ECDSA on P-256, P-384 or P-521, Ed25519, or RSA
// with at least 2048 bits.
//
// Where NotBefore or NotAfter is set, a time that a Root vouches for must say
// that the signature was made in between, both bounds included; without such a
// time the key proves nothing.
type Key struct {
	Name      string
	PEM       []byte
	NotBefore time.Time // zero: no bound
	NotAfter  time.Time // zero: no bound
}

// A CA is a certificate authority without Sigstore's services: nobody logs its
// certificates. What it issued is good at every time that a timestamp authority
// of a Root vouches for, of which there must be one.
type CA struct {
	Name  string // required
	Chain []byte // PEM: certificates of authorities; those that no other one of them issued are trusted

	// CurrentTime asks for certificates that are valid now instead of when the
	// signature was made, of which nothing is known then: whoever has the key
	// later can sign as long as the certificate lives.
	CurrentTime bool
}

// A Root is a Sigstore trusted root, the content of a trusted_root.json.
type Root struct {
	Name string
	JSON []byte
}

// Thresholds say how many distinct authorities a signature with a certificate
// of a Root needs. Zero means one; none cannot be asked for.
type Thresholds struct {
	CertificateTimestamps int // logs that vouch for the certificate (SCT)
	LogEntries            int // transparency logs that hold the signature
	Timestamps            int // logs and timestamp authorities that vouch for the time
}

// Config says what New needs. Every field may be left out; without keys, roots
// and authorities nothing can be proven.
type Config struct {
	Keys           []Key
	Roots          []Root
	CAs            []CA
	SignatureTypes []string // predicate types that count as signatures; default: SignType and oms.PredicateType
	Thresholds     Thresholds
	Now            func() time.Time // default: time.Now
}

// A Referrer is a manifest that refers to the artifact, as it was fetched. Err
// says that it could not be read.
type Referrer struct {
	Layout     string
	Descriptor artifact.Descriptor
	Body       []byte
	Err        error
}

// A Fetch returns the blob that d describes, at most limit bytes of it. The
// bytes match the descriptor, or the error wraps a *artifact.MismatchError.
type Fetch func(ctx context.Context, d artifact.Descriptor, limit int64) ([]byte, error)

// A Verifier judges candidates. It may be used by several goroutines.
type Verifier struct {
	keys       []trustedKey
	roots      []trustedRoot
	cas        []authority
	types      map[string]bool
	thresholds Thresholds
	now        func() time.Time
}

// New reads every key and root. An unusable one is an error that wraps
// ErrTrust: trust that is silently smaller than what was asked for would turn
// into refusals that nobody understands.
func New(cfg Config) (*Verifier, error) {
	v := &Verifier{types: map[string]bool{}, now: cfg.Now}
	for i, k := range cfg.Keys {
		key, err := parseKey(k)
		if err != nil {
			return nil, fmt.Errorf("%w: key %d %q: %w", ErrTrust, i+1, k.Name, err)
		}
		v.keys = append(v.keys, key)
	}
	for i, r := range cfg.Roots {
		tr, err := parseRoot(r)
		if err != nil {
			return nil, fmt.Errorf("%w: trusted root %d %q: %w", ErrTrust, i+1, r.Name, err)
		}
		v.roots = append(v.roots, tr)
	}
	for i, c := range cfg.CAs {
		ca, err := parseAuthority(c)
		if err != nil {
			return nil, fmt.Errorf("%w: certificate authority %d %q: %w", ErrTrust, i+1, c.Name, err)
		}
		v.cas = append(v.cas, ca)
	}
	if err := v.accept(cfg.SignatureTypes); err != nil {
		return nil, err
	}
	var err error
	if v.thresholds, err = cfg.Thresholds.withDefaults(); err != nil {
		return nil, err
	}
	if v.now == nil {
		v.now = time.Now
	}
	return v, nil
}

// accept says which predicate types count as signatures.
func (v *Verifier) accept(types []string) error {
	if len(types) == 0 {
		types = []string{SignType, oms.PredicateType}
	}
	for _, t := range types {
		if t == "" {
			return fmt.Errorf("%w: empty signature type", ErrTrust)
		}
		v.types[t] = true
	}
	return nil
}

func (t Thresholds) withDefaults() (Thresholds, error) {
	for _, n := range []*int{&t.CertificateTimestamps, &t.LogEntries, &t.Timestamps} {
		if *n < 0 {
			return Thresholds{}, fmt.Errorf("%w: threshold %d", ErrTrust, *n)
		}
		*n = max(*n, 1)
	}
	return t, nil
}
