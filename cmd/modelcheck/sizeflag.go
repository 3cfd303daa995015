package main

import (
	"fmt"
	"strconv"
	"strings"
)

// A sizeFlag is a number of bytes, with a unit of 1000 or 1024 if there is one.
type sizeFlag struct{ to *int64 }

func (sizeFlag) Type() string { return "SIZE" }

func (f sizeFlag) String() string {
	if f.to == nil || *f.to == 0 {
		return ""
	}
	return strconv.FormatInt(*f.to, 10)
}

func (f sizeFlag) Set(s string) error {
	number := strings.TrimRight(s, "kKMGTiB")
	units := map[string]int64{
		"": 1, "B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
		"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
		"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
	}
	unit := units[s[len(number):]]
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || unit == 0 || n < 0 || n > (1<<62)/unit {
		return fmt.Errorf("%q is no size, want bytes such as 500MB or 200GiB", s)
	}
	*f.to = n * unit
	return nil
}
