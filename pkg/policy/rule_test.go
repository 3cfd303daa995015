package policy_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// ruled is a policy that allows unsigned artifacts and has one rule.
func ruled(require, more string) string {
	return head + "allowUnsigned: true\nrules:\n  - name: r\n    require: " + yamlText(require) + "\n" + more
}

func yamlText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// stated is a claim that a document states.
func stated(id, value string) provenance.Claim {
	o := provenance.Observation{
		Grade: provenance.Declared, Value: provenance.Value(value), Method: "card-front-matter/1",
		Source: provenance.Source{Kind: provenance.SourceFile, Path: "README.md", Digest: artifact.SumSHA256([]byte("README.md"))},
	}
	return provenance.Claim{ID: id, State: provenance.StateDeclared, Ceiling: provenance.Attested, Value: o.Value, Observations: []provenance.Observation{o}}
}

// claimed is a sound record with claims of every kind.
func claimed(claims ...provenance.Claim) *provenance.Manifest {
	d := artifact.SumSHA256([]byte("manifest"))
	card := artifact.SumSHA256([]byte("README.md"))
	read := []provenance.Document{{Path: "README.md", Digest: card}}
	mit := stated("license.weights", `"MIT OR GPL-3.0-only"`)
	size := stated("model.parameters.total", `{"count":671000000000,"text":"671B"}`)
	guessed := stated("model.family", `"deepseek"`)
	guessed.State, guessed.Observations[0].Grade, guessed.Observations[0].Method = provenance.StateInferred, provenance.Inferred, "shapes/1"
	guessed.Observations[0].Inputs = []string{"license.weights"}
	other := stated("license.code", `"MIT"`)
	other.State, other.Value = provenance.StateConflicting, nil
	other.Observations = append(other.Observations, stated("license.code", `"Apache-2.0"`).Observations...)
	all := append([]provenance.Claim{mit, size, guessed, other,
		{ID: "td.summary.url", State: provenance.StateAbsent, Absence: provenance.Silent, Ceiling: provenance.Attested, Searched: read},
		{ID: "eval.results", State: provenance.NotExamined, Ceiling: provenance.Declared, Unread: read},
	}, claims...)
	return &provenance.Manifest{
		Subject:   d,
		Generator: provenance.Generator{Name: "modelcheck", Version: "test"},
		Artifact:  provenance.Artifact{Kind: "manifest", Members: []provenance.Member{{Digest: d, Packaging: "oras"}}},
		Files: []provenance.File{
			{Path: "m.safetensors", Digest: artifact.SumSHA256(nil), Role: artifact.RoleWeights, Format: "safetensors", Class: provenance.LoadInert, Size: 10},
			{Path: "README.md", Digest: card, Role: artifact.RoleCard, Class: provenance.LoadTemplate, Size: 5},
		},
		Loading: &provenance.Loading{
			Class: provenance.LoadTemplate, Scope: "these files", Loaders: []provenance.Loader{{Name: "a runtime", Rules: []string{"MC-A"}}},
			Templates: []provenance.Template{{Path: "README.md", Digest: card}},
		},
		Claims:   all,
		Findings: []provenance.Finding{{ID: provenance.CodeCodeOnLoad, Subject: "config.json", Detail: "auto_map names code"}},
	}
}

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func judgeRule(t *testing.T, yaml string, m *provenance.Manifest) policy.Verdict {
	t.Helper()
	return parse(t, yaml).Evaluate(policy.Case{Manifest: m, At: noon})
}

