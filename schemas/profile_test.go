package schemas_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The profiles that come with the program are what the schema describes.
func TestProfiles(t *testing.T) {
	s := compile(t, "profile-v1.json")
	list, err := filepath.Glob("../pkg/internal/disclose/data/profiles/*.json")
	if err != nil || len(list) < 5 {
		t.Fatalf("%q, %v", list, err)
	}
	for _, path := range list {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(document(t, data)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		for name, change := range map[string][2]string{
			"a grade":      {`"version"`, `"grade": "verified", "version"`},
			"no quotation": {`"quote"`, `"words"`},
			"no place":     {`"uri"`, `"at"`},
			"no version":   {`"version": 1`, `"version": 0`},
		} {
			if s.Validate(document(t, []byte(strings.Replace(string(data), change[0], change[1], 1)))) == nil {
				t.Errorf("%s: %s is accepted", path, name)
			}
		}
	}
}
