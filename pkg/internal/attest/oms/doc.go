// Package oms reads and writes the statement of an OpenSSF Model Signing v1.0
// signature, and compares what it lists with the files of a model.
//
// It verifies no signature: whoever hands it a payload has done that, or holds
// a claim and no more. It reads no file either; bytes come to a Hasher, digests
// come from the caller.
//
// Clauses are those of the OpenSSF Model Signing specification v1.0
// (ossf/model-signing-spec, spec/v1.0.md and algorithm-registry.md).
//
// # What a signature covers
//
// A statement lists names and digests. Not covered, and therefore a difference
// that only the caller can allow, is what the model holds beyond that: unlisted
// files (§8.5), files that the signer chose to ignore or that the specification
// ignores by default (§6.2), and, where files are signed in shards, files
// without a byte (§6.3.2).
package oms