func TestRules(t *testing.T) {
	for _, tc := range []struct {
		require string
		code    string // "": met
	}{
		{`true`, ""},
		{`false`, provenance.CodeRuleNotMet},
		{`every(weights, f, f.format == "safetensors")`, ""},
		{`every(files, f, f.format == "safetensors")`, provenance.CodeRuleNotMet},
		{`every(weights.filter(f, f.format == "gguf"), f, true)`, provenance.CodeRuleNotMet}, // of nothing
		{`weights.filter(f, f.format == "gguf").all(f, true)`, ""},                           // the pitfall that lint names
		{`every(files, f, every(weights, g, g.size >= f.size))`, ""},
		{`loading.class in ["inert", "discloses", "template"]`, ""},
		{`loading.class == "inert"`, provenance.CodeRuleNotMet},
		{`every(files, f, !(f.class in ["unknown", "egress", "code", "code-on-load", "native"]))`, ""},
		{`files.exists(f, f.class == "unknown")`, provenance.CodeRuleNotMet},
		{`loading.loaders == ["a runtime"] && loading.templates.size() == 1`, ""},
		{`files.exists(f, f.role == "card" && f.size == 5)`, ""},
		{`findings.exists(f, f.id == "code-on-load" && f.subject == "config.json")`, ""},
		{`!findings.exists(f, f.id == "code-on-load")`, provenance.CodeRuleNotMet},
		{`manifest.artifact.kind == "manifest" && manifest.files.size() == 2 && manifest.artifact.members[0].packaging == "oras"`, ""},
		{`at < timestamp("2026-06-01T12:00:01Z") && at >= timestamp("2026-06-01T12:00:00Z")`, ""},
		{`at < timestamp("2026-06-01T12:00:00Z")`, provenance.CodeRuleNotMet},
		{`reviews.size() == 0`, ""},

		{`license.within(["MIT"])`, ""},
		{`license.within(["GPL-3.0-only", "X"])`, ""},
		{`license.within(["Apache-2.0"])`, provenance.CodeRuleNotMet},
		{`license.within([])`, provenance.CodeRuleNotMet},
		{`claims["license.code"].within(["MIT", "Apache-2.0"])`, provenance.CodeRuleNotMet}, // conflicting: nobody knows which
		{`claims["td.summary.url"].within(["MIT"])`, provenance.CodeRuleNotMet},

		{`claims.state("license.weights") == "declared"`, ""},
		{`claims["license.weights"].state == "declared"`, ""},
		{`claims.state("td.summary.url") == "absent"`, ""},
		{`claims.state("license.code") == "conflicting"`, ""},
		{`claims.state("license.wieghts") == "declared"`, provenance.CodeRuleFailed}, // never asked
		{`claims["license.wieghts"].state == "declared"`, provenance.CodeRuleFailed},
		{`claims.value("license.weights") == "MIT OR GPL-3.0-only"`, ""},
		{`claims.value("license.code") != "GPL"`, provenance.CodeRuleFailed},
		{`claims.value("td.summary.url") != "x"`, provenance.CodeRuleFailed},
		{`claims["td.summary.url"].value != "x"`, ""}, // null is not "x": raw access says what is there
		{`claims.value("eval.results") != "x"`, provenance.CodeRuleFailed},
		{`claims.value("model.parameters.total").count <= 700000000000`, ""},
		{`claims.value("model.parameters.total").count <= 70e9`, provenance.CodeRuleNotMet},
		{`claims.value("model.parameters.total").cuont <= 70e9`, provenance.CodeRuleFailed},

		{`grade("license.weights") >= declared`, ""},
		{`grade("license.weights") >= attested`, provenance.CodeRuleNotMet},
		{`grade("license.code") >= inferred`, provenance.CodeRuleNotMet},
		{`grade("td.summary.url") >= inferred`, provenance.CodeRuleNotMet},
		{`grade("no.claim") >= inferred`, provenance.CodeRuleFailed},
		{`grade("model.family") >= inferred`, provenance.CodeRuleNotMet}, // the rule does not name the inference
		{`grade("model.family", "shapes/1") >= inferred`, ""},
		{`grade("model.family", "shapes/1") >= declared`, provenance.CodeRuleNotMet},
		{`grade("model.family", "names/1") >= inferred`, provenance.CodeRuleNotMet},
		{`grade("license.weights", "shapes/1") >= declared`, ""},
		{`claims.value("model.family") == "deepseek"`, provenance.CodeRuleFailed},
		{`claims.value("model.family", "shapes/1") == "deepseek"`, ""},
		{`claims.value("model.family", "names/1") == "deepseek"`, provenance.CodeRuleFailed},
		{`claims["model.family"].value == "deepseek"`, provenance.CodeRuleNotMet},
		{`claims["model.family"].observations.exists(o, o.value == "deepseek")`, provenance.CodeRuleNotMet},

		{`1 / (files.size() - 2) == 1`, provenance.CodeRuleFailed},
		{`files[7].path == "x"`, provenance.CodeRuleFailed},
		{`int(files[0].path) > 0`, provenance.CodeRuleFailed},
	} {
		t.Run(tc.require, func(t *testing.T) {
			v := judgeRule(t, ruled(tc.require, ""), claimed())
			if tc.code == "" {
				expect(t, v, policy.Allow, provenance.CodeUnsignedAllowed)
				return
			}
			expect(t, v, policy.Deny, provenance.CodeUnsignedAllowed, tc.code)
		})
	}
}

