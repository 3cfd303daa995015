package provenance

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// Sort returns a copy of m in the one order in which it is written, without
// repetitions:
//
//	catalogs        name
//	members         digest, platform
//	files           path, digest, layer
//	loaders         name
//	rules           word
//	templates       path, where, digest
//	conditional     line
//	weights         folder, first file
//	stated          path, lines, text
//	signatures      signer, scheme, identity
//	attestations    signer, predicate type, scheme, identity
//	evidence        word
//	claims          id
//	observations    source path, lines, method, value
//	searched/unread path, digest
//	elsewhere       like observations
//	licensing       asset, basis, text's path, licence, of
//	terms           id, lines
//	obligations     id, from
//	lineage         relation, name, source path, lines
//	findings        id, subject, detail
//	coverage        criteria
//
// and what is equal in these by its whole JSON. Values become canonical JSON,
// empty optional lists nil. The copy shares strings with m and no list.
func Sort(m *Manifest) *Manifest {
	s := *m
	s.Generator.Catalogs = arrange(m.Generator.Catalogs, func(a, b Catalog) int { return cmp.Compare(a.Name, b.Name) })
	s.Artifact.Members = arrange(m.Artifact.Members, func(a, b Member) int {
		return cmp.Or(a.Digest.Compare(b.Digest), cmp.Compare(a.Platform, b.Platform))
	})
	s.Files = sortFiles(m.Files)
	s.Loading = sortLoading(m.Loading)
	s.Weights = sortWeights(m.Weights)
	s.Signatures = sortSignatures(m.Signatures)
	s.Attestations = sortAttestations(m.Attestations)
	s.Claims = make([]Claim, 0, len(m.Claims))
	for _, c := range m.Claims {
		s.Claims = append(s.Claims, sortClaim(c))
	}
	s.Claims = arrange(s.Claims, func(a, b Claim) int { return cmp.Compare(a.ID, b.ID) })
	s.Licensing = sortLicensing(m.Licensing)
	s.Lineage = sortLineage(m.Lineage)
	s.Findings = sortFindings(m.Findings)
	s.Coverage = sortCoverage(m.Coverage)
	return &s
}

func sortFiles(files []File) []File {
	out := make([]File, 0, len(files))
	for _, f := range files {
		f.Members = optional(arrange(f.Members, artifact.Digest.Compare))
		out = append(out, f)
	}
	return arrange(out, func(a, b File) int {
		if c := strings.Compare(a.Path, b.Path); c != 0 {
			return c
		}
		return cmp.Or(a.Digest.Compare(b.Digest), a.Layer.Compare(b.Layer))
	})
}

func sortSignatures(signatures []Signature) []Signature {
	out := make([]Signature, 0, len(signatures))
	for _, s := range signatures {
		if len(s.Identity.Extensions) == 0 {
			s.Identity.Extensions = nil
		}
		s.Evidence = optional(arrange(s.Evidence, strings.Compare))
		out = append(out, s)
	}
	return arrange(out, func(a, b Signature) int {
		return cmp.Or(cmp.Compare(a.Signer, b.Signer), cmp.Compare(a.Scheme, b.Scheme))
	})
}

func sortAttestations(attestations []Attestation) []Attestation {
	out := make([]Attestation, 0, len(attestations))
	for _, s := range attestations {
		if len(s.Identity.Extensions) == 0 {
			s.Identity.Extensions = nil
		}
		s.Evidence = optional(arrange(s.Evidence, strings.Compare))
		out = append(out, s)
	}
	return optional(arrange(out, func(a, b Attestation) int {
		return cmp.Or(cmp.Compare(a.Signer, b.Signer), cmp.Compare(a.PredicateType, b.PredicateType), cmp.Compare(a.Scheme, b.Scheme))
	}))
}

func sortClaim(c Claim) Claim {
	c.Value = canonicalValue(c.Value)
	c.Searched = optional(sortDocuments(c.Searched))
	c.Unread = optional(sortDocuments(c.Unread))
	c.Observations = optional(sortObservations(c.Observations))
	c.Elsewhere = optional(sortObservations(c.Elsewhere))
	return c
}

