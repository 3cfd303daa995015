package disclose

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzCard: whatever a card holds, results are those of extract's promises,
// the same every time, and not changed by Windows line ends.
func FuzzCard(f *testing.F) {
	f.Add("---\nlicense: mit\nlicense_name: deepseek\nbase_model: [a-1]\n---\n" + aboutFoo + "This model is licensed under the [MIT License](LICENSE).\n")
	f.Add("---\na: &a [*a]\n---\n| Model | #Params |\n|---|---|\n| Foo-7B | 7B |\n")
	f.Add(aboutFoo + "We pre-train it on **2T** tokens, <a href='x'>and</a> <!-- so --> on. ```\n~~~\n> x")
	f.Fuzz(func(t *testing.T, text string) {
		in := cardOf(text)
		r := extract(t, in)
		for _, o := range r.Observations {
			if !utf8.ValidString(o.Source.Quote) || !utf8.Valid(o.Value) {
				t.Fatalf("invalid UTF-8 in %+v", o)
			}
		}
		if again := extract(t, in); !equalResults(r, again) {
			t.Fatal("two runs differ")
		}
		if strings.Contains(text, "\r") || strings.ContainsRune(text, 0) {
			return
		}
		windows := seenIn(extract(t, cardOf(strings.ReplaceAll(text, "\n", "\r\n"))))
		if unix := seenIn(r); len(unix) != len(windows) {
			t.Fatalf("with CRLF: %+v, without: %+v", windows, unix)
		}
	})
}

func equalResults(a, b told) bool {
	if len(a.Observations) != len(b.Observations) || len(a.Findings) != len(b.Findings) {
		return false
	}
	for i, o := range a.Observations {
		p := b.Observations[i]
		if o.Claim != p.Claim || string(o.Value) != string(p.Value) || o.Source.Quote != p.Source.Quote {
			return false
		}
	}
	return true
}

// FuzzProse: sentences stand where they are said to, and splitting loses
// nothing.
func FuzzProse(f *testing.F) {
	f.Add("One. Two is here! E.g. three.\n\n- Four, v. 4.5. \"Five?\" Six")
	f.Fuzz(func(t *testing.T, text string) {
		if got := strings.Join(splitSentences(text), ""); got != text {
			t.Fatalf("%q became %q", text, got)
		}
		p := newPage(document("README.md", text))
		for _, s := range readProse(p, 1).sentences {
			if s.first < 1 || s.last < s.first || s.last > len(p.lines) {
				t.Fatalf("%+v in %d lines", s, len(p.lines))
			}
			for _, l := range s.links {
				if l.start < 0 || l.end < l.start || l.end > len(s.plain) {
					t.Fatalf("link %+v in %q", l, s.plain)
				}
			}
		}
	})
}

// FuzzConfig: whatever a config blob holds, what is said of it is quoted.
func FuzzConfig(f *testing.F) {
	f.Add(typeModelPack, `{"descriptor":{"licenses":["MIT"],"name":"x"},"config":{"paramSize":"7B"}}`)
	f.Add(typeKitOps, `{"code":[{"license":"MIT"}],"model":{"license":"a\"b"}}`)
	f.Add(typeDockerAI, `{"config":{"gguf":{"general.license":"mit"}}}`)
	f.Fuzz(func(t *testing.T, mediaType, body string) {
		r := extract(t, configOf(mediaType, body))
		for _, o := range r.Observations {
			if q := strings.TrimSuffix(o.Source.Quote, "…"); q == "" || !strings.Contains(body, q) {
				t.Fatalf("%q is not in %q", o.Source.Quote, body)
			}
		}
	})
}
