// Package dossier is the file format of an evidence bundle: a provenance
// manifest with the small things that it rests on, in one tar.
//
// It knows names and digests. It does not say whether what the manifest says
// follows from the evidence, and trusts none of it.
//
//	evidence.json            what is in here, and what each blob is
//	manifest.json            the provenance manifest, to the byte
//	blobs/sha256/…           each blob once, under its own digest, in order
//
// There is one way to write a given dossier, and Read takes no other: no other
// entry, order, mode or time, nothing behind the end.
package dossier
