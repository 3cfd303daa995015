package provenance

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// A Difference says what changed from one manifest to another. Its zero value
// says that nothing did. Generators are not compared, as in SubstanceDigest;
// all else is: substance digests differ only where a Difference is not zero.
type Difference struct {
	Before           artifact.Digest `json:"before,omitzero"` // subjects, both zero where they are the same
	After            artifact.Digest `json:"after,omitzero"`
	SignersGone      []Signature     `json:"signersGone,omitempty"` // loud: who signed before and does not now
	SignersAdded     []Signature     `json:"signersAdded,omitempty"`
	AttestersGone    []Attestation   `json:"attestersGone,omitempty"`
	AttestersAdded   []Attestation   `json:"attestersAdded,omitempty"`
	Claims           []ClaimChange   `json:"claims,omitempty"`           // by id
	EvidenceReplaced []string        `json:"evidenceReplaced,omitempty"` // ids of claims with the same state and value that rest on something else
	LicensingGone    []Licensing     `json:"licensingGone,omitempty"`
	LicensingAdded   []Licensing     `json:"licensingAdded,omitempty"`
	LineageGone      []Lineage       `json:"lineageGone,omitempty"`
	LineageAdded     []Lineage       `json:"lineageAdded,omitempty"`
	Loading          LoadingChange   `json:"loading,omitzero"` // what loading does
	WeightsGone      []Weights       `json:"weightsGone,omitempty"`
	WeightsAdded     []Weights       `json:"weightsAdded,omitempty"`
	Files            []FileChange    `json:"files,omitempty"`     // by path: other bytes
	Described        []FileChange    `json:"described,omitempty"` // by path: the same bytes, of another role or format, or elsewhere in the artifact
	FindingsGone     []Finding       `json:"findingsGone,omitempty"`
	FindingsAdded    []Finding       `json:"findingsAdded,omitempty"`
	ArtifactBefore   *Artifact       `json:"artifactBefore,omitempty"` // how the model travels, nil where the same
	ArtifactAfter    *Artifact       `json:"artifactAfter,omitempty"`
	CoverageGone     []Coverage      `json:"coverageGone,omitempty"`
	CoverageAdded    []Coverage      `json:"coverageAdded,omitempty"`
}

// A ClaimChange is a claim whose state, value or absence changed. Before or
// After is nil where only the other manifest has the claim.
type ClaimChange struct {
	ID     string `json:"id"`
	Before *Claim `json:"before,omitempty"`
	After  *Claim `json:"after,omitempty"`
}

// A FileChange is a path that holds other bytes. Before or After is empty
// where the path was added or removed. An artifact can hold a path more than
// once, in several members.
type FileChange struct {
	Path   string `json:"path"`
	Before []File `json:"before,omitempty"`
	After  []File `json:"after,omitempty"`
}

// IsZero says that nothing changed.
func (d Difference) IsZero() bool {
	return d.Before.IsZero() && d.After.IsZero() && len(d.Claims) == 0 && len(d.Files) == 0 && len(d.Described) == 0 &&
		d.ArtifactBefore == nil && d.ArtifactAfter == nil && len(d.CoverageGone) == 0 && len(d.CoverageAdded) == 0 &&
		d.Loading.IsZero() && len(d.WeightsGone) == 0 && len(d.WeightsAdded) == 0 &&
		len(d.SignersGone) == 0 && len(d.SignersAdded) == 0 &&
		len(d.AttestersGone) == 0 && len(d.AttestersAdded) == 0 &&
		len(d.FindingsGone) == 0 && len(d.FindingsAdded) == 0 &&
		len(d.LicensingGone) == 0 && len(d.LicensingAdded) == 0 && len(d.LineageGone) == 0 && len(d.LineageAdded) == 0 && len(d.EvidenceReplaced) == 0
}

