package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/internal/disclose"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// ownProfiles reads those of the user.
func ownProfiles(files [][]byte) ([]*disclose.Profile, error) {
	var list []*disclose.Profile
	for _, data := range files {
		p, err := disclose.ParseProfile(data)
		if err != nil {
			return nil, fmt.Errorf("reading a profile: %w", err)
		}
		if slices.ContainsFunc(list, func(q *disclose.Profile) bool { return q.ID == p.ID }) {
			return nil, fmt.Errorf("reading a profile: %w: %q is given twice", disclose.ErrProfile, p.ID)
		}
		list = append(list, p)
	}
	return list, nil
}

// allProfiles adds those that come with the program. A user's profile takes the
// place of one with the same id.
func allProfiles(own []*disclose.Profile) []*disclose.Profile {
	list := slices.Clone(own)
	for _, p := range disclose.Profiles() {
		if !slices.ContainsFunc(own, func(q *disclose.Profile) bool { return q.ID == p.ID }) {
			list = append(list, p)
		}
	}
	return list
}

// elsewhere adds what documents outside the artifact say to the claims, which
// it does not change.
func (e *examination) elsewhere(m *provenance.Manifest) error {
	var names []string
	for _, c := range m.Claims {
		for _, o := range c.Observations {
			var name string
			if c.ID == "identity.name" && json.Unmarshal(o.Value, &name) == nil {
				names = append(names, name)
			}
		}
	}
	for _, p := range e.profiles() {
		if p.APIOnly && slices.ContainsFunc(names, p.Called) {
			m.Findings = append(m.Findings, provenance.Finding{ID: provenance.CodeProfileDiffers, Subject: "identity.name",
				Detail: fmt.Sprintf("the artifact is called %s, of which no weights were published by %s", p.Model, p.Publisher)})
		}
		how, ok := p.About(m.Files, names)
		if !ok {
			continue
		}
		findings, err := p.Attach(m.Claims, how)
		if err != nil {
			return err
		}
		m.Findings = append(m.Findings, findings...)
		m.Generator.Catalogs = append(m.Generator.Catalogs, p.Catalog())
	}
	return nil
}

// A ProfileRecord is what is known of a model from documents alone. Nothing in
// it was verified, and it is no provenance manifest: there is no artifact.
type ProfileRecord struct {
	Verified  bool               `json:"verified"` // always false
	Why       string             `json:"why"`
	Model     string             `json:"model"`
	Publisher string             `json:"publisher,omitempty"`
	APIOnly   bool               `json:"apiOnly"` // no weights were published
	Profile   provenance.Catalog `json:"profile"`
	Claims    []provenance.Claim `json:"claims"` // all not examined, with what is said elsewhere
}

// DescribeProfile makes the record of the model that is called so, and says
// whether a profile is about it: one of files, or one that comes with the
// program.
func DescribeProfile(name string, files [][]byte) (*ProfileRecord, bool, error) {
	own, err := ownProfiles(files)
	if err != nil {
		return nil, false, err
	}
	p, ok := disclose.ProfileByName(allProfiles(own), name)
	if !ok {
		return nil, false, nil
	}
	r := &ProfileRecord{
		Why:   "no artifact was looked at; this is what documents elsewhere say",
		Model: p.Model, Publisher: p.Publisher, APIOnly: p.APIOnly, Profile: p.Catalog(),
	}
	if p.APIOnly {
		r.Why = "offered as a service only: no weights were published, so there is no artifact to verify"
	}
	claims, err := provenance.Settle(disclose.Catalog(), nil, nil, nil, "")
	if err != nil {
		return nil, false, err
	}
	if _, err := p.Attach(claims, disclose.ByName); err != nil {
		return nil, false, err
	}
	r.Claims = slices.DeleteFunc(claims, func(c provenance.Claim) bool { return len(c.Elsewhere) == 0 })
	return r, true, nil
}

// ServiceOnly says whether the name, with or without a tag, is that of a model
// whose weights were never published.
func ServiceOnly(name string) (*ProfileRecord, bool) {
	bare := name
	if at := strings.LastIndexByte(bare, ':'); at > strings.LastIndexByte(bare, '/') {
		bare = bare[:at]
	}
	r, ok, err := DescribeProfile(bare, nil)
	return r, err == nil && ok && r.APIOnly
}
