package provenance

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
)

// The predicate types of verification records.
const (
	// SummaryType is that of a SLSA Verification Summary (slsa.dev, VSA v1).
	SummaryType = "https://slsa.dev/verification_summary/v1"
	// ResultType is that of a Simple Verification Result (in-toto attestation
	// framework, spec/predicates/svr.md).
	ResultType = "https://in-toto.io/attestation/svr/v0.1"
)

// The properties that this program states of an artifact: VSA verifiedLevels
// and SVR properties. None of them has the prefix that is SLSA's own.
const (
	PropertyBytes     = "MODELCHECK_BYTES_VERIFIED"     // every byte was hashed, and matches
	PropertySignature = "MODELCHECK_SIGNATURE_VERIFIED" // by those whom the policy names
	PropertyPolicy    = "MODELCHECK_POLICY_ALLOWED"
	propertyFailed    = "FAILED" // VSA v1, verifiedLevels
)

// A VerificationResult is the word of a verification summary. The zero value is
// none.
type VerificationResult uint8

// The results.
const (
	NoResult VerificationResult = iota
	Failed
	Passed
)

var resultNames = [...]string{"", "FAILED", "PASSED"}

// String returns the word of the specification, "" for none.
func (r VerificationResult) String() string { return word(resultNames[:], int(r)) }

// MarshalText writes the word of String.
func (r VerificationResult) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads PASSED or FAILED and refuses all else.
func (r *VerificationResult) UnmarshalText(b []byte) error {
	i, err := index("verification result", resultNames[1:], b)
	if err != nil {
		return err
	}
	*r = VerificationResult(i + 1)
	return nil
}

// ErrSummary is wrapped by every error about a verification summary that cannot
// be written or read.
var ErrSummary = errors.New("unusable verification summary")

// A Summary says what a verifier found, under which policy, and when. It is no
// part of a manifest, which holds no clock. The zero value says nothing.
type Summary struct {
	Subject    artifact.Digest
	VerifierID string // a URI
	Version    string // of modelcheck; "" where another tool made it
	At         time.Time
	Resource   string          // a URI: under which name the subject was found
	Policy     artifact.Digest // of the effective policy; zero where it is not said as SHA-256
	Manifest   artifact.Digest // of the provenance manifest that was judged; zero where there was none
	Substance  artifact.Digest // its substance digest, likewise
	Result     VerificationResult
	Properties []string // what was verified; of a failure none
}

// The wire format of VSA v1; what is not used here is not read.
type vsa struct {
	Verifier     vsaVerifier          `json:"verifier"`
	TimeVerified string               `json:"timeVerified,omitempty"`
	ResourceURI  string               `json:"resourceUri"`
	Policy       resourceDescriptor   `json:"policy"`
	Inputs       []resourceDescriptor `json:"inputAttestations,omitempty"`
	Result       VerificationResult   `json:"verificationResult"`
	Levels       []string             `json:"verifiedLevels"`
}

type vsaVerifier struct {
	ID      string            `json:"id"`
	Version map[string]string `json:"version,omitempty"`
}

// A resourceDescriptor is one of in-toto's (spec/v1/resource_descriptor.md).
type resourceDescriptor struct {
	Digest      map[string]string `json:"digest,omitempty"`
	MediaType   string            `json:"mediaType,omitempty"`
	Annotations map[string]any    `json:"annotations,omitempty"`
}

// The annotations by which the manifest is found among the inputs.
const (
	inputType      = "predicateType"
	inputSubstance = "substanceDigest"
	statementMedia = "application/vnd.in-toto+json"
)

const toolKey = "modelcheck"

// EncodeSummary writes s as an in-toto statement with a SLSA Verification
// Summary, in canonical JSON.
func EncodeSummary(s Summary) ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	v := vsa{
		Verifier: s.verifier(), TimeVerified: s.At.UTC().Format(time.RFC3339), ResourceURI: s.Resource,
		Policy: resourceDescriptor{Digest: digestSet(s.Policy)}, Result: s.Result, Levels: s.Properties,
	}
	if s.Result == Failed {
		v.Levels = []string{propertyFailed}
	}
	if !s.Manifest.IsZero() {
		v.Inputs = []resourceDescriptor{{Digest: digestSet(s.Manifest), MediaType: statementMedia,
			Annotations: map[string]any{inputType: PredicateType, inputSubstance: s.Substance.String()}}}
	}
	return canonical(stated(s.Subject, SummaryType, v))
}

// EncodeResult writes s as an in-toto statement with a Simple Verification
// Result, which has no word for a failure: of one there is none.
func EncodeResult(s Summary) ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if s.Result != Passed {
		return nil, fmt.Errorf("%w: a simple verification result states what passed, and this is %v", ErrSummary, s.Result)
	}
	type verifier struct {
		vsaVerifier
		Policy resourceDescriptor `json:"policy"` // the extension that svr.md shows
	}
	return canonical(stated(s.Subject, ResultType, struct {
		Verifier    verifier `json:"verifier"`
		TimeCreated string   `json:"timeCreated"`
		Properties  []string `json:"properties"`
	}{verifier{s.verifier(), resourceDescriptor{Digest: digestSet(s.Policy)}}, s.At.UTC().Format(time.RFC3339), s.Properties}))
}