// What a rule does that is not met, or fails.
func TestRuleEffects(t *testing.T) {
	for _, tc := range []struct {
		effect, require string
		want            policy.Outcome
		code            string
	}{
		{"", "false", policy.Deny, provenance.CodeRuleNotMet},
		{"deny", "false", policy.Deny, provenance.CodeRuleNotMet},
		{"hold", "false", policy.Hold, provenance.CodeRuleNotMet},
		{"warn", "false", policy.Allow, provenance.CodeRuleWarned},
		{"", "files[9].size > 0", policy.Deny, provenance.CodeRuleFailed},
		{"deny", "files[9].size > 0", policy.Deny, provenance.CodeRuleFailed},
		{"hold", "files[9].size > 0", policy.Hold, provenance.CodeRuleFailed},
		{"warn", "files[9].size > 0", policy.Hold, provenance.CodeRuleFailed}, // not evaluated is never merely a warning
	} {
		more := "    message: \"only {files.size()} files: {files.map(f, f.path)} {{x}\"\n    docs: https://acme.example/r\n    legalBasis: contract 7\n"
		if tc.effect != "" {
			more += "    effect: " + tc.effect + "\n"
		}
		v := judgeRule(t, ruled(tc.require, more), claimed())
		expect(t, v, tc.want, provenance.CodeUnsignedAllowed, tc.code)
		for _, r := range v.Reasons {
			if r.Code == provenance.CodeUnsignedAllowed {
				continue
			}
			if r.Subject != "r" || r.LegalBasis != "contract 7" || r.Docs != "https://acme.example/r" {
				t.Errorf("%+v", r)
			}
			if tc.code != provenance.CodeRuleFailed && r.Message != "only 2 files: m.safetensors, README.md {x}" {
				t.Errorf("message %q", r.Message)
			}
		}
	}
}

// The same reasons whatever the order of the rules; and no rule allows.
func TestRulesKnowNoOrder(t *testing.T) {
	a, b, c := "{name: a, require: 'false'}", "{name: b, require: 'false', effect: hold}", "{name: c, require: 'true'}"
	one := parse(t, head+"allowUnsigned: true\nrules: ["+a+", "+b+", "+c+"]\n")
	two := parse(t, head+"allowUnsigned: true\nrules: ["+c+", "+b+", "+a+"]\n")
	x, y := one.Evaluate(policy.Case{Manifest: claimed()}), two.Evaluate(policy.Case{Manifest: claimed()})
	if fmt.Sprint(x) != fmt.Sprint(y) || one.Digest() != two.Digest() {
		t.Errorf("%+v\n%+v", x, y)
	}
	for name, other := range map[string]string{
		"expression": "{name: a, require: 'false && true'}", "effect": "{name: a, require: 'false', effect: warn}",
		"message": "{name: a, require: 'false', message: x}", "docs": "{name: a, require: 'false', docs: 'https://x'}",
		"legal basis": "{name: a, require: 'false', legalBasis: x}", "name": "{name: d, require: 'false'}",
	} {
		if p := parse(t, head+"allowUnsigned: true\nrules: ["+other+", "+b+", "+c+"]\n"); p.Digest() == one.Digest() {
			t.Errorf("another %s, and the same digest", name)
		}
	}
	if v := parse(t, keyed("{allOf: [a, b]}")+"rules: [{name: r, require: 'true'}]\n").Evaluate(policy.Case{Manifest: claimed()}); v.Outcome != policy.Deny {
		t.Errorf("a rule that is met stands for a signature: %+v", v)
	}
}