// Diff compares two manifests, whatever the order of their lists.
func Diff(a, b *Manifest) Difference {
	a, b = Sort(a), Sort(b)
	var d Difference
	if a.Subject != b.Subject {
		d.Before, d.After = a.Subject, b.Subject
	}
	d.Claims, d.EvidenceReplaced = diffClaims(a.Claims, b.Claims)
	d.Files, d.Described = diffFiles(a.Files, b.Files)
	if !bytes.Equal(encoded(a.Artifact), encoded(b.Artifact)) {
		d.ArtifactBefore, d.ArtifactAfter = &a.Artifact, &b.Artifact
	}
	d.CoverageGone, d.CoverageAdded = missing(a.Coverage, b.Coverage), missing(b.Coverage, a.Coverage)
	d.Loading = diffLoading(a, b)
	d.WeightsGone, d.WeightsAdded = missing(a.Weights, b.Weights), missing(b.Weights, a.Weights)
	d.SignersGone, d.SignersAdded = missing(a.Signatures, b.Signatures), missing(b.Signatures, a.Signatures)
	d.AttestersGone, d.AttestersAdded = missing(a.Attestations, b.Attestations), missing(b.Attestations, a.Attestations)
	d.FindingsGone, d.FindingsAdded = missing(a.Findings, b.Findings), missing(b.Findings, a.Findings)
	d.LicensingGone, d.LicensingAdded = missing(a.Licensing, b.Licensing), missing(b.Licensing, a.Licensing)
	d.LineageGone, d.LineageAdded = missing(a.Lineage, b.Lineage), missing(b.Lineage, a.Lineage)
	return d
}

func diffClaims(a, b []Claim) (changes []ClaimChange, replaced []string) {
	before, after := claimsByID(a), claimsByID(b)
	ids := maps.Clone(before)
	maps.Copy(ids, after)
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		x, y := before[id], after[id]
		switch {
		case x == nil || y == nil || x.State != y.State || x.Absence != y.Absence || !bytes.Equal(x.Value, y.Value):
			changes = append(changes, ClaimChange{ID: id, Before: x, After: y})
		case !bytes.Equal(encoded(x), encoded(y)): // observations, elsewhere, searched, unread, ceiling
			replaced = append(replaced, id)
		}
	}
	return changes, replaced
}

func claimsByID(claims []Claim) map[string]*Claim {
	out := make(map[string]*Claim, len(claims))
	for i := range claims {
		out[claims[i].ID] = &claims[i]
	}
	return out
}

// diffFiles compares what lies at each path, bytes first: the same file in
// another layer holds the same bytes, and is only described otherwise.
func diffFiles(a, b []File) (other, described []FileChange) {
	changes := map[string]*FileChange{}
	at := func(path string) *FileChange {
		if changes[path] == nil {
			changes[path] = &FileChange{Path: path}
		}
		return changes[path]
	}
	for _, f := range a {
		at(f.Path).Before = append(at(f.Path).Before, f)
	}
	for _, f := range b {
		at(f.Path).After = append(at(f.Path).After, f)
	}
	for _, path := range slices.Sorted(maps.Keys(changes)) {
		c := changes[path]
		switch {
		case !slices.Equal(contents(c.Before), contents(c.After)):
			other = append(other, *c)
		case !bytes.Equal(encoded(c.Before), encoded(c.After)):
			described = append(described, *c)
		}
	}
	return other, described
}

func contents(files []File) []artifact.Digest {
	out := make([]artifact.Digest, 0, len(files))
	for _, f := range files {
		out = append(out, f.Digest)
	}
	slices.SortFunc(out, artifact.Digest.Compare)
	return slices.Compact(out)
}

// missing returns what is in a and, word for word, not in b.
func missing[T any](a, b []T) []T {
	there := make(map[string]bool, len(b))
	for _, item := range b {
		there[string(encoded(item))] = true
	}
	var out []T
	for _, item := range a {
		if !there[string(encoded(item))] {
			out = append(out, item)
		}
	}
	slices.SortStableFunc(out, func(x, y T) int { return cmp.Compare(string(encoded(x)), string(encoded(y))) })
	return out
}
