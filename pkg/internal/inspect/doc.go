// Package inspect looks at the bytes of a model's files: what each file is,
// whether it is well formed, and what loading it does.
//
// It executes nothing, follows nothing and judges nothing. Files are read in
// one pass, as a stream, within fixed memory; a caller must not use what it
// learns before the digest of the stream has matched.
package inspect
