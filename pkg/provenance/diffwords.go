package provenance

import (
	"fmt"
	"strconv"
	"strings"
)

// shownNames bounds how many names of one kind a sentence holds.
const shownNames = 3

// String says in one line what kinds of things changed, signers first, with the
// names of the first few; what comes from outside is quoted. It is empty only
// where nothing changed.
func (d Difference) String() string {
	var parts []string
	say := func(what string, names []string) {
		if len(names) == 0 {
			return
		}
		more := ""
		if len(names) > shownNames {
			more = fmt.Sprintf(" and %d more", len(names)-shownNames)
			names = names[:shownNames]
		}
		parts = append(parts, what+" "+strings.Join(names, ", ")+more)
	}
	signer := func(s Signature) string { return s.Signer }
	attester := func(a Attestation) string { return a.Signer }
	file := func(f FileChange) string { return f.Path }
	finding := func(f Finding) string { return f.ID }
	say("not signed any more by", quotedNames(d.SignersGone, signer))
	say("newly signed by", quotedNames(d.SignersAdded, signer))
	say("not attested any more by", quotedNames(d.AttestersGone, attester))
	say("newly attested by", quotedNames(d.AttestersAdded, attester))
	say("other answers to", quotedNames(d.Claims, func(c ClaimChange) string { return c.ID }))
	say("other evidence for", quotedNames(d.EvidenceReplaced, func(id string) string { return id }))
	say("other bytes in", quotedNames(d.Files, file))
	say("described otherwise", quotedNames(d.Described, file))
	say("findings gone", quotedNames(d.FindingsGone, finding))
	say("new findings", quotedNames(d.FindingsAdded, finding))
	for _, c := range []struct {
		what    string
		changed bool
	}{
		{"licensing", len(d.LicensingGone)+len(d.LicensingAdded) > 0},
		{"lineage", len(d.LineageGone)+len(d.LineageAdded) > 0},
		{"what loading does", !d.Loading.IsZero()},
		{"weights", len(d.WeightsGone)+len(d.WeightsAdded) > 0},
		{"how the model travels", d.ArtifactBefore != nil || d.ArtifactAfter != nil},
		{"coverage", len(d.CoverageGone)+len(d.CoverageAdded) > 0},
		{"the artifact", !d.Before.IsZero() || !d.After.IsZero()},
	} {
		if c.changed {
			parts = append(parts, c.what+" changed")
		}
	}
	return strings.Join(parts, "; ")
}

func quotedNames[T any](list []T, name func(T) string) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = strconv.QuoteToGraphic(name(v))
	}
	return out
}
