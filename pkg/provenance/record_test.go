package provenance_test

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// TestWrite: one step gives what four give, and the generator makes no other substance.
func TestWrite(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		m, err := provenance.Decode(data)
		if err != nil {
			continue
		}
		seen++
		got, err := provenance.Write(m)
		if err != nil {
			t.Fatal(err)
		}
		substance, err := provenance.SubstanceDigest(m)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes, data) || got.Substance != substance || !reflect.DeepEqual(got.Manifest, m) {
			t.Errorf("%s: written otherwise than read", name)
		}
		m.Generator = provenance.Generator{Name: `another "generator"`, Version: "2"}
		other, err := provenance.Write(m)
		if err != nil {
			t.Fatal(err)
		}
		if other.Substance != substance || other.Digest == got.Digest {
			t.Errorf("%s: another generator: substance %v and %v, digest %v and %v", name, other.Substance, substance, other.Digest, got.Digest)
		}
	}
	if seen == 0 {
		t.Fatal("no manifest in testdata")
	}
}
