// Package registry brings manifests, blobs and referrers from where artifacts
// lie: OCI registries, folders in the OCI image layout, and plain trees; and
// it attaches manifests to artifacts there.
//
// It does not know what a manifest means, and it decides nothing. It keeps
// three answers apart that are easily confused: it is not there
// (ErrNotFound), there are none (an empty list), and nobody could be asked
// (every other error).
package registry
