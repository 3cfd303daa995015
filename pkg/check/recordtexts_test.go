package check_test

import (
	"os"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// TestLicenseTexts: texts are compared that lie at one path, or else are about
// one thing; without both texts there is a reason in place of words.
func TestLicenseTexts(t *testing.T) {
	data, err := os.ReadFile("../provenance/testdata/manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	type text struct{ path, asset, words string }
	side := func(bundled bool, texts ...text) (*provenance.Manifest, check.RecordSide) {
		m, err := provenance.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		out := check.RecordSide{Name: "x", Documents: map[artifact.Digest][]byte{}}
		for _, x := range texts {
			sum := artifact.SumSHA256([]byte(x.words))
			l := provenance.Licensing{Asset: x.asset, Basis: provenance.BasisText}
			l.Text = &provenance.LicenseText{Path: x.path, Digest: sum, Normalized: sum, Match: provenance.TextMatch{Method: "unidentified/1"}}
			m.Licensing = append(m.Licensing, l)
			f := m.Files[0]
			f.Path, f.Digest, f.Role = x.path, sum, artifact.RoleLicense
			m.Files = append(m.Files, f)
			if bundled {
				out.Documents[sum] = []byte(x.words)
			}
		}
		return m, out
	}
	before := []text{{"LICENSE-CODE", "code", "free"}, {"LICENSE-MODEL", "weights", "free for any use"}, {"NOTICE", "text", "by us"}}
	for name, c := range map[string]struct {
		after   []text
		bundled bool
		want    string // "path<pathBefore op:words …" of each
	}{
		"the same":      {before, true, ""},
		"changed":       {[]text{before[0], {"LICENSE-MODEL", "weights", "free for no use"}, before[2]}, true, "LICENSE-MODEL< same:free for gone:any added:no same:use"},
		"another name":  {[]text{before[0], {"LICENSE", "weights", "free for use"}, before[2]}, true, "LICENSE<LICENSE-MODEL same:free for gone:any same:use"},
		"gone":          {before[:2], true, ""},
		"no texts":      {[]text{before[0], {"LICENSE-MODEL", "weights", "other"}, before[2]}, false, "LICENSE-MODEL< a record holds no texts"},
		"white space":   {[]text{before[0], {"LICENSE-MODEL", "weights", "free  for any\nuse"}, before[2]}, true, "LICENSE-MODEL< the words are the same"},
		"another text":  {[]text{before[0], {"LICENSE-MODEL", "weights", strings.Repeat("other words ", 2000)}, before[2]}, true, "LICENSE-MODEL< the texts are too long"},
		"another thing": {[]text{before[0], {"LICENSE-DATA", "data", "free for no use"}}, true, ""},
	} {
		a, left := side(true, before...)
		b, right := side(c.bundled, c.after...)
		d, err := check.CompareRecords(a, b, left, right, "v1")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, x := range d.LicenseTexts {
			words := []string{x.Path + "<" + x.PathBefore}
			for _, e := range x.Edits {
				words = append(words, e.Op+":"+e.Words)
			}
			if x.Why != "" {
				words = append(words, x.Why)
			}
			got = append(got, strings.Join(words, " "))
		}
		if all := strings.Join(got, "; "); !strings.HasPrefix(all, c.want) || (c.want == "") != (all == "") {
			t.Errorf("%s: %q, want %q", name, all, c.want)
		}
	}
}
