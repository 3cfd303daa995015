package attest

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"strings"

	"github.com/go-json-experiment/json"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// bundleType is what the media types of all versions of Sigstore bundles begin
// with (Sigstore protobuf-specs, sigstore_bundle.proto).
const bundleType = "application/vnd.dev.sigstore.bundle"

// A signed is a bundle whose form was checked, and nothing else.
type signed struct {
	entity    entity
	content   verify.SignatureContent
	material  verify.VerificationContent
	statement *statement // nil for a message signature

	// Of cosign's older layouts, where what was signed is not the artifact but
	// a small document about it.
	claims  *claims
	payload []byte
}

// An entity is a bundle with one or all of its log entries. It hides the
// bundle's version: for old versions sigstore-go would retry ECDSA signatures
// with another hash and print that to stderr.
type entity struct {
	*bundle.Bundle
	entries []*tlog.Entry
}

// Version says that no behaviour of older versions is wanted.
func (e entity) Version() (string, error) { return "", nil }

// TlogEntries returns the entries that e was made with.
func (e entity) TlogEntries() ([]*tlog.Entry, error) { return e.entries, nil }

// with returns e as if it had this one log entry only.
func (e entity) with(entry *tlog.Entry) entity {
	e.entries = []*tlog.Entry{entry}
	return e
}

func parseBundle(raw []byte) (*signed, error) {
	if len(raw) > MaxBundle {
		return nil, refuse(provenance.CodeLimitExceeded, "%d bytes are over the limit of %d for a bundle", len(raw), MaxBundle)
	}
	if err := strictjson.Check(raw); err != nil {
		return nil, refuse(provenance.CodeSignatureMalformed, "it is %v", err)
	}
	pb := new(protobundle.Bundle)
	if err := protojson.Unmarshal(raw, pb); err != nil {
		return nil, refuse(provenance.CodeSignatureMalformed, "not a Sigstore bundle: %v", err)
	}
	return checkBundle(pb)
}

// checkBundle looks at what decides about the reason of a refusal before
// sigstore-go does, whose errors tell less.
func checkBundle(pb *protobundle.Bundle) (*signed, error) {
	material := pb.GetVerificationMaterial()
	if _, err := (&bundle.Bundle{Bundle: pb}).Version(); err != nil {
		return nil, refuse(provenance.CodeSignatureMalformed, "not a Sigstore bundle that can be read: %v", err)
	}
	if err := checkChain(material); err != nil {
		return nil, err
	}
	if n := len(material.GetTimestampVerificationData().GetRfc3161Timestamps()); n > MaxTimestamps {
		return nil, refuse(provenance.CodeLimitExceeded, "%d timestamps are over the limit of %d", n, MaxTimestamps)
	}
	if err := checkEntries(pb.GetMediaType(), material.GetTlogEntries()); err != nil {
		return nil, err
	}
	b, err := bundle.NewBundle(pb)
	if err != nil {
		return nil, refuse(provenance.CodeSignatureMalformed, "not a usable Sigstore bundle: %v", err)
	}
	s := &signed{entity: entity{Bundle: b}}
	if s.entity.entries, err = b.TlogEntries(); err != nil {
		return nil, refuse(provenance.CodeSignatureMalformed, "its log entries: %v", err)
	}
	if s.material, err = b.VerificationContent(); err != nil {
		return nil, refuse(provenance.CodeSignatureMalformed, "its verification material: %v", err)
	}
	if s.content, err = b.SignatureContent(); err != nil {
		return nil, refuse(provenance.CodeSignatureMalformed, "its content: %v", err)
	}
	if len(s.content.Signature()) == 0 {
		return nil, refuse(provenance.CodeSignatureMalformed, "it holds no signature")
	}
	return s, s.readEnvelope(pb.GetDsseEnvelope())
}

// readEnvelope reads the statement of an in-toto envelope; a message signature
// has none.
func (s *signed) readEnvelope(env *protodsse.Envelope) error {
	if env == nil {
		return nil
	}
	if n := len(env.GetSignatures()); n != 1 {
		return refuse(provenance.CodeSignatureMalformed, "its envelope has %d signatures, want exactly one", n)
	}
	if env.GetPayloadType() != payloadType {
		return refuse(provenance.CodeNotASignature, "its envelope holds %q, not an in-toto statement", env.GetPayloadType())
	}
	st, err := parseStatement(env.GetPayload())
	if err != nil {
		return err
	}
	s.statement = &st
	return nil
}

// checkChain refuses what clients must refuse of a chain: none, and one that
// brings its own root (sigstore_bundle.proto, VerificationMaterial).
func checkChain(material *protobundle.VerificationMaterial) error {
	chain, ok := material.GetContent().(*protobundle.VerificationMaterial_X509CertificateChain)
	if !ok {
		return nil
	}
	certs := chain.X509CertificateChain.GetCertificates()
	if len(certs) == 0 {
		return refuse(provenance.CodeSignatureMalformed, "its certificate chain is empty")
	}
	if n := len(certs); n > maxChain {
		return refuse(provenance.CodeLimitExceeded, "%d certificates are over the limit of %d", n, maxChain)
	}
	for _, c := range certs {
		parsed, err := x509.ParseCertificate(c.GetRawBytes())
		if err != nil {
			return refuse(provenance.CodeSignatureMalformed, "its certificate chain: %v", err)
		}
		if bytes.Equal(parsed.RawIssuer, parsed.RawSubject) && parsed.CheckSignatureFrom(parsed) == nil {
			return refuse(provenance.CodeSignatureMalformed, "its certificate chain brings its own root")
		}
	}
	return nil
}

