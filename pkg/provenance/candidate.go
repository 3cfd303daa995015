package provenance

import "github.com/modelcheck/modelcheck/pkg/artifact"

// A Candidate is one thing that was found attached to an artifact and could be
// a signature, with what became of checking it. Candidates stand in reports
// and are handed to the policy; they are no part of a manifest.
//
// The zero value is an unchecked candidate, which counts for nothing.
type Candidate struct {
	Layout        string           `json:"layout"`                  // "referrer", "fallback-tag", …: how it was found
	Scheme        string           `json:"scheme,omitempty"`        // "sigstore-keyless", "sigstore-key", "x509", the same of OpenSSF Model Signing as "oms-keyless", "oms-key", "oms-x509"; "" unknown
	Digest        artifact.Digest  `json:"digest,omitzero"`         // of the referring manifest
	PredicateType string           `json:"predicateType,omitempty"` // of an in-toto statement
	Identity      Identity         `json:"identity,omitzero"`
	Verdict       SignatureVerdict `json:"verdict"`
	Code          string           `json:"code"`              // reason code of docs/errors.md; "signature-verified" or "attestation-verified" where Verdict is Proven
	Detail        string           `json:"detail,omitempty"`  // one sentence; quotes what came from outside
	Checked       []string         `json:"checked,omitempty"` // what was checked, in words of docs/errors.md: "subject", "certificate-chain", "transparency-log", "signed-timestamp", …
	SignedAt      []Timestamp      `json:"signedAt,omitempty"`
	Evidence      Evidence         `json:"evidence,omitzero"` // how many vouch for it
	LogIndex      *int64           `json:"logIndex,omitempty"`
	Signers       []string         `json:"signers,omitempty"` // the policy's names that it matches; set by the policy
}

// Evidence counts the distinct authorities whose word for a candidate was
// verified.
type Evidence struct {
	CertificateTimestamps int `json:"certificateTimestamps"` // logs that vouch for the certificate (SCT)
	LogEntries            int `json:"logEntries"`            // transparency logs that hold the signature
	Timestamps            int `json:"timestamps"`            // logs and timestamp authorities that vouch for the time
}

// A Timestamp is a time and the evidence for it.
type Timestamp struct {
	Time   string `json:"time"`   // RFC 3339, UTC
	Source string `json:"source"` // "rekor-set", "rfc3161", "current-time"
}

// A SignatureVerdict is the outcome of checking one candidate's cryptography
// and subject. Whether the identity is one to trust is the policy's question.
type SignatureVerdict uint8

// The verdicts. Only Proven may satisfy a requirement.
const (
	Unchecked SignatureVerdict = iota
	Refused                    // checked, and it does not hold
	Proven                     // its cryptography and its subject hold
)

var signatureVerdictNames = [...]string{"unchecked", "refused", "verified"}

// String returns the word used in reports.
func (v SignatureVerdict) String() string { return word(signatureVerdictNames[:], int(v)) }

// MarshalText writes the word of String.
func (v SignatureVerdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads a word of String and refuses others.
func (v *SignatureVerdict) UnmarshalText(b []byte) error {
	i, err := index("signature verdict", signatureVerdictNames[:], b)
	*v = SignatureVerdict(i)
	return err
}
