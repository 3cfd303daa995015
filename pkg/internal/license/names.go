package license

import (
	"regexp"
	"slices"
	"strings"
)

// ambiguous are identifiers of the Hugging Face Hub that name a family of
// licences and not one of them (hub-docs, repositories-licenses.md).
var ambiguous = []string{"cc", "gpl", "lgpl", "agpl", "bsd", "gfdl", "other", "unknown"}

// FromHub returns the SPDX id or LicenseRef that a license field of a Hugging
// Face model card means, and whether it means one. The Hub writes SPDX ids in
// lower case (bsl-1.0 is the Boost licence there too) and has some of its own.
// SPDX expressions are read as well. "other", "unknown" and the families "cc",
// "gpl", "bsd", … mean none.
func FromHub(id string) (string, bool) {
	key := strings.ToLower(strings.TrimSpace(id))
	if key == "" || slices.Contains(ambiguous, key) {
		return "", false
	}
	x := catalog()
	if l, ok := x.byHF[key]; ok {
		return l.ID, true
	}
	expr, err := Expression(id)
	if err != nil {
		return "", false
	}
	return expr, true
}

// FromName returns the id of the licence that people call by the name, in the
// catalogue's words: "the MIT License", "Apache License, Version 2.0". Words
// are compared by their normal form; a leading article does not count.
func FromName(name string) (string, bool) {
	if len(name) > maxName {
		return "", false
	}
	x := catalog()
	norm := strings.TrimPrefix(nameKey(name), "the ")
	if l, ok := x.byName[norm]; ok && norm != "" {
		return l.ID, true
	}
	if id, ok := x.spdx[strings.ToLower(strings.TrimSpace(name))]; ok {
		return id, true
	}
	return "", false
}

// nameKey is the normal form of a name in which "++" still counts: Open RAIL-M
// and Open RAIL++-M are two licences.
func nameKey(name string) string {
	return normalString(strings.ReplaceAll(name, "++", " plus plus "))
}

// maxName bounds what is looked at as a licence's name, in bytes.
const maxName = 200

var notInRef = regexp.MustCompile(`[^A-Za-z0-9.]+`)

// NamedRef returns a LicenseRef for a licence that a document names and the
// catalogue does not know: "LicenseRef-named-" and the name's letters, digits
// and dots with hyphens between. It cannot be mistaken for an id of the
// catalogue. "" comes back for a name of which nothing would be left.
func NamedRef(name string) string {
	if len(name) > maxName {
		return ""
	}
	ref := strings.Trim(notInRef.ReplaceAllString(strings.TrimSpace(name), "-"), "-.")
	if ref == "" {
		return ""
	}
	return "LicenseRef-named-" + ref
}

// UnknownRef returns the LicenseRef of a text that no catalogue knows:
// "LicenseRef-unknown-" and the first twelve digits of its normalised digest.
func UnknownRef(m Match) string { return "LicenseRef-unknown-" + m.NormDigest.Hex()[:12] }
