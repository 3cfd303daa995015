package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/render"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

const inventoryLong = `inventory lists provenance manifests: those given, and those in folders (files
whose names end in .json). --filter keeps those for which an expression in the
policy language is true.

Nothing is checked of what the records say. A file that is no sound record is
told on stderr and ends the command with 3; an expression that fails over a
record, too: neither is left out in silence.`

const inventoryExit = `EXIT STATUS
  0  every file was read, and every record that matches is listed
  1  a folder or file could not be read, or writing failed
  2  usage: the command line or the expression is malformed, or nothing was given
  3  listed, but not all: a file is no sound record, or the filter failed over one`

type inventoryFlags struct{ filter, output string }

func newInventory(s streams) *cobra.Command {
	var f inventoryFlags
	cmd := &cobra.Command{
		Use:   "inventory FOLDER|FILE…",
		Short: "List provenance manifests, filtered by expressions of the policy language",
		Long:  inventoryLong,
		Example: `  modelcheck inventory ./records
  modelcheck inventory ./records --filter 'findings.exists(f, f.id == "code-on-load")' --output csv`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error { return inventory(s, f, args) },
	}
	cmd.Flags().StringVar(&f.filter, "filter", "", "list only records for which this `EXPRESSION` is true (docs/policy.md)")
	cmd.Flags().StringVarP(&f.output, "output", "o", "table", "table, csv or jsonl")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "csv", "jsonl"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.SetUsageTemplate(cmd.UsageTemplate() + "\n" + inventoryExit + "\n")
	return cmd
}

// A stock is what the inventory says of one record.
type stock struct {
	File        string   `json:"file"`
	Subject     string   `json:"subject"`
	Substance   string   `json:"substanceDigest"`
	Name        string   `json:"name"`
	License     string   `json:"license"`
	Signers     []string `json:"signers"`
	Disclosed   int      `json:"disclosed"`
	Questions   int      `json:"questions"`
	Conflicts   int      `json:"conflicts"`
	Findings    int      `json:"findings"`
	Bytes       int64    `json:"bytes"`
	NotExamined int      `json:"notExamined"`
}

func inventory(s streams, f inventoryFlags, args []string) error {
	if len(args) == 0 {
		return usageError{hintError{errors.New("nothing to list"), "for example: modelcheck inventory ./records"}}
	}
	if !slices.Contains([]string{"table", "csv", "jsonl"}, f.output) {
		return usageError{fmt.Errorf("unknown output %q, want table, csv or jsonl", f.output)}
	}
	keep := func(*provenance.Manifest) (bool, error) { return true, nil }
	if f.filter != "" {
		filter, err := policy.ParseFilter(f.filter)
		if err != nil {
			return usageError{err}
		}
		now := time.Now()
		keep = func(m *provenance.Manifest) (bool, error) { return filter.Match(m, now) }
	}
	files, err := recordFiles(args)
	if err != nil {
		return err
	}
	var rows []stock
	bad := false
	for _, name := range files {
		r, err := readRecord(s, name)
		var refused recordError
		if err != nil && !errors.As(err, &refused) {
			return err
		}
		held := false
		if err == nil {
			held, err = keep(r.manifest)
		}
		switch {
		case err != nil:
			bad = true
			complain(s.err, fmt.Errorf("%q is not listed: %w", name, err))
		case held:
			rows = append(rows, stockOf(r))
		}
	}
	if err := writeStock(s, f.output, rows); err != nil {
		return fmt.Errorf("writing the inventory: %w", err)
	}
	if bad {
		return denied()
	}
	return nil
}

// recordFiles lists files, those of folders by name.
func recordFiles(args []string) ([]string, error) {
	var out []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			out = append(out, arg)
			continue
		}
		err = filepath.WalkDir(arg, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && strings.HasSuffix(path, ".json") {
				out = append(out, path)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if len(out) == 0 {
		return nil, usageError{hintError{errors.New("no file that ends in .json"), "modelcheck manifest generate REFERENCE -o records/NAME.json writes one"}}
	}
	return out, nil
}

func stockOf(r record) stock {
	row := stock{File: r.name, Subject: r.manifest.Subject.String(), Signers: []string{}, Questions: len(r.manifest.Claims), Findings: len(r.manifest.Findings), Bytes: r.manifest.Artifact.TotalBytes}
	if d, err := provenance.SubstanceDigest(r.manifest); err == nil {
		row.Substance = d.String()
	}
	for _, g := range r.manifest.Signatures {
		row.Signers = append(row.Signers, g.Signer)
	}
	for _, c := range r.manifest.Claims {
		switch c.State {
		case provenance.StateConflicting:
			row.Conflicts++
		case provenance.StateDeclared, provenance.StateAttested, provenance.StateVerified:
			row.Disclosed++
		case provenance.NotExamined:
			row.NotExamined++
		}
		word := c.State.String()
		if c.Value != nil {
			word = render.Value(c.Value)
		}
		switch c.ID {
		case "identity.name":
			row.Name = word
		case "license.weights":
			row.License = word
		}
	}
	return row
}

func writeStock(s streams, format string, rows []stock) error {
	if format == "jsonl" {
		for _, row := range rows {
			if err := render.JSONLine(s.out, row); err != nil {
				return err
			}
		}
		return nil
	}
	table := [][]string{{"file", "subject", "name", "licence", "signers", "stated", "questions", "conflicts", "not examined", "findings", "bytes"}}
	for _, r := range rows {
		table = append(table, []string{r.File, r.Subject, r.Name, r.License, strings.Join(r.Signers, " "), strconv.Itoa(r.Disclosed), strconv.Itoa(r.Questions),
			strconv.Itoa(r.Conflicts), strconv.Itoa(r.NotExamined), strconv.Itoa(r.Findings), strconv.FormatInt(r.Bytes, 10)})
	}
	if format == "csv" {
		w := csv.NewWriter(s.out)
		for _, line := range table {
			for i := range line {
				line[i] = render.Cell(line[i])
			}
			if err := w.Write(line); err != nil {
				return err
			}
		}
		w.Flush()
		return w.Error()
	}
	for _, line := range table {
		for i := range line {
			line[i] = printable(line[i])
		}
		if len(line[1]) > 19 {
			line[1] = line[1][:19] + "…"
		}
		if _, err := fmt.Fprintf(s.out, "%-28s %-20s %-20s %-24s %-14s %6s/%-9s %9s %12s %8s %12s\n", line[0], line[1], line[2], line[3], line[4], line[5], line[6], line[7], line[8], line[9], line[10]); err != nil {
			return err
		}
	}
	return nil
}
