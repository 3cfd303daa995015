package policy

import (
	"embed"
	"fmt"
	"slices"
	"strings"
)

//go:embed library/starters
var starters embed.FS

// A Starter is a commented policy to begin with.
type Starter struct {
	Name string
	YAML []byte
}

// Starters returns the policies to begin with, by name.
func Starters() ([]Starter, error) {
	entries, err := starters.ReadDir("library/starters")
	if err != nil {
		return nil, fmt.Errorf("reading the starter policies: %w", err)
	}
	var out []Starter
	for _, e := range entries {
		data, err := starters.ReadFile("library/starters/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("reading the starter policies: %w", err)
		}
		out = append(out, Starter{strings.TrimSuffix(e.Name(), ".yaml"), data})
	}
	slices.SortFunc(out, func(a, b Starter) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}
