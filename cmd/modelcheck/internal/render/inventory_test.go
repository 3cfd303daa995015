package render

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"
	"testing"
)

// TestInventoryFormulas: a model's words never become a formula of the
// spreadsheet that reads the inventory (CWE-1236), nor another line or column.
func TestInventoryFormulas(t *testing.T) {
	for _, name := range []string{
		`=HYPERLINK("https://x.example","y")`, "@SUM(A1)", "+cmd|' /C calc'!A0", "-cmd|x", "\t=1+1", " =1+1", "\r\n=1+1", "a\n=1+1", "\x1b[31m=1",
	} {
		var out bytes.Buffer
		row := Stock{Place: name, Name: name, License: name, Signers: []string{name}}
		if err := StockCSV(&out, []Stock{row, {Place: name, Problem: name}}); err != nil {
			t.Fatal(err)
		}
		lines, err := csv.NewReader(&out).ReadAll()
		if err != nil || len(lines) != 3 || len(lines[1]) != len(lines[0]) {
			t.Fatalf("%q: %d lines, %v", name, len(lines), err)
		}
		for _, cell := range slices.Concat(lines[1], lines[2]) {
			if strings.ContainsAny(cell, "\t\r\n\x1b") || strings.HasPrefix(cell, "=") || strings.HasPrefix(cell, "@") || strings.HasPrefix(cell, "+") || strings.HasPrefix(cell, "-") {
				t.Errorf("%q is written as %q", name, cell)
			}
		}
	}
}

// TestInventoryHostile: a model's words stay words, and each row has its own
// line.
func TestInventoryHostile(t *testing.T) {
	row := Stock{Place: hostile, Subject: hostile, RecordedBy: []string{hostile}, Name: hostile, License: hostile, Country: hostile, Signers: []string{hostile}}
	rows := []Stock{row, {Place: hostile, Subject: hostile, Problem: hostile}}
	var html, table, lines bytes.Buffer
	if StockHTML(&html, rows) != nil || StockTable(&table, rows) != nil || StockLines(&lines, rows) != nil {
		t.Fatal("not written")
	}
	for _, bad := range []string{"<script", "<img", "javascript:", "\x1b", "\u202e"} {
		for name, page := range map[string]string{"html": html.String(), "table": table.String(), "lines": lines.String()} {
			if (name == "html" || bad == "\x1b" || bad == "\u202e" && name == "table") && strings.Contains(page, bad) {
				t.Errorf("%s holds %q", name, bad)
			}
		}
	}
	if n := strings.Count(table.String(), "\n"); n != 3 {
		t.Errorf("%d lines of a table", n)
	}
	if n := strings.Count(lines.String(), "\n"); n != 2 {
		t.Errorf("%d JSON lines", n)
	}
}
