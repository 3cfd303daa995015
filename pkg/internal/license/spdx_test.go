package license

import (
	"errors"
	"strings"
	"testing"
)

func TestExpression(t *testing.T) {
	for in, want := range map[string]string{
		"MIT":                                 "MIT",
		"mit":                                 "MIT",
		"apache-2.0 or mit":                   "Apache-2.0 OR MIT",
		"MIT OR Apache-2.0":                   "Apache-2.0 OR MIT",
		"(MIT)":                               "MIT",
		"((MIT OR MIT))":                      "MIT",
		"MIT AND (Apache-2.0 OR ISC)":         "(Apache-2.0 OR ISC) AND MIT",
		"(ISC OR Apache-2.0) AND mit":         "(Apache-2.0 OR ISC) AND MIT",
		"MIT OR ISC AND Apache-2.0":           "Apache-2.0 AND ISC OR MIT",
		"(ISC AND Apache-2.0) OR MIT":         "Apache-2.0 AND ISC OR MIT",
		"MIT OR (ISC OR 0BSD)":                "0BSD OR ISC OR MIT",
		"gpl-2.0-only with GCC-exception-3.1": "GPL-2.0-only WITH GCC-exception-3.1",
		"EPL-1.0+":                            "EPL-1.0+",
		"bsl-1.0":                             "BSL-1.0",
		"LicenseRef-modelcheck-DEEPSEEK-1.0":  "LicenseRef-modelcheck-deepseek-1.0",
		"LicenseRef-Own.1":                    "LicenseRef-Own.1",
	} {
		got, err := Expression(in)
		if err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
		if again, err := Expression(got); err != nil || again != got {
			t.Errorf("%q is not stable: %q, %v", got, again, err)
		}
	}
}

func TestExpressionRefused(t *testing.T) {
	for _, in := range []string{
		"", " ", "OR", "MIT OR", "MIT MIT", "(MIT", "MIT)", "()", "NOT-A-LICENCE", "MIT WITH", "MIT WITH MIT", "MIT and",
		"LicenseRef-", "LicenseRef-a b", "other", "cc", "MIT\x00", "MIT, ISC", "MIT/ISC", "+", "MIT++",
		strings.Repeat("(", 100) + "MIT" + strings.Repeat(")", 100), strings.Repeat("MIT OR ", 2000) + "MIT",
	} {
		if got, err := Expression(in); err == nil || !errors.Is(err, ErrExpression) || got != "" {
			t.Errorf("%.40q: %q, %v", in, got, err)
		}
	}
}

func TestFromHub(t *testing.T) {
	for in, want := range map[string]string{
		"mit": "MIT", "apache-2.0": "Apache-2.0", "bsl-1.0": "BSL-1.0", "deepseek": "LicenseRef-modelcheck-deepseek-1.0",
		"llama3.1": "LicenseRef-modelcheck-llama-3.1", "gemma": "LicenseRef-modelcheck-gemma", "openrail++": "LicenseRef-modelcheck-openrail-plus-plus",
		"odc-by": "ODC-By-1.0", "cc-by-nc-4.0": "CC-BY-NC-4.0", "MIT": "MIT", "Apache-2.0 OR MIT": "Apache-2.0 OR MIT",
		// Families and non-answers name no licence.
		"cc": "", "gpl": "", "bsd": "", "other": "", "unknown": "", "": "", "made-up-1.0": "", "Other": "",
	} {
		if got, ok := FromHub(in); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v; want %q", in, got, ok, want)
		}
	}
}

func TestFromName(t *testing.T) {
	for in, want := range map[string]string{
		"the MIT License": "MIT", "MIT": "MIT", "Apache 2.0": "Apache-2.0", "Apache License, Version 2.0": "Apache-2.0",
		"DeepSeek Model License": "LicenseRef-modelcheck-deepseek-1.0", "Llama 3.1 Community License Agreement": "LicenseRef-modelcheck-llama-3.1",
		"CreativeML Open RAIL++-M License": "LicenseRef-modelcheck-openrail-plus-plus", "CreativeML Open RAIL-M License": "LicenseRef-modelcheck-creativeml-openrail-m",
		"CC-BY-4.0": "CC-BY-4.0", "Modified MIT License": "", "MIT License for research": "", "the": "", "": "", "License": "", "Model License": "",
		"Apache": "",
	} {
		if got, ok := FromName(in); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v; want %q", in, got, ok, want)
		}
	}
}

func TestNamedRef(t *testing.T) {
	for in, want := range map[string]string{
		"qwen-research": "LicenseRef-named-qwen-research", " My License v1.0! ": "LicenseRef-named-My-License-v1.0", "…": "", "": "",
		"modelcheck-deepseek-1.0": "LicenseRef-named-modelcheck-deepseek-1.0",
	} {
		got := NamedRef(in)
		if got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
		if got == "" {
			continue
		}
		if _, err := Expression(got); err != nil {
			t.Errorf("%q: %v", got, err)
		}
	}
}

// TestCatalogSound: every id of the catalogue is an SPDX id or a LicenseRef of
// ours, and no two entries share an id or a name.
func TestCatalogSound(t *testing.T) {
	seen := map[string]string{}
	for _, l := range catalog().licenses {
		if _, err := Expression(l.ID); err != nil {
			t.Errorf("%s: %v", l.ID, err)
		}
		if !strings.HasPrefix(l.ID, "LicenseRef-modelcheck-") && catalog().spdx[strings.ToLower(l.ID)] != l.ID {
			t.Errorf("%s is no SPDX id", l.ID)
		}
		if l.OSIApproved && strings.HasPrefix(l.ID, "LicenseRef-") {
			t.Errorf("%s cannot be on OSI's list", l.ID)
		}
		for _, key := range append([]string{l.ID, l.Name}, l.Names...) {
			key = nameKey(key)
			if other, ok := seen[key]; ok && other != l.ID {
				t.Errorf("%q means %s and %s", key, other, l.ID)
			}
			seen[key] = l.ID
		}
	}
}

func FuzzExpression(f *testing.F) {
	f.Add("MIT OR (Apache-2.0 AND ISC) with x")
	f.Add("GPL-2.0-only WITH GCC-exception-3.1")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := Expression(s)
		if err != nil {
			if got != "" || !errors.Is(err, ErrExpression) {
				t.Fatalf("%q: %q, %v", s, got, err)
			}
			return
		}
		if again, err := Expression(got); err != nil || again != got {
			t.Fatalf("%q gives %q, and that gives %q, %v", s, got, again, err)
		}
	})
}
