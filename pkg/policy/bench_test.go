package policy_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// forty is a policy of forty rules, of the kinds that people write: a quarter
// of them visit every file.
func forty() string {
	kinds := []string{
		`every(weights, f, f.format == "safetensors" && f.size >= 0)`,
		`license.within(["MIT", "Apache-2.0", "BSD-3-Clause"])`,
		`grade("td.summary.url") >= declared`,
		`!findings.exists(f, f.id in ["code-on-load", "native-code"])`,
		`claims.value("model.parameters.total").count <= 1000000000000`,
		`claims.state("license.weights") != "conflicting" && claims.state("lineage.base") != "conflicting"`,
		`every(claims.value("lineage.base"), b, b in ["acme/base", "acme/other"])`,
		`loading.class in ["inert", "discloses", "template"]`,
	}
	var out strings.Builder
	out.WriteString(head + "allowUnsigned: true\nrules:\n")
	for i := range 40 {
		fmt.Fprintf(&out, "  - name: rule-%d\n    require: %s\n", i, yamlText(kinds[i%len(kinds)]))
	}
	return out.String()
}

// deepSeekV3 is the record of DeepSeek-V3: its documents, and the headers of
// its 163 shards (pkg/check writes it: go test -run TestRecordOfDeepSeekV3 -records).
func deepSeekV3(t testing.TB) *provenance.Manifest {
	t.Helper()
	return recorded(t, "deepseek-v3-163-shards")
}

// recorded reads one of testdata/records.
func recorded(t testing.TB, name string) *provenance.Manifest {
	t.Helper()
	data, err := os.ReadFile("../../testdata/records/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	m, err := provenance.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func BenchmarkEvaluateForty(b *testing.B) {
	p, m := parse(b, forty()), deepSeekV3(b)
	if v := p.Evaluate(policy.Case{Manifest: m, At: noon}); len(m.Files) < 163 || len(v.Reasons) < 20 {
		b.Fatalf("%+v", v)
	}
	b.ReportAllocs()
	for b.Loop() {
		p.Evaluate(policy.Case{Manifest: m, At: noon})
	}
}

func BenchmarkParseForty(b *testing.B) {
	text := []byte(forty())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := policy.Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}
