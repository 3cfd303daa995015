package main

import (
	"bytes"
	"encoding/csv"
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
		row := stock{File: name, Name: name, License: name, Signers: []string{name}}
		if err := writeStock(streams{out: &out}, "csv", []stock{row}); err != nil {
			t.Fatal(err)
		}
		lines, err := csv.NewReader(&out).ReadAll()
		if err != nil || len(lines) != 2 || len(lines[1]) != len(lines[0]) {
			t.Fatalf("%q: %d lines, %v", name, len(lines), err)
		}
		for _, cell := range lines[1] {
			if strings.ContainsAny(cell, "\t\r\n\x1b") || strings.HasPrefix(cell, "=") || strings.HasPrefix(cell, "@") || strings.HasPrefix(cell, "+") || strings.HasPrefix(cell, "-") {
				t.Errorf("%q is written as %q", name, cell)
			}
		}
	}
}
