package main

import (
	"fmt"
	"strconv"
	"time"
)

// An ageFlag is a number of days or hours, as in policies.
type ageFlag struct{ to *time.Duration }

func (ageFlag) Type() string { return "AGE" }
func (a ageFlag) String() string {
	switch {
	case a.to == nil || *a.to == 0:
		return ""
	case *a.to%(24*time.Hour) == 0:
		return fmt.Sprintf("%dd", *a.to/(24*time.Hour))
	default:
		return fmt.Sprintf("%dh", *a.to/time.Hour)
	}
}
func (a ageFlag) Set(s string) error {
	units := map[byte]time.Duration{'h': time.Hour, 'd': 24 * time.Hour}
	if s == "0" {
		*a.to = 0
		return nil
	}
	if len(s) > 1 {
		n, err := strconv.ParseUint(s[:len(s)-1], 10, 64)
		if unit := units[s[len(s)-1]]; err == nil && unit > 0 && 0 < n && n <= 99999 {
			*a.to = time.Duration(n) * unit
			return nil
		}
	}
	return fmt.Errorf("%q is no age, want a number of days or hours such as 90d or 36h", s)
}
