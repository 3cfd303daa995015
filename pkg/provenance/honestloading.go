package provenance

import (
	"errors"
	"fmt"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// checkLoading wants the class of the model to be the worst of its files, and
// a finding for every file of which it is not known what loading it does:
// what was not understood never reads as inert.
func checkLoading(m *Manifest) error {
	if m.Loading == nil {
		return nil // a policy holds such a record
	}
	paths := make(map[string]bool, len(m.Files))
	worst, own := LoadInert, 0
	told := map[artifact.Digest]bool{}
	for _, f := range m.Findings {
		if f.ID == CodeLoadingUnknown {
			told[f.Digest] = true
		}
	}
	for _, f := range m.Files {
		paths[f.Path] = true
		if f.Role == artifact.RoleSystem {
			continue
		}
		own++
		worst = worst.Worse(f.Class)
		if f.Class == LoadUnknown && !told[f.Digest] {
			return fmt.Errorf("nobody says that it is unknown what loading file %q does", f.Path)
		}
	}
	if own == 0 {
		worst = LoadUnknown
	}
	if m.Loading.Class != worst {
		return fmt.Errorf("the class of loading is %q, that of the files is %q", m.Loading.Class, worst)
	}
	if m.Loading.Scope == "" {
		return errors.New("loading without a scope")
	}
	for i, l := range m.Loading.Loaders {
		if l.Name == "" || len(l.Rules) == 0 || i > 0 && m.Loading.Loaders[i-1].Name == l.Name {
			return fmt.Errorf("loader %q without name or rules, or twice", l.Name)
		}
	}
	for _, t := range m.Loading.Templates {
		if !paths[t.Path] || t.Digest.IsZero() {
			return fmt.Errorf("template of %q without digest, or of no file", t.Path)
		}
	}
	return nil
}

// checkWeights wants the parts of a count to be its parts.
func checkWeights(m *Manifest) error {
	paths := make(map[string]bool, len(m.Files))
	for _, f := range m.Files {
		paths[f.Path] = true
	}
	for _, w := range m.Weights {
		if !paths[w.First] || w.Files < 1 || w.Tensors < 0 {
			return fmt.Errorf("weights in %q are of no file", w.Folder)
		}
		if w.Stored > maxInteger || w.Scales > w.Stored || w.Predicted > w.Stored-w.Scales {
			return fmt.Errorf("weights in %q have parts that are more than the whole", w.Folder)
		}
		if w.Main != 0 && w.Main != w.Stored-w.Scales-w.Predicted {
			return fmt.Errorf("weights in %q do not add up", w.Folder)
		}
		sum := uint64(0)
		for dtype, n := range w.ByDType {
			if dtype == "" || n > w.Stored {
				return fmt.Errorf("weights in %q have a number format without name, or with more than all elements", w.Folder)
			}
			sum += n
		}
		if sum != w.Stored {
			return fmt.Errorf("weights in %q: the number formats do not add up", w.Folder)
		}
		for _, s := range w.Stated {
			if s.Text == "" || s.Measured > w.Stored {
				return fmt.Errorf("weights in %q: a statement without text, or held to a number that was not measured", w.Folder)
			}
		}
	}
	return nil
}
