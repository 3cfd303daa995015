package disclose

import (
	"embed"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// ProfileSchema is the word by which a profile names its form
// (schemas/profile-v1.json).
const ProfileSchema = "modelcheck/profile/v1"

// A Profile is what documents outside any artifact say about one model: a
// paper, a vendor's page. What it says is declared at best, stands beside the
// claims, and changes none.
type Profile struct {
	Schema    string            `json:"schema"`
	ID        string            `json:"id"`
	Version   int               `json:"version"`
	Model     string            `json:"model"`
	Publisher string            `json:"publisher,omitempty"`
	APIOnly   bool              `json:"apiOnly,omitempty"` // no weights were published: nothing can be verified
	Match     ProfileMatch      `json:"match"`
	Documents []ProfileDocument `json:"documents"`
	Facts     []ProfileFact     `json:"facts"`

	digest artifact.Digest
}

// A ProfileMatch says which artifacts a profile is about.
type ProfileMatch struct {
	Weights   []artifact.Digest `json:"weights,omitempty"`   // of files of weights: certain
	Documents []artifact.Digest `json:"documents,omitempty"` // of cards and licences, which any copy can carry
	Names     []string          `json:"names,omitempty"`     // which any copy can carry
}

// A ProfileDocument is where facts stand. Its digest is of the archived bytes;
// without one the address names the revision: a commit, a paper's version.
type ProfileDocument struct {
	ID        string          `json:"id"`
	Title     string          `json:"title"`
	URI       string          `json:"uri"`
	Digest    artifact.Digest `json:"digest,omitzero"`
	Revision  string          `json:"revision,omitempty"`
	Mutable   bool            `json:"mutable,omitempty"` // it has neither, and may say something else by now
	Retrieved string          `json:"retrieved"`         // date
}

// A ProfileFact is one statement in one document.
type ProfileFact struct {
	Claim    string           `json:"claim"`
	Value    provenance.Value `json:"value"`
	Document string           `json:"document"`
	Page     int              `json:"page,omitempty"`
	Lines    []int            `json:"lines,omitempty"`
	Quote    string           `json:"quote"`
}

// The limits of a profile: the largest here has 20 facts.
const (
	MaxProfile       = 1 << 20 // bytes
	maxProfileFacts  = 1000    // and documents
	maxProfileNames  = 100
	maxProfileDigest = 10_000
)

// ErrProfile is wrapped by every error about a profile that cannot be used.
var ErrProfile = errors.New("unusable profile")

// ParseProfile reads a profile and holds its facts against the claim
// catalogue. It refuses unknown members, claims and kinds of values.
func ParseProfile(data []byte) (*Profile, error) {
	p, err := readProfile(data)
	if err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("%w %q: %w", ErrProfile, cut(valid(p.ID), 80), err)
	}
	return p, nil
}

func readProfile(data []byte) (*Profile, error) {
	var p Profile
	if len(data) > MaxProfile {
		return nil, fmt.Errorf("%w: %d bytes, over the limit of %d", ErrProfile, len(data), MaxProfile)
	}
	if err := strictjson.Check(data); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProfile, err)
	}
	if err := json.Unmarshal(data, &p, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProfile, err)
	}
	p.digest = artifact.SumSHA256(data)
	return &p, nil
}

func (p *Profile) check() error {
	switch {
	case p.Schema != ProfileSchema:
		return fmt.Errorf("schema %q, want %q", cut(valid(p.Schema), 80), ProfileSchema)
	case p.ID == "" || strings.Trim(p.ID, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "":
		return errors.New("an id is small letters, digits, dots and hyphens")
	case p.Version < 1 || p.Model == "":
		return errors.New("want a version from 1 and a model")
	case len(p.Facts) > maxProfileFacts || len(p.Documents) > maxProfileFacts || len(p.Match.Names) > maxProfileNames || len(p.Match.Weights)+len(p.Match.Documents) > maxProfileDigest:
		return errors.New("over the limits")
	case p.APIOnly && len(p.Match.Weights) > 0:
		return errors.New("weights of a model that has none")
	}
	ids := map[string]bool{}
	for _, d := range p.Documents {
		if err := d.check(); err != nil {
			return fmt.Errorf("document %q: %w", cut(valid(d.ID), 80), err)
		}
		if ids[d.ID] {
			return fmt.Errorf("document %q: there are two", cut(valid(d.ID), 80))
		}
		ids[d.ID] = true
	}
	_, err := p.elsewhere()
	return err
}

func (d ProfileDocument) check() error {
	u, err := url.Parse(d.URI)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return errors.New("want a web address")
	case d.ID == "" || d.Title == "":
		return errors.New("want id and title")
	case d.Mutable == (!d.Digest.IsZero() || d.Revision != ""):
		return errors.New("want a digest, a revision, or the word that it is mutable")
	case d.Revision != "" && !strings.Contains(d.URI, d.Revision):
		return errors.New("want an address that names the revision")
	case dateValue(d.Retrieved) == nil:
		return errors.New("want the date when it was retrieved")
	}
	return nil
}

// elsewhere makes the observations, and settles them once by themselves so
// that no value of another kind comes through.
func (p *Profile) elsewhere() ([]provenance.ClaimObservation, error) {
	var out []provenance.ClaimObservation
	for i, f := range p.Facts {
		at := slices.IndexFunc(p.Documents, func(d ProfileDocument) bool { return d.ID == f.Document })
		if at < 0 || strings.TrimSpace(f.Quote) == "" || len(f.Quote) > provenance.MaxQuote {
			return nil, fmt.Errorf("fact %d, on %q: want one of the documents, and a quotation of at most %d bytes", i+1, cut(valid(f.Claim), 80), provenance.MaxQuote)
		}
		d := p.Documents[at]
		out = append(out, provenance.ClaimObservation{Claim: f.Claim, Observation: provenance.Observation{
			Grade: provenance.Declared, Value: f.Value, Method: fmt.Sprintf("profile/%s@%d", p.ID, p.Version),
			Source: provenance.Source{Kind: provenance.SourceExternal, Path: d.Title, URI: d.URI, Digest: d.Digest, Page: f.Page, Lines: f.Lines, Quote: f.Quote},
		}})
	}
	_, err := provenance.Settle(Catalog(), out, nil, nil, "")
	return out, err
}

// Catalog names the profile and the digest of its file, for the record.
func (p *Profile) Catalog() provenance.Catalog {
	return provenance.Catalog{Name: "profile:" + p.ID, Digest: p.digest}
}

//go:embed data/profiles/*.json
var profileData embed.FS

// Profiles returns the profiles that come with the program. A test checks them.
func Profiles() []*Profile {
	entries, err := profileData.ReadDir("data/profiles")
	if err != nil {
		panic("disclose: embedded profiles: " + err.Error())
	}
	var out []*Profile
	for _, e := range entries {
		data, err := profileData.ReadFile("data/profiles/" + e.Name())
		if err != nil {
			panic("disclose: embedded profiles: " + err.Error())
		}
		p, err := readProfile(data)
		if err != nil {
			panic("disclose: embedded profiles: " + e.Name() + ": " + err.Error())
		}
		out = append(out, p)
	}
	return out
}

// ProfileByName finds the profile of a model by its name, without regard to
// case and what separates its words.
func ProfileByName(list []*Profile, name string) (*Profile, bool) {
	for _, p := range list {
		for _, own := range append([]string{p.Model, p.ID}, p.Match.Names...) {
			if modelKey(own) == modelKey(name) && modelKey(name) != "" {
				return p, true
			}
		}
	}
	return nil, false
}
