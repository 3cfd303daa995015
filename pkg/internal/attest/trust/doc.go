// Package trust keeps Sigstore trusted roots as files under names: it fetches
// them through TUF, takes them from a file, and says what is in them and how
// old they are.
//
// It verifies no signature of a model, and nothing that does contacts TUF: a
// root is used as it lies on disk. How old is too old is the caller's decision.
package trust
