package provenance_test

import (
	"testing"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

func TestLicenseWithin(t *testing.T) {
	list := []string{"MIT", "apache-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"}
	for expression, want := range map[string]bool{
		"MIT":                        true,
		"mit":                        true,
		"(MIT)":                      true,
		"MIT OR GPL-3.0-only":        true,
		"GPL-3.0-only or Apache-2.0": true,
		"MIT AND Apache-2.0":         true,
		"MIT AND (Apache-2.0 OR X)":  true,
		"MIT AND MIT":                true,
		"GPL-2.0-only WITH Classpath-exception-2.0": true,

		"":                                 false,
		"GPL-3.0-only":                     false,
		"MIT AND GPL-3.0-only":             false,
		"(MIT OR X) AND Y":                 false,
		"X OR Y":                           false,
		"MIT WITH Classpath-exception-2.0": false,
		"GPL-2.0-only":                     false,
		"GPL-2.0-only WITH Other":          false,
		"MIT+":                             false,
		"MIT Apache-2.0":                   false,
		"MIT OR":                           false,
		"OR MIT":                           false,
		"(MIT":                             false,
		"MIT)":                             false,
		"MIT; anything":                    false,
		"MIT-0":                            false,
		"NOT MIT":                          false,
	} {
		if got := provenance.LicenseWithin(expression, list); got != want {
			t.Errorf("%q is within %q: %v, want %v", expression, list, got, want)
		}
	}
	if provenance.LicenseWithin("MIT", nil) || provenance.LicenseWithin("", []string{""}) {
		t.Error("something is within nothing")
	}
}
