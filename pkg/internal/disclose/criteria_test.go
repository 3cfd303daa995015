package disclose

import (
	"slices"
	"testing"
)

// Items are counted in the documents, so that none is lost or made up: 12 of
// §3111(a), 50 elements of the G7 and 17 components of the framework.
func TestCriteriaSets(t *testing.T) {
	known := map[string]bool{}
	for _, c := range Catalog() {
		known[c.ID] = true
	}
	items := map[string]int{"ca-ab2013": 12, "eu-53-1-d": 29, "eu-mdf": 35, "fmti-2025-data": 3, "g7-2026": 50, "mof-1.0": 17}
	sets := CriteriaSets()
	if len(sets) != len(items) || !slices.IsSortedFunc(sets, func(a, b CriteriaSet) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	}) {
		t.Fatalf("%d sets, or not in order", len(sets))
	}
	for _, s := range sets {
		if len(s.Items) != items[s.ID] {
			t.Errorf("%s: %d items, want %d", s.ID, len(s.Items), items[s.ID])
		}
		if s.Title == "" || s.Version == "" || s.Document == "" || s.Provision == "" || len(s.Claims()) == 0 {
			t.Errorf("%s without title, version, document, provision or claims", s.ID)
		}
		seen := map[[2]string]bool{}
		for _, item := range s.Items {
			key := [2]string{item.Section, item.Title}
			if item.Section == "" || item.Title == "" || seen[key] {
				t.Errorf("%s: item %q without words, or twice", s.ID, key)
			}
			seen[key] = true
			if item.ByTool && len(item.Claims) > 0 {
				t.Errorf("%s: %q is filled in by the tool and counted", s.ID, key)
			}
			for _, id := range item.Claims {
				if !known[id] {
					t.Errorf("%s: %q asks for %q, which is no question", s.ID, key, id)
				}
			}
		}
	}
	sets[0].Items[0].Claims[0] = "changed"
	if CriteriaSets()[0].Items[0].Claims[0] == "changed" {
		t.Error("the sets are shared with their readers")
	}
}

// Nobody is credited with what modelcheck fills in, and training data can be
// verified by nobody.
func TestCriteriaCountNothingOfOurs(t *testing.T) {
	ours := []string{"origin.distributor", "model.shards", "model.shapes", "model.parameters.stored", "model.tokenizer", "model.templates", "license.text"}
	for _, s := range CriteriaSets() {
		for _, id := range s.Claims() {
			if slices.Contains(ours, id) {
				t.Errorf("%s counts %s", s.ID, id)
			}
		}
	}
}
