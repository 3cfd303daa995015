package provenance

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// ErrDishonest is wrapped by every error about a manifest that claims more
// than it shows, or contradicts itself.
var ErrDishonest = errors.New("dishonest provenance manifest")

// Validate says whether m may stand as a record: it names its subject and its
// generator; every claim rests on what its state asks for (a verified claim on
// a verified observation, a conflict on two observations that differ and on no
// value, an absence on the documents that were searched); nothing is attested
// but by a producer whose signature stands in the record; evidence lies in
// files that the record lists; the class of loading is the worst of the files,
// and what is unknown is said to be; coverage counts what the claims say.
func Validate(m *Manifest) error {
	if m == nil {
		return fmt.Errorf("%w: there is none", ErrDishonest)
	}
	return validate(Sort(m))
}

// validate is Validate for a sorted manifest.
func validate(m *Manifest) error {
	for _, check := range []func(*Manifest) error{
		checkHead, checkFiles, checkLoading, checkWeights, checkSignatures,
		checkClaims, checkLicensing, checkLineage, checkFindings, checkCoverage,
	} {
		if err := check(m); err != nil {
			return fmt.Errorf("%w: %w", ErrDishonest, err)
		}
	}
	return nil
}

func checkHead(m *Manifest) error {
	if m.Subject.IsZero() {
		return errors.New("no subject")
	}
	if m.Generator.Name == "" || m.Generator.Version == "" {
		return errors.New("no generator name and version")
	}
	for i, c := range m.Generator.Catalogs {
		if c.Name == "" || c.Digest.IsZero() {
			return fmt.Errorf("catalog %q without name or digest", c.Name)
		}
		if i > 0 && m.Generator.Catalogs[i-1].Name == c.Name {
			return fmt.Errorf("catalog %q stands twice", c.Name)
		}
	}
	if m.Artifact.TotalBytes < 0 {
		return errors.New("negative size")
	}
	for _, member := range m.Artifact.Members {
		if member.Digest.IsZero() || member.Packaging == "" {
			return errors.New("member without digest or packaging")
		}
	}
	members := m.Artifact.Members
	switch m.Artifact.Kind {
	case "manifest":
		if len(members) != 1 || members[0].Digest != m.Subject {
			return errors.New("a manifest's one member is the subject itself")
		}
	case "index":
		if len(members) == 0 {
			return errors.New("index without members")
		}
	case "tree":
		if len(members) != 0 || m.Artifact.ContentIdentity != m.Subject {
			return errors.New("a tree has no members, and its content identity is the subject")
		}
	default:
		return fmt.Errorf("unknown kind of artifact %q", m.Artifact.Kind)
	}
	return nil
}

func checkFiles(m *Manifest) error {
	members := make(map[artifact.Digest]bool, len(m.Artifact.Members))
	for _, member := range m.Artifact.Members {
		members[member.Digest] = true
	}
	sizes := make(map[artifact.Digest]int64, len(m.Files))
	for _, f := range m.Files {
		if f.Path == "" || f.Digest.IsZero() || f.Size < 0 {
			return fmt.Errorf("file %q without path, digest or size", f.Path)
		}
		if size, ok := sizes[f.Digest]; ok && size != f.Size {
			return fmt.Errorf("file %q has the digest of a file of another size", f.Path)
		}
		sizes[f.Digest] = f.Size
		for _, d := range f.Members {
			if !members[d] {
				return fmt.Errorf("file %q is in %v, which is no member", f.Path, d)
			}
		}
	}
	return nil
}

func checkSignatures(m *Manifest) error {
	for _, s := range m.Signatures {
		if s.Signer == "" || s.Scheme == "" {
			return errors.New("signature without signer or scheme")
		}
		if err := checkSigner(s.Identity, s.Evidence); err != nil {
			return fmt.Errorf("signature of %q %w", s.Signer, err)
		}
	}
	for _, a := range m.Attestations {
		if a.Signer == "" || a.Scheme == "" || a.PredicateType == "" {
			return errors.New("attestation without signer, scheme or predicate type")
		}
		if err := checkSigner(a.Identity, a.Evidence); err != nil {
			return fmt.Errorf("attestation of %q %w", a.Signer, err)
		}
	}
	return nil
}

func checkSigner(identity Identity, evidence []string) error {
	byKey := identity.KeyFingerprint != ""
	byCertificate := identity.Subject != "" && identity.Issuer != ""
	if byKey == byCertificate {
		return errors.New("is by neither a key nor a certificate, or by both")
	}
	if slices.Contains(evidence, "") {
		return errors.New("rests on evidence without a word")
	}
	return nil
}

func checkFindings(m *Manifest) error {
	for _, f := range m.Findings {
		if f.ID == "" || f.Detail == "" {
			return fmt.Errorf("finding %q about %q without code or detail", f.ID, f.Subject)
		}
	}
	return nil
}

func checkCoverage(m *Manifest) error {
	claims := make(map[string]Claim, len(m.Claims))
	for _, c := range m.Claims {
		claims[c.ID] = c
	}
	for i, c := range m.Coverage {
		if c.Criteria == "" || (i > 0 && m.Coverage[i-1].Criteria == c.Criteria) {
			return fmt.Errorf("coverage of criteria %q without name, or twice", c.Criteria)
		}
		counted := newCoverage(c.Criteria)
		for _, id := range c.Claims {
			claim, ok := claims[id]
			if !ok {
				return fmt.Errorf("coverage of %q counts claim %q, which is not there", c.Criteria, id)
			}
			counted.count(claim)
		}
		if !bytes.Equal(encoded(counted), encoded(c)) {
			return fmt.Errorf("coverage of %q does not count what the claims say", c.Criteria)
		}
	}
	return nil
}
