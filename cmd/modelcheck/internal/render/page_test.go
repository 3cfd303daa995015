package render

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// demoRecord is the record of a report of the demo model, by itself.
func demoRecord(t *testing.T, r *check.Report, examined bool) RecordSource {
	t.Helper()
	m := *r.Manifest
	m.Subject = r.Resolved.Digest
	return RecordSource{Name: "manifest.json", Manifest: &m, Digest: artifact.SumSHA256([]byte("x")), Examined: examined}
}

func pagesRendered(t *testing.T, all ...Page) map[string]string {
	t.Helper()
	var html, md, text bytes.Buffer
	if err := PagesHTML(&html, all); err != nil {
		t.Fatal(err)
	}
	if err := PagesMarkdown(&md, all); err != nil {
		t.Fatal(err)
	}
	if err := PagesText(&text, all, Style{}); err != nil {
		t.Fatal(err)
	}
	return map[string]string{"html": html.String(), "md": md.String(), "txt": text.String()}
}

func TestRecordPages(t *testing.T) {
	r := report(t, "allow")
	for name, text := range pagesRendered(t, RecordPage(demoRecord(t, r, false))) {
		golden(t, "record."+name, []byte(text))
	}
}

// TestRecordHasNoVerdict: a record by itself never looks like a decision, and
// no check that was made by somebody else like one that was made here.
func TestRecordHasNoVerdict(t *testing.T) {
	r := report(t, "allow")
	for _, examined := range []bool{false, true} {
		for name, text := range pagesRendered(t, RecordPage(demoRecord(t, r, examined))) {
			if m := success.FindString(text); m != "" {
				t.Errorf("%s (examined: %v) says %q", name, examined, m)
			}
			if name != "txt" && !strings.Contains(text, noVerdict) {
				t.Errorf("%s does not say %q", name, noVerdict)
			}
			if hashed := strings.Contains(text, "hashed"); hashed != examined {
				t.Errorf("%s (examined: %v) says hashed: %v", name, examined, hashed)
			}
			if name == "html" && regexp.MustCompile(`class="verdict (go|stop)"`).MatchString(text) {
				t.Error("a record has the colour of a verdict")
			}
		}
	}
	if m := regexp.MustCompile(`>verified</span></td><td><bdi>key`).FindString(pagesRendered(t, RecordPage(demoRecord(t, r, false)))["html"]); m != "" {
		t.Error("a recorded signature reads as one that was verified now")
	}
}

// TestStoredPages: what a report file says is what a file says.
func TestStoredPages(t *testing.T) {
	texts := pagesRendered(t, StoredPage(report(t, "allow"), "r.json"), StoredPage(report(t, "deny"), "r.json"))
	for name, text := range texts {
		if n := strings.Count(text, "Nothing was checked again"); n != 2 {
			t.Errorf("%s says %d times where it is from", name, n)
		}
	}
	if strings.Contains(texts["html"], `class="verdict go"`) || !strings.Contains(texts["html"], `<h1 class="word">ALLOW, AS A FILE SAYS</h1>`) {
		t.Error("a stored report looks like a check")
	}
	if !strings.HasPrefix(texts["md"], "## modelcheck: 2 references: 1 ALLOW, AS A FILE SAYS, 1 DENY, AS A FILE SAYS\n") {
		t.Errorf("begins with %.90q", texts["md"])
	}
	if !strings.HasPrefix(texts["txt"], "This page was made of the report file") {
		t.Errorf("begins with %.90q", texts["txt"])
	}
}

// TestHostileRecord: the same hostile text as in TestHostile, in a record.
func TestHostileRecord(t *testing.T) {
	r := poisoned(t)
	src := demoRecord(t, r, false)
	src.Name = hostile
	own := map[string]*regexp.Regexp{
		"html": regexp.MustCompile(`(?i)<script|<img|</style>\s*<img|href="[^#]|<[^>]*\ssrc=|<!-- -->|<t[dh][^>]*>(<bdi>)?=`),
		"md":   regexp.MustCompile("(?i)<script|<img|<!--|\\]\\(|`|://|[^>]:white_check|www\\.|[^>]@|\\| =|\\n\\| ALLOW"),
		"txt":  regexp.MustCompile(`(?m)^\s*::`),
	}
	everywhere := regexp.MustCompile("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\u2028\u2029]|##vso\\[|##\\[|##teamcity\\[")
	for name, text := range pagesRendered(t, RecordPage(src), StoredPage(r, hostile)) {
		if !strings.Contains(text, "evil") {
			t.Errorf("%s: the text is not there at all", name)
		}
		for _, pattern := range []*regexp.Regexp{everywhere, own[name]} {
			if at := pattern.FindStringIndex(text); at != nil {
				t.Errorf("%s: %q in %q", name, text[at[0]:at[1]], text[max(0, at[0]-80):min(len(text), at[1]+80)])
			}
		}
	}
}

// TestEvidenceOfAnnotations: what is quoted from something that is no file has
// a place with its digest, too.
func TestEvidenceOfAnnotations(t *testing.T) {
	r := report(t, "allow")
	src := demoRecord(t, r, false)
	quoted := artifact.SumSHA256([]byte("manifest"))
	for i := range src.Manifest.Claims {
		for j := range src.Manifest.Claims[i].Observations {
			src.Manifest.Claims[i].Observations[j].Source = provenance.Source{Kind: provenance.SourceAnnotation, Digest: quoted, Pointer: "org.opencontainers.image.licenses"}
		}
	}
	page := pagesRendered(t, RecordPage(src))["html"]
	if !strings.Contains(page, `id="document-1"`) || !strings.Contains(page, `href="#document-1"`) || !strings.Contains(page, quoted.String()) {
		t.Error("nothing leads from an annotation to its digest")
	}
}
