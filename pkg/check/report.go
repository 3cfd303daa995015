package check

import (
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/dossier"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// ReportVersion is the version of the report's JSON, described by
// schemas/report-v1.json.
const ReportVersion = "1"

// A Report is everything that one examination found, with its verdict. Its
// JSON is the machine-readable output of the command. The zero value allows
// nothing.
type Report struct {
	SchemaVersion string                 `json:"schemaVersion"`
	Tool          Tool                   `json:"tool"`
	Reference     string                 `json:"reference"` // canonical spelling of what was asked for
	Place         string                 `json:"place"`
	Resolved      *Resolved              `json:"resolved,omitempty"`
	Verdict       policy.Verdict         `json:"verdict"`
	Inspected     bool                   `json:"inspected,omitzero"` // by Describe: nothing was verified, and there is no verdict
	Signatures    []provenance.Candidate `json:"signatures"`
	TrustedRoots  []TrustedRoot          `json:"trustedRoots"`
	// Manifest, and the two digests, are present only when every byte of the
	// artifact was hashed and matched.
	ManifestDigest  artifact.Digest      `json:"manifestDigest,omitzero"`
	SubstanceDigest artifact.Digest      `json:"substanceDigest,omitzero"`
	Manifest        *provenance.Manifest `json:"manifest,omitempty"`
	Bytes           Bytes                `json:"bytes"`
	Unread          []Unread             `json:"unread,omitempty"` // by Describe
	// UnverifiedWeights is what the headers in Unread seem to count, and how
	// that compares with what documents state. It is in no record.
	UnverifiedWeights []provenance.Weights `json:"unverifiedWeights,omitempty"`
	Tensors           *Tensors             `json:"tensors,omitempty"`  // where Config.Tensors asked
	Placed            *Placed              `json:"placed,omitempty"`   // by Pull
	Copied            *Copied              `json:"copied,omitempty"`   // by Copy
	Receipt           *ReceiptCheck        `json:"receipt,omitempty"`  // of a folder that was pulled
	Summary           *SummaryReport       `json:"summary,omitempty"`  // by Accept: nothing was hashed
	Recorded          []RecordedStatement  `json:"recorded,omitempty"` // by Attest: what was signed and attached
	Reviews           *policy.ReviewState  `json:"reviews,omitempty"`  // where the policy asks for reviews
	Settings          []Setting            `json:"settings,omitempty"` // set by whoever calls
	StartedAt         time.Time            `json:"startedAt"`
	FinishedAt        time.Time            `json:"finishedAt"`
	// Stopped says after which step the examination ended because the verdict
	// was certain: "signatures", or "" where it went to its end.
	Stopped string   `json:"stopped,omitempty"`
	Error   *Failure `json:"error,omitempty"`

	// HoldsUntil is until when a verdict of Accept that allows may be used again,
	// where Config.Horizon asked; zero: not at all.
	HoldsUntil time.Time `json:"-"`

	encoded  []byte
	evidence *dossier.Dossier
	tensors  *TensorManifest
}

// A Setting is one that did not stand on the command line, or that loosens what
// is checked or what ends well.
type Setting struct {
	Flag    string `json:"flag"`
	Value   string `json:"value"`
	Source  string `json:"source"`         // "command line", "environment" or "configuration file"
	Name    string `json:"name,omitempty"` // of the variable or file
	Loosens bool   `json:"loosens"`
}

// A Tool names the program.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Resolved says which bytes the reference named at the time.
type Resolved struct {
	Digest    artifact.Digest `json:"digest"`
	MediaType string          `json:"mediaType,omitempty"`
	Size      int64           `json:"size"`               // bytes of the manifest itself
	TagDigest artifact.Digest `json:"tagDigest,omitzero"` // where the tag beside a digest points elsewhere
}

// A TrustedRoot says which trust material was used.
type TrustedRoot struct {
	Name      string          `json:"name"`                // in the policy
	Digest    artifact.Digest `json:"digest"`              // SHA-256 of the file
	Source    string          `json:"source"`              // RootFromPolicy, RootFromFile or RootFromConfig
	Installed string          `json:"installed,omitempty"` // the name under which it is installed
	// AgeSeconds is the time since its bytes were obtained from their source,
	// nil where nobody knows.
	AgeSeconds *int64 `json:"ageSeconds"`
}

// Bytes counts what was hashed and matched.
type Bytes struct {
	Hashed int64 `json:"hashed"` // bytes of blobs, as transported
	Blobs  int   `json:"blobs"`
	Files  int   `json:"files"`
	Peeked int64 `json:"peeked,omitzero"` // by Describe: of headers, not covered by any hash
}

// Unread is something that Describe did not read: all that is known of it is
// what the manifest claims. Size is in bytes.
type Unread struct {
	Digest    artifact.Digest `json:"digest,omitzero"`
	Size      int64           `json:"size"`
	MediaType string          `json:"mediaType,omitempty"`
	Path      string          `json:"path,omitempty"`
	// Header is what the file's header seems to say, and HeaderMissing why there
	// is none.
	Header        *UnverifiedHeader `json:"unverifiedHeader,omitempty"`
	HeaderMissing string            `json:"headerMissing,omitempty"`
}

// A Failure says why there is no verdict.
type Failure struct {
	Code    string `json:"code"` // of docs/errors.md
	Message string `json:"message"`
}

// ManifestBytes returns the provenance manifest as an in-toto statement in
// canonical JSON, nil where there is none. The caller must not change it.
func (r *Report) ManifestBytes() []byte { return r.encoded }
