package render

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/check"
)

// TestJUnitStructure holds what is written to testdata/schemas/junit.xsd and to its own
// counts.
func TestJUnitStructure(t *testing.T) {
	reports := []*check.Report{poisoned(t), conflicting(t)}
	for _, rec := range recordedReports() {
		reports = append(reports, report(t, rec.name))
	}
	doc, schema := rendered(t, "junit.xml", reports...), readXSD(t)
	if err := junitStructure(schema, doc); err != nil {
		t.Error(err)
	}
	for name, edit := range map[string][2]string{
		"an element": {"<properties>", "<properties><evil/>"}, "an attribute": {"<testcase ", `<testcase evil="1" `}, "a count": {` failures="`, ` failures="9`},
		"no name": {`<testsuite name="`, `<testsuite nom="`}, "text": {"<properties>", "<properties>evil"}, "a time": {`timestamp="`, `timestamp="x`}, "two roots": {"</testsuites>", "</testsuites><testsuites/>"},
	} {
		if broken := strings.Replace(doc, edit[0], edit[1], 1); broken == doc || junitStructure(schema, broken) == nil {
			t.Errorf("%s is not noticed", name)
		}
	}
}

func junitStructure(schema xsdSchema, doc string) error {
	if err := schema.validate(doc); err != nil {
		return err
	}
	dec := xml.NewDecoder(strings.NewReader(doc))
	var counts []map[string]int // of the whole, and of each suite
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch e := token.(type) {
		case xml.StartElement:
			name := e.Name.Local
			if name == "testsuite" || name == "testsuites" {
				counts = append(counts, declared(e))
			}
			if i := len(counts) - 1; i > 0 {
				counts[i][name]--
				counts[0][name]--
			}
		case xml.EndElement:
			if c := counts[len(counts)-1]; e.Name.Local == "testsuite" && (c["testcase"] != 0 || c["failure"] != 0 || c["error"] != 0 || c["skipped"] != 0) {
				return fmt.Errorf("a suite counts wrong by %v", c)
			}
			if c := counts[0]; e.Name.Local == "testsuites" && (c["testcase"] != 0 || c["failure"] != 0 || c["error"] != 0) {
				return fmt.Errorf("the whole counts wrong by %v", c)
			}
		}
	}
}

// declared are the counts that a suite states, by element.
func declared(e xml.StartElement) map[string]int {
	out := map[string]int{}
	for _, a := range e.Attr {
		if name, ok := map[string]string{"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}[a.Name.Local]; ok {
			out[name], _ = strconv.Atoi(a.Value)
		}
	}
	return out
}

// TestGitLabStructure: what GitLab's documentation requires of a Code Quality
// report, and no allowed model's denial or denied model's silence.
func TestGitLabStructure(t *testing.T) {
	for name, grave := range map[string]bool{"allow": false, "deny": true, "hold": true, "failure": true} {
		var list []violation
		if err := json.Unmarshal([]byte(rendered(t, "gitlab", report(t, name))), &list); err != nil {
			t.Fatal(err)
		}
		found := false
		seen := map[string]bool{}
		for _, v := range list {
			if v.Description == "" || v.CheckName == "" || v.Location.Path == "" || v.Location.Lines.Begin < 1 || len(v.Fingerprint) != 64 || seen[v.Fingerprint] ||
				!slices.Contains([]string{"info", "minor", "major", "critical", "blocker"}, v.Severity) {
				t.Errorf("%s: %+v", name, v)
			}
			seen[v.Fingerprint] = true
			found = found || v.Severity == "major" || v.Severity == "blocker"
		}
		if found != grave {
			t.Errorf("%s: %+v", name, list)
		}
	}
}