func (s Summary) verifier() vsaVerifier {
	v := vsaVerifier{ID: s.VerifierID}
	if s.Version != "" {
		v.Version = map[string]string{toolKey: s.Version}
	}
	return v
}

// check refuses to write a summary that says less than it must, or more than
// its result allows.
func (s Summary) check() error {
	missing := func(what string) error { return fmt.Errorf("%w: no %s", ErrSummary, what) }
	switch {
	case s.Subject.IsZero():
		return missing("subject")
	case s.VerifierID == "":
		return missing("verifier")
	case s.Resource == "":
		return missing("resource")
	case s.At.IsZero():
		return missing("time")
	case s.Policy.IsZero():
		return missing("policy")
	case s.Result != Passed && s.Result != Failed:
		return missing("result")
	case s.Result == Passed && len(s.Properties) == 0:
		return missing("property that passed")
	case s.Result == Failed && len(s.Properties) > 0:
		return fmt.Errorf("%w: it failed, and names what passed", ErrSummary)
	case s.Manifest.IsZero() != s.Substance.IsZero():
		return fmt.Errorf("%w: a manifest digest without substance digest, or the reverse", ErrSummary)
	case slices.Contains(s.Properties, propertyFailed):
		return fmt.Errorf("%w: %s is no property", ErrSummary, propertyFailed)
	}
	return nil
}

// DecodeSummary reads the predicate of a SLSA Verification Summary about
// subject, whoever wrote it: members that it does not know are ignored, as
// in-toto's parsing rules want. What it says is what its signer says.
func DecodeSummary(subject artifact.Digest, predicate []byte) (Summary, error) {
	if err := strictjson.Check(predicate); err != nil {
		return Summary{}, fmt.Errorf("%w: it is %w", ErrSummary, err)
	}
	var v vsa
	if err := json.Unmarshal(predicate, &v); err != nil {
		return Summary{}, fmt.Errorf("%w: %w", ErrSummary, err)
	}
	s := Summary{
		Subject: subject, VerifierID: v.Verifier.ID, Version: v.Verifier.Version[toolKey], Resource: v.ResourceURI,
		Policy: sha256Of(v.Policy.Digest), Result: v.Result,
	}
	if v.TimeVerified != "" {
		at, err := time.Parse(time.RFC3339, v.TimeVerified)
		if err != nil {
			return Summary{}, fmt.Errorf("%w: timeVerified: %w", ErrSummary, err)
		}
		s.At = at.UTC()
	}
	failed := slices.Contains(v.Levels, propertyFailed)
	switch {
	case subject.IsZero() || s.VerifierID == "" || s.Resource == "" || s.Result == NoResult || len(v.Levels) == 0:
		return Summary{}, fmt.Errorf("%w: subject, verifier, resource, result or levels are missing", ErrSummary)
	case failed != (s.Result == Failed):
		return Summary{}, fmt.Errorf("%w: its result is %v, and its levels are %q", ErrSummary, s.Result, v.Levels)
	case !failed:
		s.Properties = v.Levels
	}
	return s, s.readManifest(v.Inputs)
}

// readManifest finds the provenance manifest among the inputs.
func (s *Summary) readManifest(inputs []resourceDescriptor) error {
	for _, in := range inputs {
		if in.Annotations[inputType] != PredicateType {
			continue
		}
		text, _ := in.Annotations[inputSubstance].(string)
		substance, err := artifact.ParseDigest(text)
		if manifest := sha256Of(in.Digest); err != nil || manifest.IsZero() || !s.Manifest.IsZero() {
			return fmt.Errorf("%w: it names no provenance manifest clearly, or several", ErrSummary)
		} else {
			s.Manifest, s.Substance = manifest, substance
		}
	}
	return nil
}

func digestSet(d artifact.Digest) map[string]string {
	return map[string]string{d.Algorithm().String(): d.Hex()}
}

func sha256Of(set map[string]string) artifact.Digest {
	d, err := artifact.ParseDigest("sha256:" + set["sha256"])
	if err != nil {
		return artifact.Digest{}
	}
	return d
}

// RecallManifest reads a manifest out of the predicate of a statement about
// subject whose signature was verified, and writes it as Encode does: a
// registry and a signer keep the statement, and its digest is the record's.
func RecallManifest(about artifact.Digest, predicate []byte) (*Manifest, []byte, error) {
	if err := strictjson.Check(predicate); err != nil {
		return nil, nil, fmt.Errorf("recalling a provenance manifest: it is %w", err)
	}
	m := new(Manifest)
	if err := json.Unmarshal(predicate, m, json.RejectUnknownMembers(true)); err != nil {
		return nil, nil, fmt.Errorf("recalling a provenance manifest: %w", err)
	}
	m.Subject = about
	b, err := Encode(m)
	if err != nil {
		return nil, nil, err
	}
	// What is judged is what is written, in its canonical order.
	m, err = Decode(b)
	return m, b, err
}
