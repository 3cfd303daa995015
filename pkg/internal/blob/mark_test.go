package blob

import (
	"testing"
	"time"
)

// TestMarkDue: what a kill loses is a block, or below a sixteenth of what had come, and
// the marks of a large blob are few.
func TestMarkDue(t *testing.T) {
	for name, tc := range map[string]struct {
		hashed, last int64
		ago          time.Duration
		want         bool
	}{
		"the first":               {MarkEvery, 0, 0, true},
		"of a small file":         {128 << 20, 124 << 20, 0, true},
		"of a large one":          {256 << 20, 252 << 20, 0, false},
		"a thirty-second":         {256 << 20, 248 << 20, 0, true},
		"below the most":          {64 << 30, 64<<30 - markMost + MarkEvery, 0, false},
		"the most":                {64 << 30, 64<<30 - markMost, 0, true},
		"slow":                    {64 << 30, 64<<30 - MarkEvery, markPause, true},
		"nearly slow":             {64 << 30, 64<<30 - MarkEvery, markPause - 1, false},
		"where it was before":     {MarkEvery, MarkEvery, time.Hour, false},
		"what an earlier run had": {MarkEvery, 2 * MarkEvery, time.Hour, false},
	} {
		if got := markDue(tc.hashed, tc.last, tc.ago); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	var last int64
	marks := 0
	for at := int64(MarkEvery); at <= 4<<30; at += MarkEvery {
		if at-last > max(MarkEvery, at/16) {
			t.Fatalf("%d bytes came, and %d of them would be lost", at, at-last)
		}
		if markDue(at, last, 0) {
			last = at
			marks++
		}
	}
	if marks > 180 {
		t.Errorf("%d marks of 4 GiB", marks)
	}
}
