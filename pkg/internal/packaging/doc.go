// Package packaging knows the ways in which models are packed into OCI
// manifests and makes one list of files out of each: path, sha256, size.
//
// It touches neither network nor disk, believes no annotation, and takes no
// decision: what a verdict should know of is a finding.
package packaging