func sortLicensing(list []Licensing) []Licensing {
	out := make([]Licensing, 0, len(list))
	for _, l := range list {
		l.Terms = optional(arrange(l.Terms, func(a, b Term) int {
			return cmp.Or(cmp.Compare(a.ID, b.ID), slices.Compare(a.Source.Lines, b.Source.Lines))
		}))
		l.Obligations = optional(arrange(l.Obligations, func(a, b Obligation) int {
			return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.From, b.From))
		}))
		out = append(out, l)
	}
	pathOf := func(l Licensing) string {
		if l.Text == nil {
			return ""
		}
		return l.Text.Path
	}
	return optional(arrange(out, func(a, b Licensing) int {
		return cmp.Or(cmp.Compare(a.Asset, b.Asset), cmp.Compare(a.Basis, b.Basis), cmp.Compare(pathOf(a), pathOf(b)),
			cmp.Compare(a.License, b.License), cmp.Compare(a.Of, b.Of))
	}))
}

func sortLineage(list []Lineage) []Lineage {
	return optional(arrange(list, func(a, b Lineage) int {
		return cmp.Or(cmp.Compare(a.Relation, b.Relation), cmp.Compare(a.Name, b.Name),
			cmp.Compare(a.Source.Path, b.Source.Path), slices.Compare(a.Source.Lines, b.Source.Lines))
	}))
}

func sortDocuments(documents []Document) []Document {
	return arrange(documents, func(a, b Document) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), a.Digest.Compare(b.Digest))
	})
}

func sortObservations(observations []Observation) []Observation {
	out := make([]Observation, 0, len(observations))
	for _, o := range observations {
		o.Value = canonicalValue(o.Value)
		o.Inputs = optional(arrange(o.Inputs, strings.Compare))
		o.Source.Lines = optional(slices.Clone(o.Source.Lines))
		out = append(out, o)
	}
	return arrange(out, func(a, b Observation) int {
		return cmp.Or(
			cmp.Compare(a.Source.Path, b.Source.Path),
			slices.Compare(a.Source.Lines, b.Source.Lines),
			cmp.Compare(a.Method, b.Method),
			bytes.Compare(a.Value, b.Value),
		)
	})
}

func sortFindings(findings []Finding) []Finding {
	out := make([]Finding, 0, len(findings))
	for _, f := range findings {
		if len(f.Facts) == 0 {
			f.Facts = nil
		}
		out = append(out, f)
	}
	return arrange(out, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Detail, b.Detail))
	})
}

func sortCoverage(coverage []Coverage) []Coverage {
	out := make([]Coverage, 0, len(coverage))
	for _, c := range coverage {
		c.Claims = arrange(c.Claims, strings.Compare)
		if c.Counts == nil {
			c.Counts = map[string]int{}
		}
		out = append(out, c)
	}
	return arrange(out, func(a, b Coverage) int { return cmp.Compare(a.Criteria, b.Criteria) })
}

// arrange copies list, sorts it by order and then by JSON, and drops what is
// the same in JSON. The copy is never nil.
func arrange[T any](list []T, order func(a, b T) int) []T {
	out := slices.AppendSeq(make([]T, 0, len(list)), slices.Values(list))
	whole := func(a, b T) int {
		if c := order(a, b); c != 0 {
			return c
		}
		return bytes.Compare(encoded(a), encoded(b))
	}
	slices.SortFunc(out, whole)
	return slices.CompactFunc(out, func(a, b T) bool { return whole(a, b) == 0 })
}

// encoded is the JSON of v for comparisons, nil for what has none: Validate
// refuses that one by one.
func encoded(v any) []byte {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return nil
	}
	return b
}

func canonicalValue(v Value) Value {
	if len(v) == 0 {
		return nil
	}
	c := v.Clone()
	if err := c.Canonicalize(); err != nil {
		return v // Validate says what is wrong with it
	}
	return c
}

func optional[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}