// supportedEntry names the kinds of log entries that sigstore-go v1.3.0 can
// verify. dsse/0.0.2, which early Rekor v2 clients wrote, is not one of them.
func supportedEntry(kind, version string) bool {
	switch kind + "/" + version {
	case "hashedrekord/0.0.1", "hashedrekord/0.0.2", "dsse/0.0.1", "intoto/0.0.2":
		return true
	}
	return false
}

func checkEntries(mediaType string, entries []*protorekor.TransparencyLogEntry) error {
	if n := len(entries); n > MaxLogEntries {
		return refuse(provenance.CodeLimitExceeded, "%d log entries are over the limit of %d", n, MaxLogEntries)
	}
	promise, proof := false, false
	seen := map[string]bool{}
	for _, e := range entries {
		if err := checkEntry(e); err != nil {
			return err
		}
		id := hex.EncodeToString(e.GetLogId().GetKeyId()) + "/" + hex.EncodeToString(e.GetCanonicalizedBody())
		if seen[id] {
			return refuse(provenance.CodeSignatureMalformed, "it holds one log entry twice")
		}
		seen[id] = true
		promise = promise || len(e.GetInclusionPromise().GetSignedEntryTimestamp()) > 0
		proof = proof || e.GetInclusionProof() != nil
	}
	// sigstore_bundle.proto, TransparencyLogEntry: v0.1 bundles carry an
	// inclusion promise, later ones an inclusion proof.
	old := strings.HasSuffix(mediaType, "version=0.1")
	switch {
	case len(entries) == 0:
	case old && !promise:
		return refuse(provenance.CodeLogInclusionFailed, "its log entry has no inclusion promise, which bundles of version 0.1 need")
	case !old && !proof:
		return refuse(provenance.CodeLogInclusionFailed, "its log entry has no inclusion proof")
	}
	return nil
}

// checkEntry compares the kind that an entry claims with its body:
// sigstore-go takes the claim for granted.
func checkEntry(e *protorekor.TransparencyLogEntry) error {
	kv := e.GetKindVersion()
	if kv == nil || len(e.GetCanonicalizedBody()) == 0 || len(e.GetLogId().GetKeyId()) == 0 || e.GetLogIndex() < 0 {
		return refuse(provenance.CodeSignatureMalformed, "a log entry without kind, body or log, or with a negative index")
	}
	if !supportedEntry(kv.GetKind(), kv.GetVersion()) {
		return refuse(provenance.CodeUnsupportedEntry, "a log entry of kind %q, version %q", kv.GetKind(), kv.GetVersion())
	}
	var body struct {
		Kind    string `json:"kind"`
		Version string `json:"apiVersion"`
	}
	if err := json.Unmarshal(e.GetCanonicalizedBody(), &body); err != nil {
		return refuse(provenance.CodeSignatureMalformed, "the body of a log entry: %v", err)
	}
	if body.Kind != kv.GetKind() || body.Version != kv.GetVersion() {
		return refuse(provenance.CodeSignatureMalformed, "a log entry says %q and its body %q", kv.GetKind()+"/"+kv.GetVersion(), body.Kind+"/"+body.Version)
	}
	// Reading an entry verifies that its signature fits its key and content.
	if _, err := tlog.ParseTransparencyLogEntry(e); err != nil {
		return refuse(provenance.CodeLogInclusionFailed, "its log entry does not hold: %v", err)
	}
	return nil
}

// about says whether what was signed is the artifact.
func (s *signed) about(want artifact.Digest) error {
	switch {
	case s.statement != nil:
		return s.statement.about(want)
	case s.claims != nil:
		return s.claims.about(want)
	}
	msg := s.content.MessageSignatureContent()
	if msg.DigestAlgorithm() != messageAlgorithm(want) {
		return refuse(provenance.CodeSignatureWrongSubject, "it signs a digest under %q, the artifact's is %v", msg.DigestAlgorithm(), want.Algorithm())
	}
	if got := hex.EncodeToString(msg.Digest()); got != want.Hex() {
		return refuse(provenance.CodeSignatureWrongSubject, "it signs %v:%s, not this artifact", want.Algorithm(), got)
	}
	return nil
}

// artifactOption is what sigstore-go is to compare: the artifact by digest, or
// the document that was signed about it.
func (s *signed) artifactOption(subject artifact.Digest) verify.ArtifactPolicyOption {
	if s.claims != nil {
		return verify.WithArtifact(bytes.NewReader(s.payload))
	}
	return verify.WithArtifactDigest(subject.Algorithm().String(), subject.Sum())
}

// messageAlgorithm is d's algorithm in the words of sigstore_common.proto.
func messageAlgorithm(d artifact.Digest) string {
	switch d.Algorithm() {
	case artifact.SHA256:
		return protocommon.HashAlgorithm_SHA2_256.String()
	case artifact.SHA512:
		return protocommon.HashAlgorithm_SHA2_512.String()
	default:
		return ""
	}
}
