package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/render"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

const inventoryLong = `inventory lists provenance manifests: those given, those in folders (files whose
names end in .json), and those that are recorded about the artifacts of a
registry: of references, of a namespace (HOST/NAMESPACE) or of a whole HOST.

Nothing is checked of what the records in files say. In a registry, anybody can
attach a record: those count that signers in the policy's section summaries
signed, about that digest (modelcheck attest). No weights are read. What a
registry leaves out of its list cannot be known; references in a file
(--file) do not depend on its list.

Nothing is left out in silence: what has no record, what is no sound record and
what the filter fails over has a row that says so, and the command ends with 3.`

const inventoryExit = `EXIT STATUS
  0  everything was read, and every record that matches is listed
  1  a folder, file or registry could not be read, or writing failed
  2  usage: the command line, the policy or the expression is malformed, or nothing was given
  3  listed, with rows that have no record: none that counts, none that is sound, or one that the filter failed over`

type inventoryFlags struct {
	verifyFlags
	filter string
}

func newInventory(s streams) *cobra.Command {
	var f inventoryFlags
	cmd := &cobra.Command{
		Use:   "inventory FOLDER|FILE|REFERENCE|HOST[/NAMESPACE]…",
		Short: "List provenance manifests, filtered by expressions of the policy language",
		Long:  inventoryLong,
		Example: `  modelcheck inventory ./records
  modelcheck inventory ./records --filter 'findings.exists(f, f.id == "code-on-load")' --output csv
  modelcheck inventory registry.example/models --policy policy.yaml --output html > models.html
  modelcheck inventory --file references.txt --policy policy.yaml`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return inventory(cmd.Context(), s, f, args) },
	}
	f.place.addAccess(cmd)
	f.trust.addPolicy(cmd)
	f.trust.roots.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.filter, "filter", "", "list only records for which this `EXPRESSION` is true (docs/policy.md)")
	flags.StringVarP(&f.many.file, "file", "f", "", "read references from `FILE` too, one per line, with # comments (- for stdin)")
	flags.StringVarP(&f.output, "output", "o", "table", "table, csv, jsonl or html")
	_ = cmd.MarkFlagFilename("file")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "csv", "jsonl", "html"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.SetUsageTemplate(cmd.UsageTemplate() + "\n" + inventoryExit + "\n")
	return cmd
}

var stockWriters = map[string]func(io.Writer, []render.Stock) error{
	"table": render.StockTable, "csv": render.StockCSV, "jsonl": render.StockLines, "html": render.StockHTML,
}

func inventory(ctx context.Context, s streams, f inventoryFlags, args []string) error {
	write, ok := stockWriters[f.output]
	if !ok {
		return usageError{fmt.Errorf("unknown output %q, want table, csv, jsonl or html", f.output)}
	}
	keep, err := f.keeper()
	if err != nil {
		return err
	}
	rows, err := f.stock(ctx, s, args, keep)
	if err != nil {
		return err
	}
	if !f.place.quiet {
		if err := write(s.out, rows); err != nil {
			return fmt.Errorf("writing the inventory: %w", err)
		}
	}
	without := 0
	for _, r := range rows {
		if r.Problem != "" {
			without++
		}
	}
	if without > 0 {
		complain(s.err, fmt.Errorf("without a record: %d of %d rows", without, len(rows)))
		return denied()
	}
	return nil
}

// A keeper says whether a record is listed.
type keeper func(*provenance.Manifest) (bool, error)

func (f inventoryFlags) keeper() (keeper, error) {
	if f.filter == "" {
		return func(*provenance.Manifest) (bool, error) { return true, nil }, nil
	}
	filter, err := policy.ParseFilter(f.filter)
	if err != nil {
		return nil, usageError{err}
	}
	now := time.Now()
	return func(m *provenance.Manifest) (bool, error) { return filter.Match(m, now) }, nil
}

// stock reads what was named: files, folders, references, registries.
func (f inventoryFlags) stock(ctx context.Context, s streams, args []string, keep keeper) ([]render.Stock, error) {
	var files, elsewhere []string
	for _, arg := range args {
		if _, err := os.Stat(arg); err == nil {
			files = append(files, arg)
		} else if inRegistry(arg) {
			elsewhere = append(elsewhere, arg)
		} else {
			return nil, err
		}
	}
	if f.many.file != "" {
		read, err := f.many.read(s)
		if err != nil {
			return nil, err
		}
		elsewhere = append(elsewhere, read...)
	}
	if len(files)+len(elsewhere) == 0 {
		return nil, usageError{hintError{errors.New("nothing to list"), "for example: modelcheck inventory ./records"}}
	}
	files, err := recordFiles(files)
	if err != nil {
		return nil, err
	}
	var rows []render.Stock
	for _, name := range files {
		r, err := readRecord(s, name)
		var refused recordError
		if errors.As(err, &refused) {
			err = recordError{refused.code, errors.Unwrap(refused.err)} // the row names the file
		} else if err != nil {
			return nil, err
		}
		rows = append(rows, stockRow(render.Stock{Place: name}, r.manifest, err, keep)...)
	}
	more, err := f.registryStock(ctx, s, elsewhere, keep)
	return append(rows, more...), err
}

// stockRow fills a row, of which there is none where the filter says no.
func stockRow(row render.Stock, m *provenance.Manifest, err error, keep keeper) []render.Stock {
	held := true
	if err == nil {
		if held, err = keep(m); err != nil {
			err = fmt.Errorf("the filter failed: %w", err)
		}
	}
	switch {
	case err != nil:
		row.Problem = err.Error()
	case !held:
		return nil
	default:
		row.Fill(m)
	}
	return []render.Stock{row}
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
	if len(out) == 0 && len(args) > 0 {
		return nil, usageError{hintError{errors.New("no file that ends in .json"), "modelcheck manifest generate REFERENCE -o records/NAME.json writes one"}}
	}
	return out, nil
}
