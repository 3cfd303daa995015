package disclose

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/internal/license"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

func TestFrontMatter(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []seen
	}{
		"plain":              {"---\nlicense: mit\n---\n# Foo\n", []seen{{"license.weights", mit, "README.md", 2}}},
		"CRLF":               {"---\r\nlicense: mit\r\n---\r\n# Foo\r\n", []seen{{"license.weights", mit, "README.md", 2}}},
		"byte order mark":    {"\ufeff---\nlicense: mit\n---\n", []seen{{"license.weights", mit, "README.md", 2}}},
		"trailing spaces":    {"---  \nlicense: mit \n---\t\n", []seen{{"license.weights", mit, "README.md", 2}}},
		"no line at the end": {"---\nlicense: mit\n---", []seen{{"license.weights", mit, "README.md", 2}}},
		"lists": {"---\nbase_model:\n- org/A-1\n- org/B-2\nbase_model_relation: merge\ndatasets: [d/one, d/two]\nlanguage:\n- no\n- en\n---\n", []seen{
			{"lineage.base", `["org/A-1","org/B-2"]`, "README.md", 2},
			{"lineage.relation", `"merge"`, "README.md", 5},
			{"td.sources.publicDatasets", `["d/one","d/two"]`, "README.md", 6},
			{"use.languages", `["en","no"]`, "README.md", 7}}},
		"strings": {"---\nbase_model: org/A-1\ndatasets: d/one\nlanguage: en\nmodel_name: Foo\nmodel_creator: Org\n---\n", []seen{
			{"lineage.base", `["org/A-1"]`, "README.md", 2}, {"td.sources.publicDatasets", `["d/one"]`, "README.md", 3},
			{"use.languages", `["en"]`, "README.md", 4}, {"identity.name", `"Foo"`, "README.md", 5}, {"origin.organization", `"Org"`, "README.md", 6}}},
		"two licences": {"---\nlicense: [mit, apache-2.0]\n---\n", []seen{
			{"license.weights", mit, "README.md", 2}, {"license.weights", `"Apache-2.0"`, "README.md", 2}}},
		"other with name": {"---\nlicense: other\nlicense_name: my-own\nlicense_link: LICENSE\n---\n",
			[]seen{{"license.weights", `"LicenseRef-named-my-own"`, "README.md", 3}}},
		"other alone":  {"---\nlicense: other\n---\n", []seen{{"license.weights", `"LicenseRef-named-other"`, "README.md", 2}}},
		"unknown":      {"---\nlicense: unknown\n---\n", nil},
		"Boost":        {"---\nlicense: bsl-1.0\n---\n", []seen{{"license.weights", `"BSL-1.0"`, "README.md", 2}}},
		"a family":     {"---\nlicense: gpl\n---\n", []seen{{"license.weights", `"gpl"`, "README.md", 2}}},
		"unknown id":   {"---\nlicense: bsl-9000\n---\n", []seen{{"license.weights", `"LicenseRef-named-bsl-9000"`, "README.md", 2}}},
		"imitation":    {"---\nlicense: other\nlicense_name: modelcheck-deepseek-1.0\n---\n", []seen{{"license.weights", `"LicenseRef-named-modelcheck-deepseek-1.0"`, "README.md", 3}}},
		"dataset card": {"---\nlicense: cc-by-4.0\ntask_categories: [text-generation]\nlanguage: en\n---\n", []seen{{"license.data", `"CC-BY-4.0"`, "README.md", 2}}},
		"emissions":    {"---\nco2_eq_emissions: 1200\n---\n", []seen{{"compute.emissions", `{"count":1200,"text":"1200"}`, "README.md", 2}}},
		"emissions map": {"---\nco2_eq_emissions:\n  emissions: 12.5\n  hardware_used: 8 A100\n---\n", []seen{
			{"compute.emissions", `{"count":12.5,"text":"12.5"}`, "README.md", 2}, {"compute.hardware", `"8 A100"`, "README.md", 2}}},
		"control characters": {"---\nmodel_name: \"a\\e[31m\\u202eb\"\n---\n", []seen{{"identity.name", `"a\u001b[31m` + "\u202e" + `b"`, "README.md", 2}}},
		"HTML":               {"---\nmodel_name: <script>alert(1)</script>\n---\n", []seen{{"identity.name", `"<script>alert(1)</script>"`, "README.md", 2}}},
		// What is no field of that form says nothing.
		"no front matter":   {"# Foo\nlicense: mit\n", nil},
		"a rule":            {"---\nlicense: mit\n\nand so on\n", nil},
		"not at the start":  {"\n---\nlicense: mit\n---\n", nil},
		"in a comment":      {"<!-- -->\n---\nlicense: mit\n---\n", nil},
		"empty":             {"---\n---\n", nil},
		"comments only":     {"---\n# license: mit\n---\n", nil},
		"null":              {"---\nlicense:\nlicense_name: ~\nbase_model: null\n---\n", nil},
		"mapping for text":  {"---\nlicense: {id: mit}\nlibrary_name: [a]\n---\n", nil},
		"list of non-text":  {"---\nbase_model: [{a: b}]\ndatasets: [[x]]\nlanguage: [en, null]\n---\n", nil},
		"emissions as text": {"---\nco2_eq_emissions: lots\n---\n", nil},
		"emissions below 0": {"---\nco2_eq_emissions: -5\n---\n", nil},
		"emissions NaN":     {"---\nco2_eq_emissions: nan\n---\n", nil},
		"blank":             {"---\nlicense: \"  \"\nmodel_name: \"\\t\"\n---\n", nil},
		"other case":        {"---\nLicense: mit\n---\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := extract(t, cardOf(c.text))
			expect(t, seenIn(r), c.want)
			if len(r.Findings) > 0 {
				t.Errorf("findings %v", r.Findings)
			}
		})
	}
}

