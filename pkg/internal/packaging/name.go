package packaging

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// What cleanName refuses.
var (
	errNameEmpty     = errors.New("it is empty")
	errNameUTF8      = errors.New("it is not UTF-8")
	errNameAbsolute  = errors.New("it is absolute")
	errNameBackslash = errors.New("it holds a backslash")
	errNameDrive     = errors.New("it begins with a drive letter")
	errNameInvisible = errors.New("it holds a control, bidirectional or invisible character")
	errNameDots      = errors.New(`it holds a segment ".", ".." or an empty one`)
	errNameLong      = fmt.Errorf("it is longer than %d bytes, %d in a segment, or deeper than %d", maxPath, maxSegment, maxSegments)
)

// cleanName returns a file's path as the list of files has it: relative,
// slash-separated, without "./" at its start. Names that some reader would
// take for another place, or that a person would take for another name, are
// refused (CVE-2026-50162, CVE-2024-37032, Trojan Source CVE-2021-42574).
func cleanName(name string) (string, error) {
	for strings.HasPrefix(name, "./") {
		name = name[2:]
	}
	switch {
	case name == "":
		return "", errNameEmpty
	case len(name) > maxPath:
		return "", errNameLong
	case !utf8.ValidString(name):
		return "", errNameUTF8
	case name[0] == '/':
		return "", errNameAbsolute
	case strings.Contains(name, `\`):
		return "", errNameBackslash
	case len(name) > 1 && name[1] == ':' && isLetter(name[0]):
		return "", errNameDrive
	case strings.IndexFunc(name, invisible) >= 0:
		return "", errNameInvisible
	}
	depth := 0
	for segment := range strings.SplitSeq(name, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return "", errNameDots
		}
		if depth++; len(segment) > maxSegment || depth > maxSegments {
			return "", errNameLong
		}
	}
	return name, nil
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// invisible says whether r changes what a name is without being seen: control
// and format characters (bidi overrides, zero-width joiners, byte order
// marks), line and paragraph separators, and the other default-ignorables.
func invisible(r rune) bool {
	if r < 0x7f {
		return r < 0x20
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp,
		unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// fold maps names that some file system takes for one another to one string:
// canonical caseless matching (Unicode 15, §3.13, D145).
func fold(name string) string {
	for i := range len(name) {
		if name[i] >= utf8.RuneSelf {
			return norm.NFC.String(cases.Fold().String(norm.NFD.String(name)))
		}
	}
	return strings.ToLower(name)
}

// standIn is the path under which a layer's file is listed that has no usable
// name of its own.
func standIn(hex string) string { return "unnamed/" + hex[:12] }
