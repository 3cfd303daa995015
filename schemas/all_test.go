package schemas_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/modelcheck/modelcheck/schemas"
)

// Every published file can be asked for, under its own $id.
func TestAllListsEveryFile(t *testing.T) {
	files, err := filepath.Glob("*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	var listed, names []string
	for _, d := range schemas.All() {
		listed, names = append(listed, d.File), append(names, d.Name)
		want, err := os.ReadFile(d.File)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(d.JSON, want) {
			t.Errorf("%s is not printed as it is published", d.Name)
		}
		if id := document(t, d.JSON)["$id"]; id != base+d.File {
			t.Errorf("%s has $id %v", d.File, id)
		}
		if d.About == "" {
			t.Errorf("%s describes nothing", d.Name)
		}
	}
	if !slices.Equal(listed, files) {
		t.Errorf("listed %q, published %q", listed, files)
	}
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("names %q are not sorted and distinct", names)
	}
}
