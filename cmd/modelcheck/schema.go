package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/schemas"
)

const schemaExit = `EXIT STATUS
  0  printed
  1  writing failed
  2  usage: the command line is malformed, or there is no such schema`

// newSchema prints the JSON Schemas that this program was built with.
func newSchema(s streams) *cobra.Command {
	var names []string
	for _, d := range schemas.All() {
		names = append(names, d.Name)
	}
	cmd := &cobra.Command{
		Use:   "schema [NAME]",
		Short: "Print the JSON Schemas of what modelcheck writes and reads",
		Long: `schema prints a JSON Schema (2020-12) of this program, byte for byte as it is
published under its $id, so that documents can be checked without a network.
Without a name it lists them.`,
		Example: `  modelcheck schema
  modelcheck schema manifest > manifest-v1.json`,
		ValidArgs: names,
		Args:      cobra.ArbitraryArgs,
		RunE:      func(_ *cobra.Command, args []string) error { return printSchema(s, names, args) },
	}
	cmd.SetUsageTemplate(cmd.UsageTemplate() + "\n" + schemaExit + "\n")
	return cmd
}

func printSchema(s streams, names, args []string) error {
	hint := "the schemas are " + strings.Join(names, ", ")
	if len(args) > 1 {
		return usageError{hintError{fmt.Errorf("%d schemas asked for, want 1", len(args)), hint}}
	}
	if len(args) == 0 {
		for _, d := range schemas.All() {
			if _, err := fmt.Fprintf(s.out, "%-10s %-18s %s\n", d.Name, d.File, d.About); err != nil {
				return fmt.Errorf("writing the list: %w", err)
			}
		}
		return nil
	}
	for _, d := range schemas.All() {
		if d.Name == args[0] {
			if _, err := s.out.Write(d.JSON); err != nil {
				return fmt.Errorf("writing the schema: %w", err)
			}
			return nil
		}
	}
	return usageError{hintError{fmt.Errorf("no schema %q", args[0]), hint}}
}
