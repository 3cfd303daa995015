package disclose

import (
	"regexp"
	"testing"
)

// TestPatterns compiles what a run may never come to.
func TestPatterns(t *testing.T) {
	if len(patterns) < 80 {
		t.Fatalf("%d patterns listed, want all of them", len(patterns))
	}
	for _, p := range patterns {
		if _, err := regexp.Compile(p.text); err != nil {
			t.Error(err)
		}
	}
}