// Rules see signatures under the names and relations of this policy, whatever
// the record calls them, and attested is what its producer attests.
func TestRulesTrustThePolicyAndNotTheRecord(t *testing.T) {
	_, print := publicKey("a")
	_, foreign := publicKey("mallory")
	record := func(keyFingerprint string) *provenance.Manifest {
		c := stated("origin.country", `"FR"`)
		c.State, c.Observations[0].Grade = provenance.StateAttested, provenance.Attested
		c.Observations[0].Speaker = provenance.Speaker{Relation: provenance.Producer, Signer: "vendor"}
		m := claimed(c)
		m.Signatures = []provenance.Signature{{
			Signer: "vendor", Scheme: "sigstore-key", PredicateType: signType, Relation: provenance.Producer,
			Identity: provenance.Identity{KeyFingerprint: keyFingerprint},
		}}
		return m
	}
	rules := func(relation, require string) string {
		return head + "signers: [{name: a, relation: " + relation + ", key: {file: a}}, {name: b, key: {file: b}}]\nrequire: {signatures: {anyOf: [a, b]}}\n" +
			"rules: [{name: r, legalBasis: test, require: " + yamlText(require) + "}]\n"
	}
	attests, signed := `grade("origin.country") >= attested`, `signatures.exists(s, s.relation == "producer" && s.signer == "a")`
	for name, tc := range map[string]struct {
		yaml  string
		key   string
		codes []string
	}{
		"producer attests":         {rules("producer", attests), print, nil},
		"producer signs":           {rules("producer", signed), print, nil},
		"repackager attests":       {rules("repackager", attests), print, []string{provenance.CodeRuleNotMet}},
		"repackager signs":         {rules("repackager", signed), print, []string{provenance.CodeRuleNotMet}},
		"the record's name":        {rules("producer", `signatures.exists(s, s.signer == "vendor")`), print, []string{provenance.CodeRuleNotMet}},
		"another's key, attesting": {rules("producer", attests), foreign, []string{provenance.CodeRuleNotMet, provenance.CodeSignatureMissing}},
		"another's key, signing":   {rules("producer", signed), foreign, []string{provenance.CodeRuleNotMet, provenance.CodeSignatureMissing}},
	} {
		t.Run(name, func(t *testing.T) {
			m := record(tc.key)
			if err := provenance.Validate(m); err != nil {
				t.Fatal(err)
			}
			v := judgeRule(t, tc.yaml, m)
			if len(tc.codes) == 0 {
				expect(t, v, policy.Allow, provenance.CodeSignatureVerified)
				return
			}
			if tc.key == print {
				tc.codes = append(tc.codes, provenance.CodeSignatureVerified)
			}
			expect(t, v, policy.Deny, tc.codes...)
		})
	}
}

// The record may have been made under another policy, which gives the producer's
// name to others as well: then nobody knows whose word a statement is.
func TestNameOfSeveralAttestsNothing(t *testing.T) {
	c := stated("origin.country", `"FR"`)
	c.State, c.Observations[0].Grade = provenance.StateAttested, provenance.Attested
	c.Observations[0].Speaker = provenance.Speaker{Relation: provenance.Producer, Signer: "vendor"}
	by := func(signer, key string) provenance.Signature {
		_, print := publicKey(key)
		return provenance.Signature{Signer: signer, Scheme: "sigstore-key", PredicateType: signType, Relation: provenance.Producer, Identity: provenance.Identity{KeyFingerprint: print}}
	}
	attestation := func(signer, key string) provenance.Attestation {
		g := by(signer, key)
		return provenance.Attestation{Signer: g.Signer, Scheme: g.Scheme, PredicateType: slsa, Relation: g.Relation, Identity: g.Identity}
	}
	p := head + "signers: [{name: a, relation: producer, key: {file: a}}, {name: b, relation: repackager, key: {file: b}}]\nrequire: {signatures: {anyOf: [a, b]}}\n" +
		"rules: [{name: r, legalBasis: test, require: 'grade(\"origin.country\") >= attested'}]\n"
	for name, tc := range map[string]struct {
		signatures   []provenance.Signature
		attestations []provenance.Attestation
		want         policy.Outcome
	}{
		"the producer":                   {[]provenance.Signature{by("vendor", "a")}, nil, policy.Allow},
		"and others under other names":   {[]provenance.Signature{by("vendor", "a"), by("team", "b"), by("who", "mallory")}, nil, policy.Allow},
		"who attests too":                {[]provenance.Signature{by("vendor", "a")}, []provenance.Attestation{attestation("vendor", "a")}, policy.Allow},
		"a stranger under the name":      {[]provenance.Signature{by("vendor", "a"), by("vendor", "mallory")}, nil, policy.Deny},
		"a repackager under the name":    {[]provenance.Signature{by("vendor", "b"), by("vendor", "a")}, nil, policy.Deny},
		"a stranger attests under it":    {[]provenance.Signature{by("vendor", "a")}, []provenance.Attestation{attestation("vendor", "mallory")}, policy.Deny},
		"the producer under another one": {[]provenance.Signature{by("maker", "a")}, nil, policy.Deny},
	} {
		t.Run(name, func(t *testing.T) {
			m := claimed(c)
			m.Signatures, m.Attestations = tc.signatures, tc.attestations
			if v := judgeRule(t, p, m); v.Outcome != tc.want || hasCode(v, provenance.CodeRuleNotMet) != (tc.want == policy.Deny) {
				t.Errorf("%v: %+v", v.Outcome, v.Reasons)
			}
		})
	}
}

