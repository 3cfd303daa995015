// Package signing makes Sigstore bundles: with a private key in a file or
// behind a plugin, or without one, by an identity that Fulcio certifies; logged
// by Rekor and dated by timestamp authorities where a signing configuration
// names them.
//
// It contacts those services and the identity provider, and nobody else: no
// registry, and never a TUF repository. It does not judge what it made: attest
// verifies every bundle before anybody hands it on.
package signing
