package inspect

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
)

// TestCorpus holds every sample to its label: what is malicious is never
// inert, and what is benign is not raised above what its kind is. It tells what
// the slowest took, which on a quiet machine is below 100 ms.
func TestCorpus(t *testing.T) {
	dir := fixtures.Dir(t, "corpus")
	f, err := os.Open(filepath.Join(dir, "expected.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	r := csv.NewReader(f)
	r.Comma, r.LazyQuotes, r.FieldsPerRecord = '\t', true, -1
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	table, slow, slowest := map[string]int{}, "", time.Duration(0)
	for _, row := range rows[1:] {
		b, err := os.ReadFile(filepath.Join(dir, row[0]))
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		facts := look(row[0], b, 4096)
		if (facts.Format == FormatJSON || facts.Format == FormatYAML) && Wanted(row[0]) {
			facts = Config(row[0], artifact.SumSHA256(b), b)
		}
		if d := time.Since(began); d > slowest {
			slowest, slow = d, row[0]
		}
		table[fmt.Sprintf("%-9s %-13s %s", row[6], row[5], facts.Class)]++
		if row[6] == "malicious" && row[5] == "chat-template" && !slices.Contains(rules(facts), "MC-TEMPLATE-ESCAPE") ||
			row[6] == "malicious" && row[5] == "tf-savedmodel" && facts.Class != ClassCodeOnLoad {
			t.Errorf("%s: %v %v", row[0], facts.Class, rules(facts))
		}
		for _, x := range facts.Findings {
			if _, ok := FindRule(x.Facts[factRule]); !ok {
				t.Errorf("%s: a finding without rule: %+v", row[0], x)
			}
		}
		switch {
		case row[6] == "malicious" && facts.Class.Compare(ClassTemplate) < 0,
			row[6] == "malformed" && facts.Class != ClassUnknown && facts.Class != ClassTemplate,
			row[6] == "benign" && row[5] != "chat-template" && facts.Class.Compare(ClassUnknown) > 0,
			row[6] == "benign" && row[5] == "chat-template" && facts.Class.Compare(ClassTemplate) > 0 && facts.Class != ClassUnknown:
			t.Errorf("%s is %s: %q %v %v", row[0], row[6], facts.Format, facts.Class, ids(facts))
		}
	}
	var lines []string
	for k, n := range table {
		lines = append(lines, fmt.Sprintf("%s %d", k, n))
	}
	slices.Sort(lines)
	t.Logf("\n%s\nthe slowest took %v: %s", strings.Join(lines, "\n"), slowest, slow)
}