// TestFrontMatterRefused: what two readers could read differently, or what
// grows, is reported, and nothing of it is believed.
func TestFrontMatterRefused(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += string(c) + ": &" + string(c) + " [" + strings.TrimSuffix(strings.Repeat("*"+string(c-1)+",", 10), ",") + "]\n"
	}
	for name, block := range map[string]string{
		"duplicate names":   "license: mit\nlicense: apache-2.0\n",
		"duplicates deeper": "license: mit\nx:\n  a: 1\n  a: 2\n",
		"duplicate quoted":  "license: mit\n\"license\": apache-2.0\n",
		"anchor":            "license: &l mit\n",
		"anchor bomb":       bomb,
		"alias loop":        "license: mit\na: &a [*a]\n",
		"merge key":         "license: mit\nx:\n  <<: {a: b}\n",
		"a list":            "- license: mit\n",
		"a text":            "license mit\n",
		"tab indent":        "license: mit\nx:\n\t- y\n",
		"unclosed quote":    "license: \"mit\n",
		"name that is none": "license: mit\n? [a, b]\n: c\n",
		"too deep":          "license: mit\nx: " + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "\n",
		"far too deep":      "license: mit\nx: " + strings.Repeat("[", 100_000) + "\n",
		"control character": "license: mit\nx: \x01\n",
	} {
		t.Run(name, func(t *testing.T) {
			r := extract(t, cardOf("---\n"+block+"---\n\nThis model is licensed under the ISC License.\n"))
			expect(t, seenIn(r), []seen{{"license.weights", `"ISC"`, "README.md", strings.Count(block, "\n") + 4}})
			if len(r.Findings) != 1 || r.Findings[0].ID != provenance.CodeDocumentMalformed || r.Findings[0].Subject != "README.md" {
				t.Errorf("findings %v", r.Findings)
			}
		})
	}
}

