package provenance

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// The types that travel inside in-toto statements.
const (
	// StatementType is the in-toto Statement v1 type URI (in-toto attestation
	// framework, spec/v1/statement.md).
	StatementType = "https://in-toto.io/Statement/v1"
	// PredicateType names this record. A published type is never changed.
	PredicateType = "https://github.com/modelcheck/modelcheck/provenance-manifest/v1"
)

// A Manifest is the provenance manifest of one artifact. Encode writes it as
// an in-toto Statement v1 in RFC 8785 canonical JSON.
type Manifest struct {
	// Subject is the OCI manifest (or index) digest; for a plain tree, its
	// content identity.
	Subject      artifact.Digest `json:"-"`
	Generator    Generator       `json:"generator"`
	Artifact     Artifact        `json:"artifact"`
	Files        []File          `json:"files"`
	Loading      *Loading        `json:"loading,omitempty"` // nil says nothing, and no policy takes it for inert
	Weights      []Weights       `json:"weights,omitempty"`
	Signatures   []Signature     `json:"signatures"`
	Attestations []Attestation   `json:"attestations,omitempty"` // by signers whom the policy names
	Claims       []Claim         `json:"claims"`
	Licensing    []Licensing     `json:"licensing,omitempty"` // by asset
	Lineage      []Lineage       `json:"lineage,omitempty"`
	Findings     []Finding       `json:"findings"`
	Coverage     []Coverage      `json:"coverage"`
}

// A Generator names what wrote the manifest. It is the only part that the
// substance digest leaves out.
type Generator struct {
	Name     string    `json:"name"`
	Version  string    `json:"version"`
	Catalogs []Catalog `json:"catalogs"`
}

// A Catalog is a versioned table that was used: claims, licences, rules.
type Catalog struct {
	Name   string          `json:"name"`
	Digest artifact.Digest `json:"digest"`
}

// An Artifact says how the model travels. TotalBytes counts the distinct blobs
// of the artifact (layers and configs) once each, as transported; in a plain
// tree the files.
type Artifact struct {
	Kind            string          `json:"kind"` // "manifest", "index", "tree"
	MediaType       string          `json:"mediaType,omitempty"`
	ContentIdentity artifact.Digest `json:"contentIdentity,omitzero"` // absent where the members of an index differ
	TotalBytes      int64           `json:"totalBytes"`
	Members         []Member        `json:"members"` // one for a manifest, one per manifest of an index, none for a tree
}

// A Member is one OCI image manifest of the artifact.
type Member struct {
	Digest          artifact.Digest `json:"digest"`
	Packaging       string          `json:"packaging"` // a word of package packaging: "modelpack", "modelkit", …, "unknown"
	Platform        string          `json:"platform,omitempty"`
	ArtifactType    string          `json:"artifactType,omitempty"`
	ConfigMediaType string          `json:"configMediaType,omitempty"`
	ConfigDigest    artifact.Digest `json:"configDigest,omitzero"`
	ContentIdentity artifact.Digest `json:"contentIdentity,omitzero"`
}

// A File is one file whose bytes were hashed. Size is in bytes.
type File struct {
	Path   string          `json:"path"`
	Digest artifact.Digest `json:"digest"`
	Size   int64           `json:"size"`
	Role   artifact.Role   `json:"role"`
	Format string          `json:"format,omitempty"`
	Class  LoadClass       `json:"class"` // what loading it can do at most
	Layer  artifact.Digest `json:"layer,omitzero"`
	// Members names the manifests of an index that hold the file, where not
	// all of them do.
	Members []artifact.Digest `json:"members,omitempty"`
}

// A Signature says that a signer whom the policy names signed the subject. It
// holds who and how, never when, in which log or in which bundle: signing
// again changes nothing here.
type Signature struct {
	Signer        string   `json:"signer"` // the policy's name
	Scheme        string   `json:"scheme"` // "sigstore-keyless", "sigstore-key", …
	Identity      Identity `json:"identity"`
	PredicateType string   `json:"predicateType,omitempty"`
	Relation      Relation `json:"relation"` // by policy, never by the signer's own word
	// Evidence is what the policy demands of the signer's signatures beyond
	// themselves, and what was verified: "transparency-log", "trusted-time", …
	Evidence []string `json:"evidence,omitempty"`
}

// An Attestation says that a signer whom the policy names made a statement of
// this type about the subject, and that it holds. What it states is another
// question. It is a type of its own so that it is never counted as a
// Signature.
type Attestation struct {
	Signer        string   `json:"signer"` // the policy's name
	PredicateType string   `json:"predicateType"`
	Scheme        string   `json:"scheme"`
	Identity      Identity `json:"identity"`
	Relation      Relation `json:"relation"`
	Evidence      []string `json:"evidence,omitempty"` // as in Signature
}

// An Identity is who a verified signature is by: a key or a certificate. Of a
// certificate by an authority of the user's own, Issuer is "ca:" and the
// policy's name of that authority.
type Identity struct {
	KeyFingerprint string            `json:"keyFingerprint,omitempty"` // "sha256:" + hex of the PKIX DER
	Subject        string            `json:"subject,omitempty"`        // subject alternative name
	Issuer         string            `json:"issuer,omitempty"`         // OIDC issuer, or "ca:" and a name
	TrustedRoot    string            `json:"trustedRoot,omitempty"`    // the policy's name of the root that proves the certificate
	Extensions     map[string]string `json:"extensions,omitempty"`     // Fulcio's, by their documented names
}

// A Finding is an observed fact that somebody should know of. Which findings
// deny is the policy's business.
type Finding struct {
	ID      string            `json:"id"`                // a reason code of docs/errors.md
	Subject string            `json:"subject,omitempty"` // a path, a layer digest, a claim id
	Detail  string            `json:"detail"`            // one sentence, no judgement
	Digest  artifact.Digest   `json:"digest,omitzero"`   // of the file or blob it was seen in
	Facts   map[string]string `json:"facts,omitempty"`
}

// Coverage counts the states of the claims that one criteria set asks for.
// What the tool itself fills in never counts.
type Coverage struct {
	Criteria   string         `json:"criteria"`
	Counts     map[string]int `json:"counts"`     // by the words of State
	Verifiable int            `json:"verifiable"` // how many could be verified in principle, by ceiling
	Claims     []string       `json:"claims"`
}

// A Value is a claim's typed value as JSON.
type Value = jsontext.Value
