package attest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/internal/attest/oms"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A Pending is an OpenSSF model signature whose signature, signer and statement
// hold. Whether it is about the artifact is known when the artifact's files
// were compared with it.
type Pending struct {
	Index     int // of its candidate
	Statement *oms.Statement

	candidate provenance.Candidate
}

// Needs returns what the bytes of the file at path must be written to before
// Complete; nil where its SHA-256 is enough (oms.Statement.Needs).
func (p *Pending) Needs(path string, size int64) *oms.Hasher {
	return p.Statement.Needs(path, size)
}

// Complete compares the files of the model with the signature, and returns what
// becomes of its candidate: proven where every listed file is there with the
// bytes that were signed, and nothing else is, but for files whose reason the
// caller allows and answers for; pending still where bytes of a listed file
// have not been hashed in the way that it takes; else refused. The result says
// which files are not covered.
func (p *Pending) Complete(m oms.Model, allow ...oms.Reason) (provenance.Candidate, oms.Result) {
	c := p.candidate
	c.Checked = slices.Clone(c.Checked)
	r := p.Statement.Compare(m)
	switch {
	case r.OK(allow...):
		c.Verdict, c.Code, c.Detail = provenance.Proven, provenance.CodeSignatureVerified, uncovered(r)
		// The same place as of other schemes: behind the signature.
		c.Checked = slices.Insert(c.Checked, min(1, len(c.Checked)), checkedSubject)
	case len(objections(r, slices.Concat(allow, []oms.Reason{oms.Uncompared}))) > 0 || r.Complete():
		c.Identity, c.SignedAt, c.LogIndex, c.Evidence = provenance.Identity{}, nil, nil, provenance.Evidence{}
		deny(&c, refuse(provenance.CodeSignatureWrongSubject, "it is not about these files: %s", told(r, allow)))
	}
	return c, r
}

// objections returns the differences that nobody allows.
func objections(r oms.Result, allow []oms.Reason) []oms.Difference {
	return slices.DeleteFunc(slices.Clone(r.Differences), func(d oms.Difference) bool {
		return slices.Contains(allow, d.Reason)
	})
}

// told names the first files that stand against a signature.
func told(r oms.Result, allow []oms.Reason) string {
	const named = 3
	against := objections(r, allow)
	var words []string
	for _, d := range against[:min(named, len(against))] {
		words = append(words, fmt.Sprintf("%q is %v", d.Path, d.Reason))
	}
	if n := len(against) - named; n > 0 {
		words = append(words, fmt.Sprintf("and %d more", n))
	}
	if len(words) == 0 {
		words = append(words, fmt.Sprintf("%d of %d listed files are there", r.Matched, r.Listed))
	}
	return strings.Join(words, ", ")
}

// uncovered says how many files a signature that holds says nothing of.
func uncovered(r oms.Result) string {
	if n := len(r.Differences); n > 0 {
		return fmt.Sprintf("it says nothing of %d files of the model", n)
	}
	return ""
}
