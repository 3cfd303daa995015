package license

import (
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
)

// TestCompared: where the other words stand does not matter; none of these is
// the licence that it is near.
func TestCompared(t *testing.T) {
	text := mit(t)
	apache := readText(t, "testdata/texts/Apache-2.0.1.txt")
	rider := "You may use this Software only if you are not in the business of making other software like this one.\n\n"
	for name, tc := range map[string]struct {
		text, near string
		preamble   int // of it that licensecheck has no words for
	}{
		"rider before":    {rider + text, "MIT", 60},
		"rider in it":     {strings.Replace(text, "The above copyright notice", rider+"The above copyright notice", 1), "MIT", 60},
		"Apache, rider":   {rider + apache, "Apache-2.0", 60},
		"AGPL, rider":     {rider + readText(t, "testdata/texts/AGPL-3.0.spdx.txt"), "AGPL-3.0", 60},
		"CC-BY-NC, rider": {rider + readText(t, "testdata/texts/CC-BY-NC-4.0.spdx.txt"), "CC-BY-NC-4.0", 1000},
	} {
		m := Identify([]byte(tc.text))
		if m.ID != "" || m.Near != tc.near || !m.Modified() || m.Uncovered < 50 || m.Uncovered > len(rider)+tc.preamble {
			t.Errorf("%s: %+v", name, m)
		}
	}
	for name, text := range map[string]string{
		"prose":         strings.Repeat("This model was made with care by many people. ", 40),
		"a mention":     "This model is licensed under the MIT License and the Apache License 2.0 and the GNU General Public License.",
		"too long":      strings.Repeat(text, 1+maxCompared/len(text)),
		"a model's own": "Somebody's Model License\n\nYou may look at the Model. " + strings.Repeat("You may not use it for anything else. ", 100),
	} {
		if m := Identify([]byte(text)); m.ID != "" || m.Modified() && name != "too long" || m.Method == MethodCompared {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

// TestModelLicencesAreNearNothing: the licences of models share words with
// others, and not so many that they would be called modifications of them.
func TestModelLicencesAreNearNothing(t *testing.T) {
	for _, file := range []string{"llama2-LICENSE", "llama3-LICENSE", "llama4-LICENSE"} {
		text := readText(t, fixtures.Dir(t, "licenses", file))
		if m := Identify([]byte("One more word.\n" + text)); m.ID != "" || m.Near != "" || m.Method != MethodUnidentified {
			t.Errorf("%s: %+v", file, m)
		}
	}
}