func TestRulesThatAreRefused(t *testing.T) {
	rule := func(s string) string { return head + "allowUnsigned: true\nrules:\n  - " + s + "\n" }
	for name, tc := range map[string]struct {
		yaml         string
		line, column int
		want         string
	}{
		"no list":            {head + "allowUnsigned: true\nrules: {}", 4, 8, "want a list"},
		"empty":              {head + "allowUnsigned: true\nrules: []", 4, 8, "empty"},
		"no name":            {rule("require: 'true'"), 5, 5, "without name"},
		"capital":            {rule("{name: Rule, require: 'true'}"), 5, 12, "small letters"},
		"twice":              {rule("{name: a, require: 'true'}\n  - {name: a, require: 'false'}"), 5, 3, "twice"},
		"no require":         {rule("name: a"), 5, 5, "no require"},
		"require is a bool":  {rule("{name: a, require: true}"), 5, 24, "want a string"},
		"when":               {rule("{name: a, when: 'true'}"), 5, 15, `unknown key "when"`},
		"no such effect":     {rule("{name: a, require: 'true', effect: allow}"), 5, 40, "deny, hold or warn"},
		"no condition":       {rule("{name: a, require: 'files.size()'}"), 5, 25, "int, want bool"},
		"dyn is none":        {rule("{name: a, require: 'claims.value(\"x\")'}"), 5, 25, "dyn, want bool"},
		"no CEL":             {rule("{name: a, require: 'files ='}"), 5, 31, "write =="},
		"unknown variable":   {rule("{name: a, require: 'true && fiels.size() > 0'}"), 5, 33, "undeclared reference"},
		"unknown field":      {rule("{name: a, require: 'files[0].pth == \"x\"'}"), 5, 33, "undefined field 'pth'"},
		"in a literal":       {rule("name: a\n    require: |\n      true &&\n      files[0].pth == 'x'"), 8, 15, "undefined field"},
		"in a folded":        {rule("name: a\n    require: >-\n      true &&\n      files[0].pth == 'x'"), 8, 15, "undefined field"},
		"in single quotes":   {rule("name: a\n    require: 'files[0].path == ''x'' && files[0].pth == ''x'''"), 6, 49, "undefined field"},
		"in double quotes":   {rule("name: a\n    require: \"files[0].path == \\\"x\\\" && files[0].pth == \\\"x\\\"\""), 6, 49, "undefined field"},
		"plain":              {rule("name: a\n    require: files[0].pth == 'x'"), 6, 22, "undefined field"},
		"of the claim":       {rule("{name: a, require: 'claims[\"a\"].vlaue == 1'}"), 5, 36, "undefined field"},
		"clock":              {rule("{name: a, require: 'now() > at'}"), 5, 28, "undeclared reference"},
		"license.in":         {rule("{name: a, require: 'license.in([\"MIT\"])'}"), 5, 33, "license.within"},
		"the hidden field":   {rule("{name: a, require: 'claims[\"a\"].`@inferences` == 1'}"), 5, 37, ""},
		"makes objects":      {rule("{name: a, require: 'File{path: \"x\"}.path == \"x\"'}"), 5, 29, "makes no objects"},
		"loops in loops":     {rule("{name: a, require: 'files.all(a, files.all(b, files.all(c, a.path != b.path || c.path == a.path)))'}"), 5, 25, "over the limit"},
		"never ends":         {rule("{name: a, require: '" + strings.Repeat("[1,2,3,4,5,6,7,8,9,10].all(x, ", 9) + "true" + strings.Repeat(")", 9) + "'}"), 5, 25, "over the limit"},
		"too deep":           {rule("{name: a, require: '" + strings.Repeat("(", 300) + "true" + strings.Repeat(")", 300) + "'}"), 5, 25, ""},
		"too long":           {rule("{name: a, require: '" + strings.Repeat("true && ", 2000) + "true'}"), 5, 25, "over the limit of 8192"},
		"bad pattern":        {rule("{name: a, require: 'files[0].path.matches(\"(\")'}"), 5, 25, "missing closing"},
		"origin":             {rule("{name: a, require: 'claims.value(\"origin.country\") != \"XX\"'}"), 5, 5, "legalBasis"},
		"origin, any":        {rule("{name: a, require: 'claims.all(c, !c.startsWith(\"origin.\"))'}"), 5, 5, "legalBasis"},
		"message, brace":     {rule("{name: a, require: 'true', message: 'a {files'}"), 5, 41, "not closed"},
		"message, wrong":     {rule("{name: a, require: 'true', message: 'a {files[0].pth}'}"), 5, 53, "undefined field"},
		"docs, no link":      {rule("{name: a, require: 'true', docs: readme}"), 5, 38, "https://"},
		"docs, other scheme": {rule("{name: a, require: 'true', docs: 'javascript:x'}"), 5, 38, "https://"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := policy.Parse([]byte(tc.yaml))
			var e *policy.Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("error %v, want %q", err, tc.want)
			}
			if e.Line != tc.line || e.Column != tc.column {
				t.Errorf("at %d:%d, want %d:%d: %v", e.Line, e.Column, tc.line, tc.column, err)
			}
		})
	}
}

