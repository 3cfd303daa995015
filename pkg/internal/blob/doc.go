// Package blob reads blobs, each exactly once, and says of each whether its
// bytes are the ones that were named.
//
// It knows no format and takes no decision. Memory is Workers × 1 MiB,
// whatever the size of the blobs; nothing is written anywhere.
package blob
