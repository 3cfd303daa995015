package render

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

const root = "../../../../"

// A recordedReport is a report of the demo model that the goldens are made of.
// It is kept as JSON, so that a golden changes when a renderer does and not
// when the catalogue of claims gets a new question.
type recordedReport struct {
	name, reference string
	settings        policy.Settings
}

func recordedReports() []recordedReport {
	demo := "oci-layout:testdata/demo/layout"
	key := func(name string) policy.Settings {
		return policy.Settings{KeyFiles: []string{root + "testdata/keys/" + name}}
	}
	return []recordedReport{
		{"allow", demo + ":v1", key("demo.pub")},
		{"deny", demo + ":v1", key("other.pub")},
		{"hold", demo + ":v1", policy.Settings{}},
		{"failure", demo + ":v9", key("demo.pub")},
	}
}

// report loads a recorded report, or makes it anew under -update.
func report(t *testing.T, name string) *check.Report {
	t.Helper()
	for _, rec := range recordedReports() {
		if rec.name != name {
			continue
		}
		if *update {
			var b bytes.Buffer
			if err := JSON(&b, rec.examine(t)); err != nil {
				t.Fatal(err)
			}
			golden(t, "report-"+name+".json", b.Bytes())
		}
		data, err := os.ReadFile(goldenDir + "report-" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var r check.Report
		if err := json.Unmarshal(data, &r); err != nil {
			t.Fatal(err)
		}
		return &r
	}
	t.Fatalf("no recorded report %q", name)
	return nil
}

func (rec recordedReport) examine(t *testing.T) *check.Report {
	t.Helper()
	p, err := policy.Build(rec.settings)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Resolve(os.ReadFile); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	checker, err := check.New(check.Config{Policy: p, Version: "v1.2.3", Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	ref, err := artifact.ParseReference(strings.Replace(rec.reference, ":testdata", ":"+root+"testdata", 1))
	if err != nil {
		t.Fatal(err)
	}
	r, _ := checker.Examine(t.Context(), ref)
	r.Reference = rec.reference
	if r.Error != nil {
		r.Error.Message = strings.ReplaceAll(r.Error.Message, root, "")
	}
	return r
}

// formats are the renderers by the ending of their goldens.
var formats = map[string]func(*bytes.Buffer, []*check.Report) error{
	"md":        func(b *bytes.Buffer, r []*check.Report) error { return Markdown(b, r) },
	"sarif":     func(b *bytes.Buffer, r []*check.Report) error { return SARIF(b, r) },
	"junit.xml": func(b *bytes.Buffer, r []*check.Report) error { return JUnit(b, r) },
	"gitlab":    func(b *bytes.Buffer, r []*check.Report) error { return GitLab(b, r) },
	"github":    func(b *bytes.Buffer, r []*check.Report) error { return GitHub(b, r) },
	"html":      func(b *bytes.Buffer, r []*check.Report) error { return HTML(b, r) },
	"txt": func(b *bytes.Buffer, r []*check.Report) error {
		for _, one := range r {
			if err := Text(b, one, Style{}); err != nil {
				return err
			}
		}
		return Summary(b, r, Style{})
	},
}

func rendered(t *testing.T, format string, reports ...*check.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := formats[format](&b, reports); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	var all []*check.Report
	for _, rec := range recordedReports() {
		r := report(t, rec.name)
		all = append(all, r)
		for format := range formats {
			golden(t, rec.name+"."+format, []byte(rendered(t, format, r)))
		}
	}
	for format := range formats {
		golden(t, "conflict."+format, []byte(rendered(t, format, conflicting(t))))
		golden(t, "several."+format, []byte(rendered(t, format, all...)))
	}
}
