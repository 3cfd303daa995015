package policy

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// Settings is a policy as command-line flags say it. The zero value trusts
// nobody, and what it builds holds everything.
type Settings struct {
	KeyFiles       []string            // public keys, PEM; any one of them suffices
	Issuer         string              // exact OIDC issuer of a keyless signer
	Subject        string              // its exact certificate identity,
	SubjectPattern string              // or a pattern that the whole identity must match
	RootFile       string              // Sigstore trusted root; needed with Issuer, and with ChainFile unless CurrentTime
	ChainFile      string              // PEM chain of an own authority, instead of Issuer
	CurrentTime    bool                // its certificates are judged at the time of the check
	Relation       provenance.Relation // of the signers to the model; unknown unless said
	AllowUnsigned  bool                // typed by a person: without a signature it is still allowed
}

// The names that signers have who come from flags. They stand in manifests, so
// they tell nothing of the machine on which the flags were typed.
const (
	flagKey     = "key"
	flagKeyless = "certificate"
	flagCA      = "own-ca"
	flagRoot    = "trusted-root"
)

// Build makes a policy of flags. It fails with ErrInvalid where half of an
// identity is given: one without issuer, or an issuer without identity, would
// be anybody's.
func Build(s Settings) (*Policy, error) {
	p := base()
	p.allowUnsigned = s.AllowUnsigned
	if s.RootFile != "" {
		p.roots = []root{{name: flagRoot, file: s.RootFile}}
	}
	person, err := buildPerson(s)
	if err != nil {
		return nil, err
	}
	if person != nil {
		p.signers = append(p.signers, *person)
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
	slices.SortFunc(p.signers, func(a, b signer) int { return cmp.Compare(a.name, b.name) })
	if len(p.signers) > 0 && !p.allowUnsigned {
		p.need = need{Count: 1, Of: p.names()}
	}
	if err := p.finish(); err != nil {
		return nil, err
	}
	return p, nil
}

// buildPerson makes the signer whose identity a certificate names, nil where
// no flag speaks of one.
func buildPerson(s Settings) (*signer, error) {
	named := s.Subject != "" || s.SubjectPattern != ""
	switch {
	case s.Subject != "" && s.SubjectPattern != "":
		return nil, fmt.Errorf("%w: an exact identity and a pattern for it", ErrInvalid)
	case s.ChainFile != "" && s.Issuer != "":
		return nil, fmt.Errorf("%w: an issuer and a certificate chain: one of them vouches", ErrInvalid)
	case s.CurrentTime && s.ChainFile == "":
		return nil, fmt.Errorf("%w: only certificates of an own chain can be judged at the current time", ErrInvalid)
	case named && s.Issuer == "" && s.ChainFile == "":
		return nil, fmt.Errorf("%w: a certificate identity needs its issuer: others may issue the same name", ErrInvalid)
	case !named && s.Issuer != "":
		return nil, fmt.Errorf("%w: an issuer needs the certificate identity: it issues to everybody", ErrInvalid)
	case !named && s.ChainFile != "":
		return nil, fmt.Errorf("%w: a certificate chain needs the certificate identity: it may issue to others", ErrInvalid)
	case !named:
		return nil, nil
	case s.RootFile == "" && !s.CurrentTime:
		return nil, fmt.Errorf("%w: a certificate identity needs a trusted root, to prove it or its time", ErrInvalid)
	}
	subject := matcher{exact: s.Subject}
	if s.SubjectPattern != "" {
		m, problem := compilePattern(s.SubjectPattern)
		if problem != "" {
			return nil, fmt.Errorf("%w: %q: %s", ErrInvalid, s.SubjectPattern, problem)
		}
		subject = m
	}
	if s.ChainFile != "" {
		rule := &certificateRule{file: s.ChainFile, authority: flagCA, subject: subject, current: s.CurrentTime}
		return &signer{name: flagCA, relation: s.Relation, certificate: rule}, nil
	}
	rule := &keylessRule{issuer: matcher{exact: s.Issuer}, subject: subject, root: flagRoot, anyRoot: true}
	return &signer{name: flagKeyless, relation: s.Relation, keyless: rule}, nil
}
