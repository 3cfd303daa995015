package license

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
)

func readText(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// mit is an MIT licence with a title and a notice, as repositories have it.
func mit(t testing.TB) string {
	t.Helper()
	body := readText(t, "testdata/texts/MIT.1.txt")
	_, body, _ = strings.Cut(body, "Permission")
	return "MIT License\n\nCopyright (c) 2023 Example\n\nPermission" + body
}

func TestDeepSeekDigest(t *testing.T) {
	// The digest that is documented for the licence of 23 October 2023; the
	// two files differ in trailing spaces.
	const want = "sha256:3cf55d634f58c09698be79d61607f640f73ff77ce62c30b8da18fd5312b11324"
	for _, model := range []string{"deepseek-v3", "janus-pro"} {
		m := Identify([]byte(readText(t, fixtures.Dir(t, "models", model, "LICENSE-MODEL"))))
		if m.ID != "LicenseRef-modelcheck-deepseek-1.0" || m.NormDigest.String() != want || m.Method != MethodWhole {
			t.Errorf("%s: %+v", model, m)
		}
	}
}

func TestVariantsMatch(t *testing.T) {
	text := mit(t)
	variants := map[string]string{
		"as it is":         text,
		"CRLF":             strings.ReplaceAll(text, "\n", "\r\n"),
		"trailing spaces":  strings.ReplaceAll(text, "\n", "  \n"),
		"byte order mark":  "\ufeff" + text,
		"no title":         strings.TrimPrefix(text, "MIT License\n"),
		"markdown title":   "# " + text,
		"other title":      strings.Replace(text, "MIT License", "The MIT License (MIT)", 1),
		"two notices":      strings.Replace(text, "Copyright", "Copyright 2020 Somebody\nCopyright", 1),
		"notice last":      strings.Replace(text, "MIT License\n\nCopyright (c) 2023 Example", "Copyright (c) 2023 Example\n\nMIT License", 1),
		"reserved":         strings.Replace(text, "Example\n", "Example\nAll rights reserved.\n", 1),
		"holder in CJK":    strings.Replace(text, "Example", "深度求索", 1),
		"typographic":      strings.ReplaceAll(text, `"`, "”"),
		"other line ends":  strings.Join(strings.Fields(text[strings.Index(text, "Permission"):]), " "),
		"no notice at all": text[strings.Index(text, "Permission"):],
	}
	for name, v := range variants {
		if m := Identify([]byte(v)); m.ID != "MIT" || !m.Exact {
			t.Errorf("%s: %q by %s", name, m.ID, m.Method)
		}
	}
}

// TestRiders: one word more, wherever it stands, makes it another text.
func TestRiders(t *testing.T) {
	text := mit(t)
	at := func(mark, rider string) string { return strings.Replace(text, mark, rider+mark, 1) }
	bsd := readText(t, "testdata/texts/BSD-3-Clause.1.txt")
	apache := readText(t, "testdata/texts/Apache-2.0.1.txt")
	riders := map[string]string{
		"at the end":              text + "\nNot for military use.\n",
		"at the end, one word":    text + "\nno\n",
		"before":                  "Commercial use is forbidden.\n" + text,
		"after the title":         at("Copyright", "Commercial use is forbidden.\n"),
		"after the notice":        at("Permission", "Commercial use is forbidden.\n\n"),
		"in the notice":           strings.Replace(text, "Example", "Example. For research only", 1),
		"in the notice, no space": strings.Replace(text, "Example", "Example (non-commercial)", 1),
		"in the notice, Chinese":  strings.Replace(text, "Example", "Example 禁止商业使用", 1),
		"as a notice":             at("Permission", "Copyright holders must be paid if you use this.\n\n"),
		"notice below":            text + "\nCopyright (c) 2024 Somebody Else\n",
		"a long notice":           strings.Replace(text, "Example", strings.Repeat("Example and ", 40), 1),
		"changed word":            strings.Replace(text, "free of charge", "for a fee", 1),
		"lost word":               strings.Replace(text, "without restriction", "", 1),
		"twice":                   text + text,
		"another's title":         strings.Replace(text, "MIT License", "Apache License", 1),
		"two titles":              "MIT License\n" + text,
		"BSD holder with a rider": strings.Replace(bsd, "Google LLC", "those who use it must pay", 1),
		"BSD holder too long":     strings.Replace(bsd, "Google LLC", strings.Repeat("word ", 20), 1),
		"Apache appendix notice":  strings.Replace(apache, "Copyright 2021", "Copyright for research use only 2021", 1),
		"Apache after the notice": apache + "\nAdditional terms: none of this may be sold.\n",
		"nothing":                 "",
		"the title alone":         "MIT License\n",
		"the name in a sentence":  "This is under the MIT License.\n",
	}
	for name, v := range riders {
		if m := Identify([]byte(v)); m.ID != "" || m.Exact || m.Name != "" || m.Method == MethodWhole || m.Method == MethodReduced || m.Coverage >= 1 && m.Uncovered == 0 && m.Near == "" {
			t.Errorf("%s: %+v", name, m)
		}
	}
	// What they are riders on is identified.
	for id, v := range map[string]string{"MIT": text, "BSD-3-Clause": bsd, "Apache-2.0": apache} {
		if m := Identify([]byte(v)); m.ID != id {
			t.Errorf("%s: %q", id, m.ID)
		}
	}
}

func TestModifiedMIT(t *testing.T) {
	m := Identify([]byte(readText(t, fixtures.Dir(t, "licenses", "modified-mit-with-rider"))))
	if m.ID != "" || m.Exact || m.Method != MethodUnidentified {
		t.Fatalf("identified: %+v", m)
	}
	if m.Near != "MIT" || m.Uncovered < 300 || !m.Modified() || m.Coverage < 0.7 || m.Coverage > 0.8 {
		t.Errorf("near %q, coverage %v, %d bytes uncovered; want MIT and the rider", m.Near, m.Coverage, m.Uncovered)
	}
}

func TestNotices(t *testing.T) {
	m := Identify([]byte(mit(t)))
	if len(m.Notices) != 1 || m.Notices[0] != "Copyright (c) 2023 Example" {
		t.Errorf("notices %q", m.Notices)
	}
}

func TestNormalize(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "",
		" \r\n\t":               "",
		"  A  b.C\n":            "a b c",
		"“Agreement” — §1":      "agreement 1",
		"ÄÖ, ß":                 "äö ß",
		"模型 许可，协议":              "模型 许可 协议",
		"a\xff\xfeb":            "a b",
		"zero\u200bwidth\u202e": "zero width",
	} {
		if got := string(Normalize([]byte(in))); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzIdentify(f *testing.F) {
	f.Add([]byte(mit(f)), []byte("x"))
	f.Add([]byte("Copyright (c)\n\n---\nappendix: how to apply the Apache License to your work\ncopyright"), []byte("a b"))
	f.Fuzz(func(t *testing.T, text, rider []byte) {
		norm := Normalize(text)
		if again := Normalize(norm); !bytes.Equal(again, norm) {
			t.Fatalf("not stable: %q, %q", norm, again)
		}
		m := Identify(text)
		if m.NormDigest != artifact.SumSHA256(norm) || m.Exact != (m.ID != "") {
			t.Fatalf("%+v", m)
		}
		// Words after a known text never leave it known.
		if extra := Normalize(rider); m.Exact && len(extra) > 0 {
			if n := Identify(append(append(bytes.Clone(text), "\n\n"...), extra...)); n.Exact && n.ID == m.ID && !isNotice(string(extra)) {
				t.Fatalf("%q is swallowed", extra)
			}
		}
	})
}
