// Package artifact names things: references as a user writes them, digests,
// and the files that a model consists of.
//
// It touches neither network nor disk and has no opinions: no default
// registry, no default tag. A name is parsed once, at the edge, and is a type
// from then on; a digest is bytes, not a string.
package artifact