// An expression that the estimate lets pass and that costs too much over this
// record ends, and counts against the model.
func TestRuleThatCostsTooMuch(t *testing.T) {
	m := claimed()
	for i := range 9000 {
		m.Files = append(m.Files, provenance.File{Path: fmt.Sprintf("f%d", i), Digest: artifact.SumSHA256(fmt.Append(nil, i)), Role: artifact.RoleDocument, Class: provenance.LoadInert})
	}
	p := parse(t, ruled(`files.all(a, files.all(b, a.path == b.path || a.digest != b.digest))`, ""))
	start := time.Now()
	v := p.Evaluate(policy.Case{Manifest: m, At: noon})
	expect(t, v, policy.Deny, provenance.CodeUnsignedAllowed, provenance.CodeRuleFailed)
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestFilter(t *testing.T) {
	m := claimed()
	for source, want := range map[string]bool{
		`license.within(["MIT"])`: true, `license.within(["X"])`: false, `at == timestamp("2026-06-01T12:00:00Z")`: true,
		`signatures.size() > 0`: false,
	} {
		f, err := policy.ParseFilter(source)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := f.Match(m, noon); got != want || err != nil {
			t.Errorf("%s: %v %v", source, got, err)
		}
	}
	for _, source := range []string{"", "files", "files.size()", "x == 1", "true)", "files[0].nope == 1"} {
		if f, err := policy.ParseFilter(source); !errors.Is(err, policy.ErrInvalid) {
			t.Errorf("%q: %v %v", source, f, err)
		}
	}
	failing, err := policy.ParseFilter(`claims.value("no.claim") == 1`)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := failing.Match(m, noon); got || err == nil {
		t.Errorf("picked by a filter that failed: %v", err)
	}
	if got, err := (policy.Filter{}).Match(m, noon); got || err == nil {
		t.Errorf("the zero filter picks")
	}
}
