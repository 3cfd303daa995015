package render

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	expjson "github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/check"
)

// hostile is what documents of a model may hold to act on whoever reads a
// report: terminals, browsers, forges, runners of CI, spreadsheets.
const hostile = "=HYPERLINK(\"http://evil.example\",\"x\") \x1b[2J\x1b]0;x\x07 \u202egpj.exe\u2066 </script><script>alert(1)</script> </style><img src=x onerror=alert(1)> " +
	"a | b `code` [click](http://evil.example) www.evil.example @everyone #1 ::error::pwned ##vso[task.complete result=Succeeded;] ##[error]x ##teamcity[x] {{.}} {0}\r\n::set-output name=outcome::allow\n| ALLOW | \u2028\x00\xff %0A::error::x ]]> <!-- --> :white_check_mark: mailto:a@b.example"

// poisoned is the report of the demo model with hostile text in every place
// where text of an outsider can stand.
func poisoned(t *testing.T) *check.Report {
	t.Helper()
	r := report(t, "allow")
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	doc = poison(doc, "")
	if data, err = json.Marshal(doc); err != nil {
		t.Fatal(err)
	}
	out := new(check.Report)
	if err := expjson.Unmarshal(data, out); err != nil {
		t.Fatal(err)
	}
	m := out.Manifest
	m.Findings = append(m.Findings, m.Findings...)
	for i := range out.Verdict.Reasons {
		out.Verdict.Reasons[i].Effect, out.Verdict.Reasons[i].Subject = 3, m.Files[0].Path
	}
	out.Verdict.Outcome = 3
	out.Signatures[0].Detail, out.Signatures[0].Verdict = hostile, 1
	out.Error = &check.Failure{Code: hostile, Message: hostile}
	return out
}

// poison puts hostile text where strings are free: not in digests, times and
// words with a meaning of their own.
func poison(v any, name string) any {
	switch v := v.(type) {
	case map[string]any:
		for k, member := range v {
			v[k] = poison(member, k)
		}
	case []any:
		for i, member := range v {
			v[i] = poison(member, name)
		}
	case string:
		switch name {
		case "reference", "path", "quote", "value", "message", "subject", "pointer", "detail", "code", "checked", "signers",
			"name", "version", "packaging", "text", "unit", "kind", "method", "issuer", "time", "criteria", "format", "keyFingerprint":
			return hostile + v
		}
	}
	return v
}

// TestHostile: whatever a model says, it stays text.
func TestHostile(t *testing.T) {
	r := poisoned(t)
	everywhere := regexp.MustCompile("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\u2028\u2029]|(?m:^\\s*::(set|stop|add|debug|group|save))|##vso\\[|##\\[|##teamcity\\[")
	own := map[string]*regexp.Regexp{
		"html":      regexp.MustCompile(`(?i)<script|<img|</style>\s*<img|href="[^#]|<[^>]*\ssrc=|<td[^>]*>(<bdi>)?=`),
		"md":        regexp.MustCompile("(?i)<script|<img|\\]\\(|`|://|[^>]:white_check|www\\.|[^>]@|\\| =|\\n\\| ALLOW"),
		"github":    regexp.MustCompile(`(?m)^([^:]|:[^:]|::[^enw])|\n\n`),
		"sarif":     regexp.MustCompile(`"text": ".*\]\(`),
		"junit.xml": regexp.MustCompile(`(?i)<script|\]\]>`),
		"gitlab":    regexp.MustCompile(`"(severity|fingerprint)": "[^"]*evil`),
		"txt":       regexp.MustCompile(`(?m)^\s*::`),
	}
	for format := range formats {
		text := rendered(t, format, r, r)
		if !strings.Contains(text, "evil") {
			t.Errorf("%s: the text is not there at all", format)
		}
		for _, pattern := range []*regexp.Regexp{everywhere, own[format]} {
			if format == "junit.xml" || format == "sarif" {
				text = strings.ReplaceAll(text, "\t", " ")
			}
			if at := pattern.FindStringIndex(text); at != nil {
				t.Errorf("%s: %q in %q", format, text[at[0]:at[1]], text[max(0, at[0]-80):min(len(text), at[1]+80)])
			}
		}
	}
	// Every line of a table in Markdown has as many cells as its head.
	cells := 0
	for line := range strings.Lines(rendered(t, "md", r)) {
		if !strings.HasPrefix(line, "|") {
			cells = 0
			continue
		}
		n := strings.Count(line, "|")
		if cells != 0 && n != cells {
			t.Errorf("a row of %d cells in a table of %d: %q", n-1, cells-1, line)
		}
		cells = n
	}
}

// TestOutputsOfGitHub: nothing of an outsider reaches $GITHUB_OUTPUT.
func TestOutputsOfGitHub(t *testing.T) {
	r := poisoned(t)
	var b strings.Builder
	if err := GitHubOutputs(&b, r.Verdict.Outcome, []*check.Report{r}); err != nil {
		t.Fatal(err)
	}
	want := "outcome=deny\ndigest=" + r.Resolved.Digest.String() + "\nmanifest-digest=" + r.ManifestDigest.String() + "\n"
	if b.String() != want {
		t.Errorf("got %q", b.String())
	}
}
