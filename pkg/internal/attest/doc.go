// Package attest checks who signed an artifact: it looks at everything that was
// found attached to one, verifies it against the configured keys and trusted
// roots, and says for each candidate what held and what did not.
//
// It asks no network of its own, reads no clock but the one it is given, and
// does not decide whether an identity is one to trust: that is the policy's
// question. No other package sees the types of the Sigstore libraries.
//
// # What a bundle must satisfy
//
// A candidate is proven only when its signature, its subject and the trust
// behind the signature hold. With a certificate (Sigstore client
// specification, §Verification) that means: the certificate chains to a
// configured root, carries a signed certificate timestamp of a log of that
// root, the signature stands in a transparency log of that root, and the
// certificate was valid at every time that a log or a timestamp authority of
// that root vouches for, of which there must be one. With a key it means that a
// configured key made the signature; log entries and timestamps are not
// required, but a log entry by a known log must hold if it is there.
//
// Artifacts are never streamed through a verifier: everything is verified by
// digest.
package attest
