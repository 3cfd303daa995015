package policy

import (
	"fmt"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// Settings is a policy as command-line flags say it. The zero value trusts
// nobody, and what it builds holds everything.
type Settings struct {
	KeyFiles       []string            // public keys, PEM; any one of them suffices
	Issuer         string              // exact OIDC issuer of a keyless signer
	Subject        string              // its exact certificate identity,
	SubjectPattern string              // or a pattern that the whole identity must match
	RootFile       string              // Sigstore trusted root; needed with Issuer
	Relation       provenance.Relation // of the signers to the model; unknown unless said
	AllowUnsigned  bool                // typed by a person: without a signature it is still allowed
}

// The names that signers have who come from flags. They stand in manifests, so
// they tell nothing of the machine on which the flags were typed.
const (
	flagKey     = "key"
	flagKeyless = "certificate"
	flagRoot    = "trusted-root"
)

// Build makes a policy of flags. It fails with ErrInvalid where half of an
// identity is given: one without issuer, or an issuer without identity, would
// be anybody's.
func Build(s Settings) (*Policy, error) {
	p := &Policy{types: []string{DefaultSignatureType}, allowUnsigned: s.AllowUnsigned}
	if s.RootFile != "" {
		p.roots = []root{{name: flagRoot, file: s.RootFile}}
	}
	keyless, err := buildKeyless(s)
	if err != nil {
		return nil, err
	}
	if keyless != nil {
		p.signers = append(p.signers, signer{name: flagKeyless, relation: s.Relation, keyless: keyless})
	}
	seen := map[string]bool{}
	for i, file := range s.KeyFiles {
		if file == "" || seen[file] {
			return nil, fmt.Errorf("%w: key file %q is empty or given twice", ErrInvalid, file)
		}
		seen[file] = true
		name := flagKey
		if len(s.KeyFiles) > 1 {
			name = fmt.Sprintf("%s-%03d", flagKey, i+1)
		}
		p.signers = append(p.signers, signer{name: name, relation: s.Relation, key: &keyRule{file: file}})
	}
	if len(p.signers) > 0 && !p.allowUnsigned {
		p.need = need{Count: 1, Of: p.names()}
	}
	if err := p.finish(); err != nil {
		return nil, err
	}
	return p, nil
}

func buildKeyless(s Settings) (*keylessRule, error) {
	named := s.Subject != "" || s.SubjectPattern != ""
	switch {
	case s.Subject != "" && s.SubjectPattern != "":
		return nil, fmt.Errorf("%w: an exact identity and a pattern for it", ErrInvalid)
	case named && s.Issuer == "":
		return nil, fmt.Errorf("%w: a certificate identity needs its issuer: others may issue the same name", ErrInvalid)
	case !named && s.Issuer != "":
		return nil, fmt.Errorf("%w: an issuer needs the certificate identity: it issues to everybody", ErrInvalid)
	case !named:
		return nil, nil
	case s.RootFile == "":
		return nil, fmt.Errorf("%w: a certificate identity needs a trusted root to prove it", ErrInvalid)
	}
	k := &keylessRule{issuer: matcher{exact: s.Issuer}, subject: matcher{exact: s.Subject}, root: flagRoot, anyRoot: true}
	if s.SubjectPattern != "" {
		m, problem := compilePattern(s.SubjectPattern)
		if problem != "" {
			return nil, fmt.Errorf("%w: %q: %s", ErrInvalid, s.SubjectPattern, problem)
		}
		k.subject = m
	}
	return k, nil
}
