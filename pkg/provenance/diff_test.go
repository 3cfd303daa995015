package provenance_test

import (
	"testing"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

func TestDiffOfTheSameIsNothing(t *testing.T) {
	m := sample(t)
	newer := shuffle(m)
	newer.Generator.Version = "v9"
	if d := provenance.Diff(m, newer); !d.IsZero() {
		t.Errorf("got %+v", d)
	}
	if (provenance.Difference{Before: digest("x")}).IsZero() {
		t.Error("another subject is no difference")
	}
}

// An attestation is part of the substance: in any order, and never silently.
func TestAttestations(t *testing.T) {
	without, with := sample(t), sample(t)
	with.Attestations = attestations()
	one, err := provenance.Encode(with)
	if err != nil {
		t.Fatal(err)
	}
	two, err := provenance.Encode(shuffle(with))
	if err != nil || string(one) != string(two) {
		t.Errorf("the order decides (%v):\n%s\n%s", err, one, two)
	}
	if m, err := provenance.Decode(one); err != nil || len(m.Attestations) != 2 || m.Attestations[0].PredicateType != "https://cyclonedx.org/bom" {
		t.Errorf("read again: %+v, %v", m, err)
	}
	if d := provenance.Diff(without, with); d.IsZero() || len(d.AttestersAdded) != 2 || len(d.AttestersGone) != 0 || len(d.SignersAdded) != 0 {
		t.Errorf("added: %+v", d)
	}
	if d := provenance.Diff(with, without); d.IsZero() || len(d.AttestersGone) != 2 {
		t.Errorf("gone: %+v", d)
	}
	a, _ := provenance.SubstanceDigest(without)
	b, _ := provenance.SubstanceDigest(with)
	if a == b {
		t.Error("one substance digest with and without attestations")
	}
}

func TestDiff(t *testing.T) {
	a, b := sample(t), sample(t)
	b.Subject = digest("another")
	b.Files[0].Digest = digest("other weights")     // changed
	b.Files[1].Path = "docs/README.md"              // gone and added
	b.Files[2].Layer = digest("packed another way") // the same file
	size := claimByID(b, "td.size.text")
	size.Value = value(`{"count":15000000000000,"text":"15T"}`)
	claimByID(b, "runtime.remoteCode").Observations[0].Source.Lines = []int{9, 9}
	claimByID(b, "origin.country").ID = "origin.organization"
	b.Signatures[0].Identity.KeyFingerprint = digest("another key").String()
	b.Findings = b.Findings[:1]

	d := provenance.Diff(a, b)
	if d.Before != a.Subject || d.After != b.Subject {
		t.Errorf("subjects %v, %v", d.Before, d.After)
	}
	var paths, ids []string
	for _, f := range d.Files {
		paths = append(paths, f.Path)
	}
	for _, c := range d.Claims {
		ids = append(ids, c.ID)
	}
	equal(t, paths, "README.md", "docs/README.md", "model.safetensors")
	equal(t, ids, "origin.country", "origin.organization", "td.size.text")
	equal(t, d.EvidenceReplaced, "runtime.remoteCode")
	if d.Claims[0].After != nil || d.Claims[1].Before != nil || d.Claims[2].Before == nil || d.Claims[2].After == nil {
		t.Errorf("claims %+v", d.Claims)
	}
	if len(d.SignersGone) != 1 || len(d.SignersAdded) != 1 || len(d.FindingsGone) != 1 || len(d.FindingsAdded) != 0 {
		t.Errorf("signers -%d +%d, findings -%d +%d", len(d.SignersGone), len(d.SignersAdded), len(d.FindingsGone), len(d.FindingsAdded))
	}
}

func equal(t *testing.T, got []string, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("got %q, want %q", got, want)
		return
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestCoverageCountsAndDoesNotScore(t *testing.T) {
	m := sample(t)
	got := m.Coverage
	if len(got) != 3 || got[0].Criteria != "eu-53-1-d" || got[1].Criteria != "eu-mdf" || got[2].Criteria != "mof-1.0" {
		t.Fatalf("got %+v", got)
	}
	if c := got[1]; c.Verifiable != 1 || c.Counts["verified"] != 1 || c.Counts["conflicting"] != 1 || len(c.Counts) != 8 {
		t.Errorf("got %+v", c)
	}
	twice := []provenance.ClaimType{{ID: "origin.country", Criteria: []string{"x", "x"}}, {ID: "not settled", Criteria: []string{"x"}}}
	if got := provenance.Cover(twice, m.Claims); len(got) != 1 || len(got[0].Claims) != 1 || got[0].Counts["absent"] != 1 {
		t.Errorf("got %+v", got)
	}
}

// Zero values allow nothing, values without a name read as the weakest, and
// words that nobody defined are refused.
func TestEnumsAreWords(t *testing.T) {
	type enum interface {
		MarshalText() ([]byte, error)
		String() string
	}
	for _, tc := range []struct {
		zero, none enum
		read       func([]byte) error
		want       string
	}{
		{provenance.NoGrade, provenance.Grade(99), new(provenance.Grade).UnmarshalText, "none"},
		{provenance.NotExamined, provenance.State(99), new(provenance.State).UnmarshalText, "notExamined"},
		{provenance.NoAbsence, provenance.Absence(99), new(provenance.Absence).UnmarshalText, ""},
		{provenance.UnknownRelation, provenance.Relation(99), new(provenance.Relation).UnmarshalText, "unknown"},
		{provenance.Unchecked, provenance.SignatureVerdict(99), new(provenance.SignatureVerdict).UnmarshalText, "unchecked"},
		{provenance.NoKind, provenance.ValueKind(99), new(provenance.ValueKind).UnmarshalText, "none"},
	} {
		if tc.zero.String() != tc.want || tc.none.String() != tc.want {
			t.Errorf("%T: %q, %q, want %q", tc.zero, tc.zero, tc.none, tc.want)
		}
		if err := tc.read([]byte("no such word")); err == nil {
			t.Errorf("%T takes any word", tc.zero)
		}
	}
	for k := provenance.Text; k <= provenance.Object; k++ {
		b, err := k.MarshalText()
		var again provenance.ValueKind
		if err != nil || again.UnmarshalText(b) != nil || again != k {
			t.Errorf("%v: %q, %v, %v", k, b, err, again)
		}
	}
	if _, err := provenance.NoKind.MarshalText(); err == nil {
		t.Error("no kind was written")
	}
}

// TestDifferenceSaid: one line holds the kinds of what changed and the first few
// names, quoted, and nothing where nothing changed.
func TestDifferenceSaid(t *testing.T) {
	for want, d := range map[string]provenance.Difference{
		"": {},
		`newly signed by "a\x1b"; other answers to "license.weights"`:                         {SignersAdded: []provenance.Signature{{Signer: "a\x1b"}}, Claims: []provenance.ClaimChange{{ID: "license.weights"}}},
		`other bytes in "a", "b", "c" and 2 more`:                                             {Files: []provenance.FileChange{{Path: "a"}, {Path: "b"}, {Path: "c"}, {Path: "d"}, {Path: "e"}}},
		"what loading does changed; coverage changed; the artifact changed":                   {Loading: provenance.LoadingChange{ScopeAfter: "x"}, CoverageGone: make([]provenance.Coverage, 1), After: digest("x")},
		`not signed any more by "b"; not attested any more by "c"; new findings "unreadable"`: {SignersGone: []provenance.Signature{{Signer: "b"}}, AttestersGone: []provenance.Attestation{{Signer: "c"}}, FindingsAdded: []provenance.Finding{{ID: "unreadable"}}},
	} {
		if got := d.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
