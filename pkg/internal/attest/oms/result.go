package oms

import (
	"cmp"
	"slices"
	"strings"
)

// A Reason says what a file has to do with a signature that does not simply
// cover it. The zero value is no reason that anybody can allow.
type Reason uint8

// The reasons. The first four may be allowed by a caller (Result.OK): they
// are about bytes that the signature does not speak of. The others never.
const (
	NoReason         Reason = iota
	Unlisted                // in the model, and not in the signature (§8.5)
	IgnoredBySigner         // in the model, below a path that the signer chose to leave out (§6.2)
	IgnoredByDefault        // in the model, below a path of git's that is left out by default (§6.2)
	EmptyFile               // without a byte, which signatures by shards cannot list (§6.3.2)

	Missing    // listed, and not in the model
	Changed    // listed, with other bytes
	Uncompared // listed, and its bytes were not hashed in the way that it takes
	Symlink    // a symbolic link, and the signer followed none (§6.1.1)
	Clash      // listed as the OCI configuration's blob, which is not the file of that name
	Duplicate  // the model has two files of that name
)

var reasonNames = [...]string{"none", "unlisted", "ignored-by-signer", "ignored-by-default", "empty-file",
	"missing", "changed", "uncompared", "symlink", "config-clash", "duplicate"}

// String returns the reason's word in reports.
func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return reasonNames[NoReason]
}

// may says whether a caller can allow r.
func (r Reason) may() bool {
	switch r {
	case Unlisted, IgnoredBySigner, IgnoredByDefault, EmptyFile:
		return true
	default:
		return false
	}
}

// A Difference is one file that the signature does not simply cover.
type Difference struct {
	Path   string // untrusted text
	Reason Reason
}

// A Result says how a model compares with a statement. The zero value says
// that nothing was compared, and is not OK.
type Result struct {
	Listed      int          // files in the statement
	Matched     int          // of them, those in the model with the bytes that were signed
	ConfigBlob  bool         // config.json stands for the OCI configuration's blob, and matched it
	Differences []Difference // sorted by path
}

// OK says whether every listed file is in the model with the bytes that were
// signed, and the model holds nothing else; but for files whose reason is
// allowed. Only Unlisted, IgnoredBySigner, IgnoredByDefault and EmptyFile can
// be: nothing is said of those files, they are as good as unsigned.
func (r Result) OK(allow ...Reason) bool {
	if r.Listed == 0 || r.Matched != r.Listed {
		return false
	}
	for _, d := range r.Differences {
		if !d.Reason.may() || !slices.Contains(allow, d.Reason) {
			return false
		}
	}
	return true
}

// Complete says whether every listed file that is in the model was compared.
func (r Result) Complete() bool {
	return r.Listed > 0 && len(r.With(Uncompared)) == 0
}

// With returns the paths of the differences for that reason, sorted.
func (r Result) With(reason Reason) []string {
	var paths []string
	for _, d := range r.Differences {
		if d.Reason == reason {
			paths = append(paths, d.Path)
		}
	}
	return paths
}

func (r *Result) add(path string, reason Reason) {
	r.Differences = append(r.Differences, Difference{path, reason})
}

func (r *Result) sort() {
	slices.SortFunc(r.Differences, func(a, b Difference) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), cmp.Compare(a.Reason, b.Reason))
	})
}
