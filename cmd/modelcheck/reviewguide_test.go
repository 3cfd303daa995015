package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReviewGuide runs the commands of docs/review-guide.md in order and holds
// the lines that it shows to what is printed: "…" stands for anything. The
// report code that the guide shows is replaced by the one that is printed.
func TestReviewGuide(t *testing.T) {
	root := absolute(t, "../..")
	doc, err := os.ReadFile(filepath.Join(root, "docs", "review-guide.md"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for from, to := range map[string]string{"testdata/demo/layout": "demo", "testdata/review": "."} {
		if err := os.CopyFS(filepath.Join(dir, to), os.DirFS(filepath.Join(root, from))); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	g := guide{t: t}
	inside := false
	for line := range strings.Lines(string(doc)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "```"):
			g.end()
			inside = line == "```console"
		case inside:
			g.line(line)
		}
	}
	if g.ran < 10 || g.compared < 15 {
		t.Errorf("%d commands, %d lines compared", g.ran, g.compared)
	}
}

type guide struct {
	t             *testing.T
	command       string
	lines         []string
	exit          int
	shown, code   string // report codes: in the guide, and printed
	ran, compared int
}

func (g *guide) line(s string) {
	switch {
	case strings.HasPrefix(s, "$ modelcheck "):
		g.end()
		g.command = strings.TrimPrefix(s, "$ modelcheck ")
	case strings.HasPrefix(s, "# exit "):
		if _, err := fmt.Sscan(strings.TrimPrefix(s, "# exit "), &g.exit); err != nil {
			g.t.Fatal(s, err)
		}
	default:
		g.lines = append(g.lines, s)
	}
}

// end runs the command that was read, if there is one.
func (g *guide) end() {
	if g.command == "" {
		return
	}
	command := g.command
	if g.shown != "" {
		command = strings.ReplaceAll(command, g.shown, g.code)
	}
	var out, talk bytes.Buffer
	code := run(g.t.Context(), shellFields(command), streams{out: &out, err: &talk, env: func(string) string { return "" }})
	if code != g.exit {
		g.t.Fatalf("modelcheck %s: exit %d, want %d\n%s%s", command, code, g.exit, out.String(), talk.String())
	}
	for _, want := range g.lines {
		if shown, ok := strings.CutPrefix(want, "report code "); ok {
			printed, ok := strings.CutPrefix(strings.TrimSpace(out.String()), "report code ")
			if !ok {
				g.t.Fatalf("modelcheck %s prints no code: %s", command, out.String())
			}
			g.shown, g.code = shown, printed
			continue
		}
		pattern := "(?m)^" + strings.ReplaceAll(regexp.QuoteMeta(want), "…", ".*") + "$"
		if !regexp.MustCompile(pattern).MatchString(unwrapped(out.String())) {
			g.t.Errorf("modelcheck %s: the guide shows %q, printed is\n%s", command, want, out.String())
		}
		g.compared++
	}
	g.ran++
	g.command, g.lines, g.exit = "", nil, exitAllow
}

// unwrapped joins the lines that the report breaks for a terminal.
func unwrapped(s string) string { return regexp.MustCompile(`\n {8,}`).ReplaceAllString(s, " ") }
