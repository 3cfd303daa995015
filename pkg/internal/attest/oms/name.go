package oms

import (
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName bounds a path in bytes: PATH_MAX of Linux, and what the reader of
// packagings takes.
const maxName = 4096

// checkName refuses a path that is not canonical (§6.1.2) or that a reader
// would take for another: those that the reader of packagings refuses as well,
// so that a file with such a name could never be found. The message is for the
// end of a sentence, "" if the name is good.
func checkName(name string) string {
	switch {
	case name == "":
		return "it is empty"
	case name == ".":
		return "it names the model itself, as signers before v1.1 did for a model of one file"
	case len(name) > maxName:
		return "it is longer than 4096 bytes"
	case !utf8.ValidString(name):
		return "it is not UTF-8"
	case name[0] == '/':
		return "it is absolute"
	case strings.Contains(name, `\`):
		return "it holds a backslash"
	case len(name) > 1 && name[1] == ':' && isLetter(name[0]):
		return "it begins with a drive letter"
	case strings.IndexFunc(name, invisible) >= 0:
		return "it holds a control, bidirectional or invisible character"
	}
	for segment := range strings.SplitSeq(name, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return `it holds a segment ".", ".." or an empty one`
		}
	}
	return ""
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// invisible says whether r changes what a name is without being seen
// (Trojan Source, CVE-2021-42574).
func invisible(r rune) bool {
	if r < 0x7f {
		return r < 0x20
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp,
		unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// splitShard takes a shard's name apart at its last two colons: a path may
// hold colons itself (§6.3.2).
func splitShard(name string) (path string, start, end int64, ok bool) {
	last := strings.LastIndexByte(name, ':')
	if last < 0 {
		return "", 0, 0, false
	}
	first := strings.LastIndexByte(name[:last], ':')
	if first < 0 {
		return "", 0, 0, false
	}
	start, okStart := offset(name[first+1 : last])
	end, okEnd := offset(name[last+1:])
	return name[:first], start, end, okStart && okEnd
}

// offset reads a decimal number in its one canonical spelling.
func offset(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n >= 0 && strconv.FormatInt(n, 10) == s
}

func shardName(path string, start, end int64) string {
	return path + ":" + strconv.FormatInt(start, 10) + ":" + strconv.FormatInt(end, 10)
}

// comparePaths orders paths segment by segment, as Python's PurePosixPath
// does: "a/b" stands before "a-b", which code points would have behind it.
func comparePaths(a, b string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return separatorFirst(a[i]) - separatorFirst(b[i])
		}
	}
	return len(a) - len(b)
}

func separatorFirst(c byte) int {
	if c == '/' {
		return -1
	}
	return int(c)
}

// wholeNumber reads a JSON number that is an integer, however it is spelled:
// protobuf's JSON, which the reference implementation writes, has 1000000000.0.
func wholeNumber(raw string) (int64, bool) {
	if n, err := strconv.ParseInt(raw, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(raw, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}
