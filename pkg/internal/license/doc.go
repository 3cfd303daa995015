// Package license identifies licence texts by the digest of their normalised
// form, reads SPDX licence expressions, and maps the names that model cards
// use to licence ids.
//
// It reads no files and it draws no legal conclusions: a match says that these
// are the words of that licence, not that it governs anything.
package license