func TestHostileText(t *testing.T) {
	statement := "This model is licensed under the MIT License."
	for name, c := range map[string]struct {
		text string
		line int // of the statement; 0 where it must not be read
	}{
		"invalid UTF-8 before":   {"\xff\xfe\n\n" + statement + "\n", 3},
		"null bytes":             {"\x00\x00\n\n" + statement + "\n", 3},
		"a line of 10^6 letters": {strings.Repeat("x", 1_000_000) + "\n" + statement + "\n", 2},
		"a line of 10^6 bars":    {strings.Repeat("|", 1_000_000) + "\n" + statement + "\n", 2},
		"a line of 10^6 stars":   {strings.Repeat("*", 1_000_000) + "\n\n" + statement + "\n", 3},
		"10^5 brackets":          {strings.Repeat("[", 8_000) + "\n" + strings.Repeat("(", 100_000) + "\n\n" + statement + "\n", 4},
		"on the long line":       {strings.Repeat("x", 1_000_000) + ". " + statement + "\n", 0},
		"invalid UTF-8 within":   {strings.Replace(statement, "MIT", "M\xffIT", 1), 0},
		"right-to-left within":   {strings.Replace(statement, "MIT", "\u202eMIT", 1), 0},
		"zero width within":      {strings.Replace(statement, "MIT", "M\u200bIT", 1), 0},
		"homoglyph":              {strings.Replace(statement, "MIT", "МІТ", 1), 0},
		"unclosed comment":       {"<!--\n" + statement, 0},
		"unclosed code":          {"```\n" + statement, 0},
		"HTML around":            {"<div><b>This model</b> is licensed under the <a href=\"x\">MIT License</a>.</div>\n", 1},
		"entities":               {"This model&nbsp;is licensed under the MIT License.\n", 1},
	} {
		t.Run(name, func(t *testing.T) {
			var want []seen
			if c.line > 0 {
				want = []seen{{"license.weights", mit, "README.md", c.line}}
			}
			expect(t, seenIn(extract(t, cardOf(c.text)), "license.weights"), want)
		})
	}
}

// TestDrowning: a document cannot fill the record, and cannot hide a
// disagreement by saying the same often enough.
func TestDrowning(t *testing.T) {
	text := strings.Repeat("This model is licensed under the MIT License.\n\n", 300) + "This model is licensed under the ISC License.\n"
	r := extract(t, cardOf(text))
	got := seenIn(r)
	if len(got) != maxSame+1 || got[len(got)-1].value != `"ISC"` {
		t.Errorf("%d observations, %+v", len(got), got)
	}
	var different strings.Builder
	for i := range 300 {
		different.WriteString("The model weights are licensed under the Foo" + strings.Repeat("x", i%70) + " License " + string(rune('A'+i%26)) + " License.\n\n")
	}
	if n := len(extract(t, cardOf(different.String())).Observations); n > maxDifferent*maxSame {
		t.Errorf("%d observations", n)
	}
}

func TestLongQuote(t *testing.T) {
	long := "We pre-train it on 2T tokens" + strings.Repeat(", and – naturally – more words", 40) + "."
	r := extract(t, cardOf(long))
	if len(r.Observations) != 1 {
		t.Fatalf("%+v", r.Observations)
	}
	if q := r.Observations[0].Source.Quote; len(q) > provenance.MaxQuote || len(q) < provenance.MaxQuote-8 || !strings.HasSuffix(q, "…") {
		t.Errorf("%d bytes: %q", len(q), q)
	}
}

