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
	"time"

	"github.com/modelcheck/modelcheck/pkg/check"
)

// A junitRule is what the schemas that readers of JUnit's XML publish (that of
// Jenkins' xUnit plugin, junit-10.xsd, and Surefire's, surefire-test-report.xsd)
// both allow of an element.
type junitRule struct {
	required, optional []string // attributes
	children           []string
	text               bool
}

func junitRules() map[string]junitRule {
	fault := junitRule{optional: []string{"message", "type"}, text: true}
	return map[string]junitRule{
		"testsuites": {optional: []string{"name", "time", "tests", "failures", "errors"}, children: []string{"testsuite"}},
		"testsuite":  {required: []string{"name", "tests", "failures", "errors", "skipped", "time"}, optional: []string{"timestamp"}, children: []string{"properties", "testcase", "system-out", "system-err"}},
		"properties": {children: []string{"property"}},
		"property":   {required: []string{"name", "value"}},
		"testcase":   {required: []string{"name", "classname", "time"}, children: []string{"skipped", "error", "failure", "system-out", "system-err"}},
		"failure":    fault, "error": fault, "skipped": fault,
		"system-out": {text: true}, "system-err": {text: true},
	}
}

// TestJUnitStructure holds what is written to these rules, to the types of the
// attributes, and to its own counts.
func TestJUnitStructure(t *testing.T) {
	reports := []*check.Report{poisoned(t), conflicting(t)}
	for _, rec := range recordedReports() {
		reports = append(reports, report(t, rec.name))
	}
	doc := rendered(t, "junit.xml", reports...)
	if err := junitStructure(doc); err != nil {
		t.Error(err)
	}
	for name, edit := range map[string][2]string{
		"an element": {"<properties>", "<properties><evil/>"}, "an attribute": {"<testcase ", `<testcase evil="1" `}, "a count": {` failures="`, ` failures="9`},
		"no name": {`<testsuite name="`, `<testsuite nom="`}, "text": {"<properties>", "<properties>evil"}, "a time": {`timestamp="`, `timestamp="x`}, "two roots": {"</testsuites>", "</testsuites><testsuites/>"},
	} {
		if broken := strings.Replace(doc, edit[0], edit[1], 1); broken == doc || junitStructure(broken) == nil {
			t.Errorf("%s is not noticed", name)
		}
	}
}

func junitStructure(doc string) error {
	dec := xml.NewDecoder(strings.NewReader(doc))
	rules, counts := junitRules(), []map[string]int{}
	var open []string
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
			if err := junitElement(rules, open, e); err != nil {
				return err
			}
			if len(open) == 0 && len(counts) > 0 {
				return errors.New("two roots")
			}
			if name == "testsuite" || len(open) == 0 {
				counts = append(counts, declared(e))
			}
			if i := len(counts) - 1; i > 0 {
				counts[i][name]--
				counts[0][name]--
			}
			open = append(open, name)
		case xml.EndElement:
			open = open[:len(open)-1]
			if c := counts[len(counts)-1]; e.Name.Local == "testsuite" && (c["testcase"] != 0 || c["failure"] != 0 || c["error"] != 0 || c["skipped"] != 0) {
				return fmt.Errorf("a suite counts wrong by %v", c)
			}
			if c := counts[0]; e.Name.Local == "testsuites" && (c["testcase"] != 0 || c["failure"] != 0 || c["error"] != 0) {
				return fmt.Errorf("the whole counts wrong by %v", c)
			}
		case xml.CharData:
			if strings.TrimSpace(string(e)) != "" && (len(open) == 0 || !rules[open[len(open)-1]].text) {
				return fmt.Errorf("text %q in %v", e, open)
			}
		}
	}
}

func junitElement(rules map[string]junitRule, open []string, e xml.StartElement) error {
	rule, known := rules[e.Name.Local]
	switch {
	case !known || len(open) == 0 && e.Name.Local != "testsuites":
		return fmt.Errorf("element %q", e.Name.Local)
	case len(open) > 0 && !slices.Contains(rules[open[len(open)-1]].children, e.Name.Local):
		return fmt.Errorf("%q in %q", e.Name.Local, open[len(open)-1])
	}
	seen := map[string]bool{}
	for _, a := range e.Attr {
		var err error
		switch a.Name.Local {
		case "tests", "failures", "errors":
			_, err = strconv.ParseUint(a.Value, 10, 31)
		case "skipped":
			_, err = strconv.ParseUint(a.Value, 10, 31)
		case "time":
			_, err = strconv.ParseFloat(a.Value, 64)
		case "timestamp":
			_, err = time.Parse("2006-01-02T15:04:05", a.Value)
		}
		if err != nil || seen[a.Name.Local] || !slices.Contains(slices.Concat(rule.required, rule.optional), a.Name.Local) {
			return fmt.Errorf("%s %s=%q: %v", e.Name.Local, a.Name.Local, a.Value, err)
		}
		seen[a.Name.Local] = true
	}
	for _, name := range rule.required {
		if !seen[name] {
			return fmt.Errorf("%s without %s", e.Name.Local, name)
		}
	}
	return nil
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
