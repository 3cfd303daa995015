package dossier

import (
	"errors"
	"fmt"
	"slices"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// Version is the version of the index.
const Version = "1"

// The bounds. An examination keeps at most 16 MiB of documents; signature
// bundles are kilobytes.
const (
	MaxBytes    = 128 << 20 // of a whole dossier
	MaxBlob     = 64 << 20  // of one entry
	MaxEntries  = 10_000
	maxName     = 100 // bytes; the longest here has 77
	indexName   = "evidence.json"
	recordName  = "manifest.json"
	blobsPrefix = "blobs/sha256/"
)

// What Read can find wrong, for errors.Is.
var (
	ErrTruncated = errors.New("the file ends early")
	ErrName      = errors.New("unsafe name")
	ErrDuplicate = errors.New("an entry stands twice")
	ErrEntry     = errors.New("not written as an evidence bundle is")
	ErrLimit     = errors.New("over the limit")
	ErrIndex     = errors.New("the index cannot be read")
	ErrDigest    = errors.New("bytes are not those of their digest")
	ErrRecord    = errors.New("the manifest is not the one that was bundled")
	ErrMissing   = errors.New("named and not there")
	ErrExtra     = errors.New("there and not named")
)

// A Dossier is what an evidence bundle holds. Blobs are by SHA-256.
type Dossier struct {
	Index  Index
	Record []byte // the provenance manifest
	Blobs  map[artifact.Digest][]byte
}

// An Index says what each blob is. Every blob is named, and every named one is
// there.
type Index struct {
	SchemaVersion string            `json:"schemaVersion"`
	Record        artifact.Digest   `json:"manifestDigest"`
	Manifests     []Manifest        `json:"manifests,omitempty"` // of the artifact, in OCI's sense; the subject first, none of a folder
	Configs       []artifact.Digest `json:"configs,omitempty"`
	Documents     []Document        `json:"documents,omitempty"` // files of the artifact
	Referrers     []Referrer        `json:"referrers,omitempty"` // manifests that refer to it
	Attached      []artifact.Digest `json:"attached,omitempty"`  // blobs of these
	Bundles       []artifact.Digest `json:"bundles,omitempty"`   // signatures that the user brought along
	Trust         []Trust           `json:"trust,omitempty"`     // what was used when the manifest was written; trusted by nobody who reads this
}

// A Manifest is an OCI manifest or index.
type Manifest struct {
	Digest    artifact.Digest `json:"digest"`
	MediaType string          `json:"mediaType,omitempty"`
}

// A Document is a file of the artifact.
type Document struct {
	Path   string          `json:"path"`
	Digest artifact.Digest `json:"digest"`
}

// A Referrer is a manifest that refers to the artifact.
type Referrer struct {
	Layout    string          `json:"layout"`
	Digest    artifact.Digest `json:"digest"`
	MediaType string          `json:"mediaType,omitempty"`
	Unread    string          `json:"unread,omitempty"` // why its body is not here
}

// A Trust is a key, chain or trusted root.
type Trust struct {
	Kind   string          `json:"kind"` // "key", "root", "chain"
	Name   string          `json:"name"`
	Digest artifact.Digest `json:"digest"`
}

// New returns an empty dossier about a provenance manifest.
func New(record []byte) *Dossier {
	return &Dossier{
		Index:  Index{SchemaVersion: Version, Record: artifact.SumSHA256(record)},
		Record: record,
		Blobs:  map[artifact.Digest][]byte{},
	}
}

// Add keeps a blob and returns its SHA-256.
func (d *Dossier) Add(blob []byte) artifact.Digest {
	sum := artifact.SumSHA256(blob)
	d.Blobs[sum] = blob
	return sum
}

// Named lists the digests that the index names, sorted and distinct.
func (x Index) Named() []artifact.Digest {
	out := slices.Concat(x.Configs, x.Attached, x.Bundles)
	for _, m := range x.Manifests {
		out = append(out, m.Digest)
	}
	for _, doc := range x.Documents {
		out = append(out, doc.Digest)
	}
	for _, r := range x.Referrers {
		if r.Unread == "" {
			out = append(out, r.Digest)
		}
	}
	for _, t := range x.Trust {
		out = append(out, t.Digest)
	}
	slices.SortFunc(out, artifact.Digest.Compare)
	return slices.Compact(out)
}

// check holds index, record and blobs against each other.
func (d *Dossier) check() error {
	if d.Index.SchemaVersion != Version {
		return fmt.Errorf("%w: version %q, want %q", ErrIndex, d.Index.SchemaVersion, Version)
	}
	if sum := artifact.SumSHA256(d.Record); sum != d.Index.Record {
		return fmt.Errorf("%w: its digest is %v, and %v was bundled", ErrRecord, sum, d.Index.Record)
	}
	named := d.Index.Named()
	for _, digest := range named {
		if d.Blobs[digest] == nil {
			return fmt.Errorf("%w: %v", ErrMissing, digest)
		}
	}
	for digest := range d.Blobs {
		if _, ok := slices.BinarySearchFunc(named, digest, artifact.Digest.Compare); !ok {
			return fmt.Errorf("%w: %v", ErrExtra, digest)
		}
	}
	return nil
}
