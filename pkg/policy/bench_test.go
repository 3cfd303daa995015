package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
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

// large is a record of the size of DeepSeek-V3's: 163 shards and 20 other files,
// some 75 claims.
func large() *provenance.Manifest {
	m := good()
	m.Files = m.Files[:0]
	add := func(path, format string, role artifact.Role) {
		m.Files = append(m.Files, provenance.File{Path: path, Digest: artifact.SumSHA256([]byte(path)), Size: 4 << 30, Role: role, Format: format, Class: provenance.LoadInert})
	}
	for i := range 163 {
		add(fmt.Sprintf("model-%05d-of-000163.safetensors", i+1), "safetensors", artifact.RoleWeights)
	}
	for i := range 20 {
		add(fmt.Sprintf("document-%d.md", i), "text", artifact.RoleDocument)
	}
	m.Files = append(m.Files, provenance.File{Path: "README.md", Digest: artifact.SumSHA256([]byte("README.md")), Size: 1, Role: artifact.RoleCard, Class: provenance.LoadInert})
	for i := range 68 {
		m.Claims = append(m.Claims, stated(fmt.Sprintf("test.claim%02d", i), `"a value of some length"`))
	}
	return m
}

func BenchmarkEvaluateForty(b *testing.B) {
	p, m := parse(b, forty()), large()
	if v := p.Evaluate(policy.Case{Manifest: m, At: noon}); !v.Allowed() {
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