// TestPlaces: who may speak for the model goes by where a card or text lies.
func TestPlaces(t *testing.T) {
	const front = "---\nlicense: mit\n---\n"
	text := string(mustIdentify(t))
	for name, c := range map[string]struct {
		docs []Document
		want []seen
	}{
		"two cards below": {[]Document{document("a/README.md", front), document("b/README.md", "---\nlicense: isc\n---\n")},
			[]seen{{"license.weights", mit, "a/README.md", 2}, {"license.weights", `"ISC"`, "b/README.md", 2}}},
		"a README of a directory": {[]Document{document("README.md", front), document("inference/README.md", "This project is licensed under the ISC License.")},
			[]seen{{"license.weights", mit, "README.md", 2}}},
		"others' works":   {[]Document{document("third_party/README.md", front), document("a/b/README.md", front), document("vendor/LICENSE", text)}, nil},
		"a plain licence": {[]Document{document("LICENSE", text)}, []seen{{"license.weights", `"MPL-2.0"`, "LICENSE", 1}}},
		"a plain one beside the model's": {[]Document{document("LICENSE", text), document("LICENSE-MODEL", text)},
			[]seen{{"license.weights", `"MPL-2.0"`, "LICENSE-MODEL", 1}}},
		"by name": {[]Document{document("LICENSE-CODE.txt", text), document("MODEL_LICENSE.md", text), document("LICENSE-DATA", text), document("LICENSE-DOCS", text), document("LICENSE-APACHE", text), document("LICENSE-LLAMA-3.1", text)},
			[]seen{{"license.code", `"MPL-2.0"`, "LICENSE-CODE.txt", 1}, {"license.weights", `"MPL-2.0"`, "MODEL_LICENSE.md", 1}, {"license.data", `"MPL-2.0"`, "LICENSE-DATA", 1}, {"license.docs", `"MPL-2.0"`, "LICENSE-DOCS", 1}}},
		"a licence below": {[]Document{document("README.md", "x"), document("tools/LICENSE", text)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, seenIn(extract(t, Input{Documents: c.docs})), c.want)
		})
	}
}

// TestUnknownTexts: an unknown text disagrees with a card that names a licence
// whose words are known, and may well be one whose words are not.
func TestUnknownTexts(t *testing.T) {
	const terms = "Terms of something\n\nYou may look at it.\n"
	ref := `"` + license.UnknownRef(license.Identify([]byte(terms))) + `"`
	for name, c := range map[string]struct {
		card string
		want []seen
	}{
		"alone":           {"# Foo\n", []seen{{"license.weights", ref, "LICENSE", 1}}},
		"card says MIT":   {"---\nlicense: mit\n---\n", []seen{{"license.weights", mit, "README.md", 2}, {"license.weights", ref, "LICENSE", 1}}},
		"card says Gemma": {"---\nlicense: gemma\n---\n", []seen{{"license.weights", `"LicenseRef-modelcheck-gemma"`, "README.md", 2}}},
		"linked by other": {"---\nlicense: other\nlicense_link: LICENSE\n---\n", []seen{{"license.weights", ref, "README.md", 2}, {"license.weights", ref, "LICENSE", 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			r := extract(t, Input{Documents: []Document{document("README.md", c.card), document("LICENSE", terms)}})
			expect(t, seenIn(r), c.want)
			if len(r.Findings) != 1 || r.Findings[0].ID != provenance.CodeLicenseUnidentified || r.Findings[0].Subject != "LICENSE" {
				t.Errorf("findings %v", r.Findings)
			}
		})
	}
}

// TestManyTexts: any number of licence files gives a record of bounded size,
// and the model's own is in it.
func TestManyTexts(t *testing.T) {
	in := Input{Documents: []Document{document("LICENSE", string(mustIdentify(t))), document("README.md", "# Foo\n")}}
	for i := range 2000 {
		in.Documents = append(in.Documents, document(fmt.Sprintf("a%d/LICENSE", i), "x"), document(fmt.Sprintf("a%d/README.md", i), "y"))
	}
	r := extract(t, in)
	texts := slices.DeleteFunc(slices.Clone(r.Observations), func(o provenance.ClaimObservation) bool { return o.Claim != "license.text" })
	if len(texts) != maxTexts || !strings.Contains(string(texts[0].Value), `"path":"LICENSE"`) || len(texts[0].Value) > 20_000 {
		t.Errorf("%d texts, %.200s", len(texts), texts[0].Value)
	}
	if !slices.ContainsFunc(r.Findings, func(f provenance.Finding) bool { return f.ID == provenance.CodeLimitExceeded }) {
		t.Error("nobody says that texts are left out")
	}
}

// TestTwice: members of an index that hold the same files say it once.
func TestTwice(t *testing.T) {
	one := seed(t, "janus-pro")
	two := Input{Documents: slices.Concat(one.Documents, one.Documents)}
	if a, b := extract(t, one), extract(t, two); !equalResults(a, b) {
		t.Errorf("%d observations, and of the same twice %d", len(a.Observations), len(b.Observations))
	}
}
