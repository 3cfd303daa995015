package rule

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite docs/rules")

const pages = "../../../../docs/rules"

// TestPages holds docs/rules to the catalogue, page by page and no page more.
func TestPages(t *testing.T) {
	want := map[string]string{"README.md": Index()}
	for _, r := range All() {
		want[r.ID+".md"] = r.Page()
	}
	if *update {
		for name, page := range want {
			if err := os.WriteFile(filepath.Join(pages, name), []byte(page), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	files, err := os.ReadDir(pages)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		page, ok := want[f.Name()]
		delete(want, f.Name())
		b, err := os.ReadFile(filepath.Join(pages, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if !ok || string(b) != page {
			t.Errorf("%s is not the page of a rule (go test -update, then read the diff)", f.Name())
		}
	}
	for name := range want {
		t.Errorf("%s is missing", name)
	}
}

func TestCatalogue(t *testing.T) {
	id := regexp.MustCompile(`^MC(-[A-Z]+)+$`)
	classes := " unknown inert discloses template file-read egress code code-on-load native  "
	last := ""
	for _, r := range All() {
		if !id.MatchString(r.ID) || r.ID == last {
			t.Errorf("id %q", r.ID)
		}
		last = r.ID
		for _, s := range []string{r.Title, r.Why, r.Reproduce, r.Do} {
			if strings.TrimSpace(s) == "" {
				t.Errorf("%s: an empty text", r.ID)
			}
		}
		if strings.HasSuffix(r.Title, ".") || !strings.HasSuffix(r.Why, ".") || !strings.HasSuffix(r.Do, ".") || !strings.Contains(classes, " "+r.Class+" ") {
			t.Errorf("%s: punctuation or class %q", r.ID, r.Class)
		}
		if got, ok := Find(r.ID); !ok || got.Title != r.Title {
			t.Errorf("Find(%q)", r.ID)
		}
	}
	if _, ok := Find("MC-NOTHING"); ok {
		t.Error("found what is not there")
	}
}
