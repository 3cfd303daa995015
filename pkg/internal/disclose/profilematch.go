package disclose

import (
	"fmt"
	"slices"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// An Attachment is how a profile was found to be about an artifact.
type Attachment string

// The ways, surest first. Only weights are what a model is; documents and
// names go with every copy.
const (
	ByWeights   Attachment = "weights"
	ByDocuments Attachment = "documents"
	ByName      Attachment = "name"
)

// About says whether a profile is about an artifact that holds files and is
// called by names. An API-only model is in no artifact.
func (p *Profile) About(files []provenance.File, names []string) (Attachment, bool) {
	if p.APIOnly {
		return "", false
	}
	holds := func(list []artifact.Digest, weights bool) bool {
		return slices.ContainsFunc(files, func(f provenance.File) bool {
			return (f.Role == artifact.RoleWeights) == weights && slices.Contains(list, f.Digest)
		})
	}
	switch {
	case holds(p.Match.Weights, true):
		return ByWeights, true
	case holds(p.Match.Documents, false):
		return ByDocuments, true
	}
	if slices.ContainsFunc(names, p.Called) {
		return ByName, true
	}
	return "", false
}

// Called says whether a name is one of the model's.
func (p *Profile) Called(name string) bool {
	return modelKey(name) != "" && slices.ContainsFunc(p.Match.Names, func(own string) bool { return modelKey(own) == modelKey(name) })
}

// Attach adds what the profile says to the claims, without changing a state or
// a value, and returns the findings: that the match is weak, and where what is
// said elsewhere contradicts what the artifact says.
func (p *Profile) Attach(claims []provenance.Claim, how Attachment) ([]provenance.Finding, error) {
	said, err := p.elsewhere()
	if err != nil {
		return nil, err
	}
	var findings []provenance.Finding
	if how != ByWeights {
		findings = append(findings, provenance.Finding{
			ID: provenance.CodeProfileWeakMatch, Subject: "profile:" + p.ID,
			Detail: fmt.Sprintf("the profile of %s was matched by %s, which a copy with other weights can carry too", p.Model, how),
			Facts:  map[string]string{"by": string(how), "model": p.Model},
		})
	}
	kinds := map[string]provenance.ClaimType{}
	for _, t := range Catalog() {
		kinds[t.ID] = t
	}
	for _, o := range said {
		i := slices.IndexFunc(claims, func(c provenance.Claim) bool { return c.ID == o.Claim })
		if i < 0 {
			continue
		}
		claims[i].Elsewhere = append(claims[i].Elsewhere, o.Observation)
		if len(claims[i].Value) > 0 && !agree(kinds[o.Claim], claims[i].Value, o.Value) {
			findings = append(findings, provenance.Finding{
				ID: provenance.CodeProfileDiffers, Subject: o.Claim,
				Detail: fmt.Sprintf("%q says otherwise than the artifact", o.Source.Path),
				Facts:  map[string]string{"here": cut(string(claims[i].Value), 200), "elsewhere": cut(string(o.Value), 200), "uri": o.Source.URI},
			})
		}
	}
	return findings, nil
}

// agree asks Settle whether two values of a claim can both be true.
func agree(t provenance.ClaimType, a, b provenance.Value) bool {
	observe := func(v provenance.Value) provenance.ClaimObservation {
		return provenance.ClaimObservation{Claim: t.ID, Observation: provenance.Observation{Grade: provenance.Declared, Value: v, Method: "compare/1"}}
	}
	claims, err := provenance.Settle([]provenance.ClaimType{t}, []provenance.ClaimObservation{observe(a), observe(b)}, nil, nil, "")
	return err == nil && claims[0].State != provenance.StateConflicting
}
