// Package sigstoretest is a small Sigstore in memory, for tests: a certificate
// authority, a certificate log, a transparency log of both Rekor generations
// and a timestamp authority, which sign whatever a test wants, at the times
// that it wants, leaving out what it wants left out.
//
// It serves nothing over a network and is no part of the program.
package sigstoretest
