package license

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/google/licensecheck"
)

// MethodCompared is licensecheck v0.3.1 over the licences of the catalogue
// that it has a pattern for. Its patterns let names and notices differ, so
// what it covers is near a licence and is never called by the licence's name.
const MethodCompared = "licensecheck-0.3.1/1"

const (
	// maxCompared bounds in bytes the text that is compared word by word. The
	// longest text of the catalogue has 35 KiB.
	maxCompared = 256 << 10
	// shortPattern is the length in bytes of the patterns that every text is
	// compared with: MIT, BSD, ISC and their like, which are the ones that are
	// changed in practice. They load in 20 ms, all others in 250.
	shortPattern = 6 << 10
	// leastCoverage is the share of a text's bytes below which it is not said
	// to be near a licence: a text that quotes a paragraph of one is not.
	leastCoverage = 0.25
)

// A pattern is a licence that licensecheck knows and the catalogue has.
type pattern struct {
	licensecheck.License
	keys []string // its names without version, in normal form
}

var patterns = sync.OnceValue(func() []pattern {
	var out []pattern
	for _, known := range licensecheck.BuiltinLicenses() {
		l, ok := Lookup(known.ID)
		if !ok || known.LRE == "" {
			continue
		}
		p := pattern{License: known}
		for _, name := range append([]string{l.Name}, l.Names...) {
			if end := strings.IndexAny(name, "0123456789"); end > 0 {
				name = name[:end]
			}
			if key := strings.TrimSuffix(normalString(name), " v"); len(key) > 8 {
				p.keys = append(p.keys, key)
			}
		}
		out = append(out, p)
	}
	return out
})

// Two scanners: most texts that are in no catalogue need the small one only.
var (
	shortScanner = sync.OnceValue(func() *licensecheck.Scanner {
		return scannerOf(func(p pattern) bool { return len(p.LRE) <= shortPattern })
	})
	wholeScanner = sync.OnceValue(func() *licensecheck.Scanner {
		return scannerOf(func(pattern) bool { return true })
	})
)

// scannerOf cannot fail: the patterns are the library's own.
func scannerOf(wanted func(pattern) bool) *licensecheck.Scanner {
	var list []licensecheck.License
	for _, p := range patterns() {
		if wanted(p) {
			list = append(list, p.License)
		}
	}
	s, err := licensecheck.NewScanner(list)
	if err != nil {
		panic("license: patterns of licensecheck: " + err.Error())
	}
	return s
}

// compare says which known licence most of text is, with the share of its
// normal form that is that licence's, and how many bytes are not.
func compare(text, norm []byte) (near string, coverage float64, uncovered int) {
	if len(text) > maxCompared || len(norm) == 0 {
		return "", 0, len(norm)
	}
	scanner := shortScanner
	for _, p := range patterns() {
		if len(p.LRE) > shortPattern && slices.ContainsFunc(p.keys, func(key string) bool { return bytes.Contains(norm, []byte(key)) }) {
			scanner = wholeScanner
			break
		}
	}
	covered := map[string]int{}
	for _, m := range scanner().Scan(text).Match {
		if !m.IsURL {
			covered[m.ID] += len(Normalize(text[m.Start:m.End])) + 1
		}
	}
	for id, n := range covered {
		if n > covered[near] || n == covered[near] && cmp.Less(id, near) {
			near = id
		}
	}
	got := min(covered[near], len(norm))
	coverage = share(got, len(norm))
	if coverage < leastCoverage {
		return "", 0, len(norm)
	}
	return near, coverage, len(norm) - got
}
