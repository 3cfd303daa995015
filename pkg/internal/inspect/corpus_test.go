package inspect

import (
	"fmt"
	"os"
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
	table, slow, slowest := map[string]int{}, "", time.Duration(0)
	for _, sample := range fixtures.Corpus(t) {
		b, err := os.ReadFile(sample.Path)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		facts := look(sample.Name, b, 4096)
		if (facts.Format == FormatJSON || facts.Format == FormatYAML) && Wanted(sample.Name) {
			facts = Config(sample.Name, artifact.SumSHA256(b), b)
		}
		if d := time.Since(began); d > slowest {
			slowest, slow = d, sample.Name
		}
		table[fmt.Sprintf("%-9s %-13s %s", sample.Label, sample.Kind, facts.Class)]++
		if sample.Label == "malicious" && sample.Kind == "chat-template" && !slices.Contains(rules(facts), "MC-TEMPLATE-ESCAPE") ||
			sample.Label == "malicious" && sample.Kind == "tf-savedmodel" && facts.Class != ClassCodeOnLoad {
			t.Errorf("%s: %v %v", sample.Name, facts.Class, rules(facts))
		}
		for _, x := range facts.Findings {
			if _, ok := FindRule(x.Facts[factRule]); !ok {
				t.Errorf("%s: a finding without rule: %+v", sample.Name, x)
			}
		}
		switch {
		case sample.Label == "malicious" && facts.Class.Compare(ClassTemplate) < 0,
			sample.Label == "malformed" && facts.Class != ClassUnknown && facts.Class != ClassTemplate,
			sample.Label == "benign" && sample.Kind != "chat-template" && facts.Class.Compare(ClassUnknown) > 0,
			sample.Label == "benign" && sample.Kind == "chat-template" && facts.Class.Compare(ClassTemplate) > 0 && facts.Class != ClassUnknown:
			t.Errorf("%s is %s: %q %v %v", sample.Name, sample.Label, facts.Format, facts.Class, ids(facts))
		}
	}
	var lines []string
	for k, n := range table {
		lines = append(lines, fmt.Sprintf("%s %d", k, n))
	}
	slices.Sort(lines)
	t.Logf("\n%s\nthe slowest took %v: %s", strings.Join(lines, "\n"), slowest, slow)
}
