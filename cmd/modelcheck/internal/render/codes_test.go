package render

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestCodes holds the texts of rules to docs/errors.md, word by word.
func TestCodes(t *testing.T) {
	doc, err := os.ReadFile("../../../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	section, advises, effects := "", false, false
	for line := range strings.Lines(string(doc)) {
		line = strings.TrimSpace(line)
		if title, ok := strings.CutPrefix(line, "### "); ok {
			section, _, _ = strings.Cut(title, " (")
		}
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		switch {
		case strings.HasPrefix(line, "| code "):
			advises, effects = strings.Contains(line, "what to do"), strings.Contains(line, "effect")
		case section != "" && strings.HasPrefix(line, "| `"):
			meaning, advice := cells[1], ""
			if effects {
				meaning = cells[2]
			}
			if advises && cells[2] != "–" {
				advice = cells[2]
			}
			fmt.Fprintf(&b, "%s\t%s\t%s\t%s\n", section, strings.Trim(cells[0], "`"), plain(meaning), plain(advice))
		}
	}
	if *update {
		if err := os.WriteFile("codes.tsv", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		codesTSV = b.String()
	}
	if codesTSV != b.String() {
		t.Error("codes.tsv differs from docs/errors.md (go test ./cmd/modelcheck/internal/render -run TestCodes -update, then read the diff)")
	}
	if n := len(codeTexts()); n < 70 || n != strings.Count(b.String(), "\n") {
		t.Errorf("%d codes of %d", n, strings.Count(b.String(), "\n"))
	}
}

// plain takes the marks of Markdown out of a table's cell.
func plain(s string) string {
	s = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`).ReplaceAllString(s, "$1")
	return strings.ReplaceAll(s, "`", "")
}
