package check_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// fitting are the classes that a malicious sample of a kind may have. None of
// them is inert, and unknown holds.
var fitting = map[string][]provenance.LoadClass{
	"pickle":        {provenance.LoadCodeOnLoad, provenance.LoadUnknown},
	"pytorch-zip":   {provenance.LoadCodeOnLoad, provenance.LoadUnknown},
	"numpy":         {provenance.LoadCodeOnLoad, provenance.LoadUnknown},
	"zip":           {provenance.LoadCodeOnLoad, provenance.LoadUnknown},
	"tf-savedmodel": {provenance.LoadCodeOnLoad},
	"chat-template": {provenance.LoadTemplate},
	"7z":            {provenance.LoadUnknown},
	"hdf5":          {provenance.LoadUnknown},
}

// atMost is the worst class of a benign sample of a kind: what the kind is
// whatever it holds.
var atMost = map[string]provenance.LoadClass{
	"pickle": provenance.LoadInert, "pytorch-zip": provenance.LoadInert, "numpy": provenance.LoadInert, "zip": provenance.LoadInert,
	"tf-savedmodel": provenance.LoadInert, "json-config": provenance.LoadInert, "safetensors": provenance.LoadDiscloses,
	"chat-template": provenance.LoadTemplate, "hdf5": provenance.LoadUnknown, "skops": provenance.LoadUnknown,
}

// TestCorpus examines every sample as a model of one file, through the whole
// story, and holds its class in the record to its label.
func TestCorpus(t *testing.T) {
	table, list := map[string]int{}, []string{}
	for _, sample := range fixtures.Corpus(t) {
		name, kind, label := sample.Name, sample.Kind, sample.Label
		report := examineSample(t, sample.Path)
		if report.Manifest == nil || report.Manifest.Loading == nil || len(report.Manifest.Files) != 1 {
			t.Errorf("%s: no record: %+v", name, report.Error)
			continue
		}
		class := report.Manifest.Loading.Class
		table[fmt.Sprintf("%-10s %-14s %-13s %v", label, kind, class, report.Verdict.Outcome)]++
		list = append(list, fmt.Sprintf("%-10s %-14s %-13s %-8v %s", label, kind, class, report.Verdict.Outcome, name))
		switch label {
		case "malicious":
			if !slices.Contains(fitting[kind], class) {
				t.Errorf("%s is malicious %s: %v", name, kind, class)
			}
			if report.Verdict.Allowed() && kind != "tf-savedmodel" { // whose code a process must have registered
				t.Errorf("%s is malicious, and allowed", name)
			}
			if len(report.Manifest.Findings) == 0 {
				t.Errorf("%s: nothing is said about it", name)
			}
		case "malformed":
			if class != provenance.LoadUnknown || report.Verdict.Allowed() {
				t.Errorf("%s is malformed: %v, %v", name, class, report.Verdict.Outcome)
			}
		case "benign":
			if worst, ok := atMost[kind]; !ok || class.Compare(worst) > 0 {
				t.Errorf("%s is benign %s: %v %+v", name, kind, class, report.Manifest.Findings)
			}
		}
		if class == provenance.LoadUnknown && report.Verdict.Allowed() {
			t.Errorf("%s: nobody knows what it does, and it is allowed", name)
		}
	}
	for _, line := range slices.Sorted(maps.Keys(table)) {
		t.Logf("%s %d", line, table[line])
	}
	t.Log("\n" + strings.Join(list, "\n"))
}

func examineSample(t *testing.T, path string) *check.Report {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, strings.ToLower(filepath.Base(path))), data, 0o644); err != nil {
		t.Fatal(err)
	}
	ref, err := artifact.ParseReference("dir:" + dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := check.New(check.Config{Policy: resolved(t, policy.Settings{AllowUnsigned: true}), Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	report, _ := c.Examine(t.Context(), ref)
	return report
}
