package disclose

import (
	"cmp"
	"slices"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A Document is a file of the artifact whose bytes were hashed, with its text.
// The caller bounds its size; 1 MiB is what the rules were measured with.
type Document struct {
	Path   string
	Digest artifact.Digest
	Role   artifact.Role
	Text   []byte
}

// A Config is the config blob of one manifest.
type Config struct {
	MediaType string
	Digest    artifact.Digest
	Body      []byte
}

// Annotations are those of one manifest; Digest is the manifest's.
type Annotations struct {
	Digest artifact.Digest
	Values map[string]string
}

// An Input is everything that an artifact says about itself.
type Input struct {
	Documents   []Document
	Unread      []provenance.Document // wanted, and too large to be kept: never among what was searched
	Configs     []Config
	Annotations []Annotations
	// Attestations are statements by signers whom the policy names. What
	// anybody else says of the artifact is never handed in.
	Attestations []Attestation
	Root         string // of the model within the artifact, as artifact.ModelRoot gives it
}

// A Result is what was found, in an order that depends on the input's content
// only. Searched lists what was really read and understood.
type Result struct {
	Observations []provenance.ClaimObservation
	Searched     []provenance.Document
	Findings     []provenance.Finding

	of *collector
}

// A Conclusion is what follows when statements are put side by side: the
// record's blocks, observations by named rules, and findings.
type Conclusion struct {
	Observations []provenance.ClaimObservation
	Findings     []provenance.Finding
	Licensing    []provenance.Licensing
	Lineage      []provenance.Lineage
}

// Conclude puts the documents that r is of beside everything that was observed
// about the artifact, r's own observations among it.
func (r Result) Conclude(all []provenance.ClaimObservation) Conclusion {
	if r.of == nil {
		return Conclusion{}
	}
	c := *r.of
	c.gathered, c.spoken, c.lineages, c.licensings = Result{}, nil, nil, nil
	c.lineage(all)
	c.licensing(all)
	c.flow(all)
	c.infer(all)
	done := c.result()
	return Conclusion{Observations: done.Observations, Findings: done.Findings, Licensing: c.licensings, Lineage: c.lineages}
}

// The paths under which Searched names what is no file.
const (
	PathConfig      = "oci:config"      // a manifest's config blob
	PathAnnotations = "oci:annotations" // a manifest's annotations, by the manifest's digest
)

// Wanted says whether Extract may read the file at path, so that its text
// should be kept while its bytes stream by. It goes by the name only.
func Wanted(path string) bool {
	return isCardName(path) || isLicenseName(path) || isModelConfigName(path) || isNoticeName(path)
}

// Extract reads everything that in holds. It never fails: what cannot be
// understood becomes a finding and is not believed.
func Extract(in Input) Result {
	docs := slices.Clone(in.Documents)
	slices.SortFunc(docs, func(a, b Document) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), a.Digest.Compare(b.Digest))
	})
	docs = slices.CompactFunc(docs, func(a, b Document) bool { return a.Path == b.Path && a.Digest == b.Digest })
	c := &collector{root: in.Root, docs: docs, byPath: map[string]licenseText{}, speaks: map[string]string{}}
	c.licenseTexts()
	c.modelConfigs()
	for _, config := range in.Configs {
		c.ociConfig(config)
	}
	for _, a := range in.Annotations {
		c.annotations(a)
	}
	c.names = textsOf(c.gathered.Observations, "identity.name")
	c.cards()
	c.gathered.Observations = dropHollowTexts(c.gathered.Observations)
	c.attestations(in.Attestations)
	r := c.result()
	r.of = c
	return r
}

// A collector gathers what the extractors find.
type collector struct {
	root     string
	docs     []Document
	licenses []licenseText
	byPath   map[string]licenseText // the same
	listed   []licenseText          // those of them that the record lists
	speaks   map[string]string      // the claim that a licence file answers, by path
	names    []string               // of the model, that other documents than cards state
	stated   []statedBase

	lineages   []provenance.Lineage
	licensings []provenance.Licensing
	gathered   Result
	spoken     map[spoken]int
}

// spoken counts how often one document said the same, or anything, on a claim.
type spoken struct {
	claim  string
	path   string
	digest artifact.Digest
	value  string // "" for any
}

// The limits on what one document can say, against documents made to drown the
// reader: the same thing on the same claim, and different things. Thirty-two
// different answers are a conflict already.
const (
	maxSame      = 4
	maxDifferent = 32
)

func (c *collector) say(claim string, o provenance.Observation) {
	if len(o.Value) == 0 {
		return
	}
	if c.spoken == nil {
		c.spoken = map[spoken]int{}
	}
	key := spoken{claim: claim, path: o.Source.Path, digest: o.Source.Digest, value: string(o.Value)}
	any := key
	any.value = ""
	if c.spoken[key] >= maxSame || c.spoken[key] == 0 && c.spoken[any] >= maxDifferent {
		return
	}
	if c.spoken[key] == 0 {
		c.spoken[any]++
	}
	c.spoken[key]++
	c.gathered.Observations = append(c.gathered.Observations, provenance.ClaimObservation{Claim: claim, Observation: o})
}

func (c *collector) searched(path string, digest artifact.Digest) {
	c.gathered.Searched = append(c.gathered.Searched, provenance.Document{Path: path, Digest: digest})
}

func (c *collector) find(f provenance.Finding) { c.gathered.Findings = append(c.gathered.Findings, f) }

// result sorts what was gathered.
func (c *collector) result() Result {
	r := c.gathered
	slices.SortStableFunc(r.Observations, compareObservations)
	r.Observations = slices.CompactFunc(r.Observations, func(a, b provenance.ClaimObservation) bool {
		return compareObservations(a, b) == 0 && a.Grade == b.Grade
	})
	slices.SortFunc(r.Searched, compareDocuments)
	r.Searched = slices.Compact(r.Searched)
	slices.SortStableFunc(r.Findings, func(a, b provenance.Finding) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Subject, b.Subject), a.Digest.Compare(b.Digest), cmp.Compare(a.Detail, b.Detail))
	})
	return r
}

func compareDocuments(a, b provenance.Document) int {
	return cmp.Or(cmp.Compare(a.Path, b.Path), a.Digest.Compare(b.Digest))
}

func compareObservations(a, b provenance.ClaimObservation) int {
	return cmp.Or(
		cmp.Compare(a.Claim, b.Claim),
		cmp.Compare(a.Source.Path, b.Source.Path),
		a.Source.Digest.Compare(b.Source.Digest),
		slices.Compare(a.Source.Lines, b.Source.Lines),
		cmp.Compare(a.Source.Pointer, b.Source.Pointer),
		cmp.Compare(a.Method, b.Method),
		cmp.Compare(string(a.Value), string(b.Value)),
		cmp.Compare(a.Speaker.Name, b.Speaker.Name),
	)
}
