// Package blob reads blobs, each exactly once, and says of each whether its
// bytes are the ones that were named; and it is the only room that writes a
// model's files, into a quarantine, from which they leave when told to.
//
// It knows no format and takes no decision. Memory of reading is at most 16 MiB
// (64 KiB × 4 for each worker, where these are many), of writing 48 MiB more,
// whatever the size of the blobs.
package blob
