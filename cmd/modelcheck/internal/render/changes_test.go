package render

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

const hostileName = "<script>\x1b[31m\u202e|`\n# x"

// everyField makes one difference for each field that a Difference has.
func everyField(t *testing.T) map[string]provenance.Difference {
	t.Helper()
	out := map[string]provenance.Difference{}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[provenance.Difference]()) {
		var d provenance.Difference
		v := reflect.ValueOf(&d).Elem().FieldByIndex(f.Index)
		switch f.Name {
		case "Before", "After":
			v.Set(reflect.ValueOf(artifact.SumSHA256([]byte("x"))))
		case "Loading":
			d.Loading.ScopeAfter = hostileName
		case "ArtifactBefore", "ArtifactAfter":
			d.ArtifactBefore, d.ArtifactAfter = &provenance.Artifact{}, &provenance.Artifact{Kind: hostileName}
		case "Files", "Described":
			v.Set(reflect.ValueOf([]provenance.FileChange{{Path: hostileName, Before: []provenance.File{{}}, After: []provenance.File{{}}}}))
		default:
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			if e := v.Index(0); e.Kind() == reflect.Struct {
				for _, name := range []string{"Signer", "Name", "ID", "License", "Folder", "Criteria"} {
					if s := e.FieldByName(name); s.IsValid() && s.Kind() == reflect.String {
						s.SetString(hostileName)
					}
				}
			} else {
				e.SetString(hostileName)
			}
		}
		out[f.Name] = d
	}
	return out
}

// TestEveryChangeIsShown: no page says that nothing changed where something
// did, whatever it is, and strangers' words stay words.
func TestEveryChangeIsShown(t *testing.T) {
	for name, d := range everyField(t) {
		r := &check.RecordDiff{Before: check.RecordSide{Name: hostileName}, After: check.RecordSide{Name: "b"}, Difference: d, LicenseTexts: []check.TextChange{
			{Path: hostileName, PathBefore: hostileName, Edits: []check.TextEdit{{Op: "same", Words: hostileName}, {Op: "gone", Words: hostileName}, {Op: "added", Words: hostileName}, {Op: hostileName, Words: hostileName}}},
			{Path: hostileName, Why: hostileName},
		}}
		var text, md, html bytes.Buffer
		if RecordDiffText(&text, r) != nil || RecordDiffMarkdown(&md, r) != nil || RecordDiffHTML(&html, r) != nil {
			t.Fatal(name)
		}
		for format, page := range map[string]string{"text": text.String(), "markdown": md.String(), "html": html.String()} {
			if strings.Contains(page, "Nothing changed") || strings.Contains(page, "  nothing\n") || !strings.Contains(page, "do not hold") {
				t.Errorf("%s, %s: nothing is told:\n%s", name, format, page)
			}
			if strings.ContainsAny(page, "\x1b\u202e") || format != "text" && strings.Contains(page, "<script") || strings.Contains(page, "\n# x") {
				t.Errorf("%s, %s: a stranger's words act", name, format)
			}
		}
	}
}

// TestSignersComeFirst, and grades are said to rise or fall.
func TestSignersComeFirst(t *testing.T) {
	declared, verified := provenance.Claim{State: provenance.StateDeclared}, provenance.Claim{State: provenance.StateVerified}
	d := provenance.Difference{
		SignersGone: []provenance.Signature{{Signer: "ci"}},
		Claims: []provenance.ClaimChange{
			{ID: "up", Before: &declared, After: &verified}, {ID: "down", Before: &verified, After: &declared},
			{ID: "gone", Before: &declared, After: &provenance.Claim{State: provenance.StateAbsent}}, {ID: "none", After: &declared},
		},
	}
	s := changes(d)
	if len(s) != 2 || !s[0].Loud || s[1].Loud || !strings.HasPrefix(s[0].Lines[0], "NOT SIGNED ANY MORE") {
		t.Fatalf("%+v", s)
	}
	for i, want := range []bool{true, false, false, false} {
		if strings.Contains(s[1].Lines[i], "(grade up)") != want {
			t.Errorf("%q", s[1].Lines[i])
		}
	}
	for i, want := range []bool{false, true, false, false} {
		if strings.Contains(s[1].Lines[i], "(GRADE DOWN)") != want {
			t.Errorf("%q", s[1].Lines[i])
		}
	}
}
