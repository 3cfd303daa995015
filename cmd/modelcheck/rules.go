package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/pkg/check"
)

const rulesLong = `rules lists what inspection reports of a model's files, by stable id, and prints
the page of one rule: why it matters, how to see the same by hand, what to do.

A finding in a report or record carries the id of its rule in facts.rule. The
class is that of what loading the file does, at least, where the rule matches.`

// rulesVersion is the version of the JSON, described by schemas/rules-v1.json.
const rulesVersion = "1"

type ruleList struct {
	SchemaVersion string       `json:"schemaVersion"`
	Rules         []check.Rule `json:"rules"`
}

func newRules(s streams) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "rules [ID]",
		Short: "List what inspection reports, or print the page of one rule",
		Long:  rulesLong,
		Example: `  modelcheck rules
  modelcheck rules MC-PICKLE-IMPORT
  modelcheck rules --output json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError{hintError{fmt.Errorf("%d ids given, want at most 1", len(args)), "for example: modelcheck rules MC-PICKLE-IMPORT"}}
			}
			return nil
		},
		ValidArgsFunction: completeRules,
		RunE:              func(_ *cobra.Command, args []string) error { return rules(s, output, args) },
	}
	outputFlag(cmd, &output)
	return cmd
}

func completeRules(_ *cobra.Command, args []string, begin string) ([]string, cobra.ShellCompDirective) {
	var out []string
	for _, r := range check.Rules() {
		if len(args) == 0 && strings.HasPrefix(r.ID, strings.ToUpper(begin)) {
			out = append(out, r.ID+"\t"+r.Title)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

func rules(s streams, output string, args []string) error {
	list := check.Rules()
	if len(args) == 1 {
		r, ok := check.FindRule(strings.ToUpper(args[0]))
		if !ok {
			hint := "modelcheck rules lists all ids"
			if near := nearRules(args[0]); len(near) > 0 {
				hint = "is " + strings.Join(near, " or ") + " meant? " + hint
			}
			return usageError{hintError{fmt.Errorf("no rule %q", args[0]), hint}}
		}
		list = []check.Rule{r}
	}
	if output == "json" {
		enc := json.NewEncoder(s.out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(ruleList{rulesVersion, list})
	}
	if len(args) == 1 {
		_, err := fmt.Fprint(s.out, list[0].Page())
		return err
	}
	width := 0
	for _, r := range list {
		width = max(width, len(r.ID))
	}
	for _, r := range list {
		class := r.Class
		if class == "" {
			class = "–"
		}
		if _, err := fmt.Fprintf(s.out, "%-*s  %-12s  %s\n", width, r.ID, class, r.Title); err != nil {
			return err
		}
	}
	return nil
}

// nearRules are the ids that hold a word of what was typed, at most three.
func nearRules(typed string) []string {
	var out []string
	words := strings.FieldsFunc(strings.ToUpper(typed), func(r rune) bool { return r == '-' || r == ' ' || r == '_' })
	words = slices.DeleteFunc(words, func(w string) bool { return w == "MC" || len(w) < 3 })
	for _, r := range check.Rules() {
		for _, w := range words {
			if strings.Contains(r.ID, w) && !slices.Contains(out, r.ID) && len(out) < 3 {
				out = append(out, r.ID)
			}
		}
	}
	return out
}
