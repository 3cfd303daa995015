package attest

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/oms"
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
	statement *statement     // nil for a message signature
	model     *oms.Statement // of an OpenSSF model signature

	brought    []*x509.Certificate // certificates beside the leaf; nobody's word for anything
	notKeyless *refusal            // why no Sigstore instance can have made it so; nil if one can

	// Of cosign's older layouts: what was signed is not the artifact but a
	// small document about it, and timestamps are about other bytes.
	claims  *claims
	payload []byte
	stamped []byte
}

// An entity is a bundle with one or all of its log entries. It hides the
// bundle's version: for old versions sigstore-go would retry ECDSA signatures
// with another hash and print that to stderr.
type entity struct {
	*bundle.Bundle
	entries  []*tlog.Entry
	timeless bool // as if it had no timestamps
}

// Version says that no behaviour of older versions is wanted.
func (e entity) Version() (string, error) { return "", nil }

// TlogEntries returns the entries that e was made with.
func (e entity) TlogEntries() ([]*tlog.Entry, error) { return e.entries, nil }

// Timestamps returns the RFC 3161 timestamps that e is to be seen with.
func (e entity) Timestamps() ([][]byte, error) {
	if e.timeless {
		return nil, nil
	}
	return e.Bundle.Timestamps()
}

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
	if _, err := (&bundle.Bundle{Bundle: pb}).Version(); err != nil {
		return nil, refuse(provenance.CodeSignatureMalformed, "not a Sigstore bundle that can be read: %v", err)
	}
	s := &signed{}
	if err := s.readChain(pb.GetMediaType(), pb.GetVerificationMaterial()); err != nil {
		return nil, err
	}
	if err := s.readBundle(pb); err != nil {
		if s.notKeyless != nil { // says more of what is wrong with the bundle
			_, detail := reasonOf(err)
			return nil, refuse(s.notKeyless.code, "%s; %s", s.notKeyless.detail, detail)
		}
		return nil, err
	}
	return s, nil
}

func (s *signed) readBundle(pb *protobundle.Bundle) error {
	material := pb.GetVerificationMaterial()
	if n := len(material.GetTimestampVerificationData().GetRfc3161Timestamps()); n > MaxTimestamps {
		return refuse(provenance.CodeLimitExceeded, "%d timestamps are over the limit of %d", n, MaxTimestamps)
	}
	if err := checkEntries(pb.GetMediaType(), material.GetTlogEntries()); err != nil {
		return err
	}
	b, err := bundle.NewBundle(pb)
	if err != nil {
		return refuse(provenance.CodeSignatureMalformed, "not a usable Sigstore bundle: %v", err)
	}
	s.entity = entity{Bundle: b}
	if s.entity.entries, err = b.TlogEntries(); err != nil {
		return refuse(provenance.CodeSignatureMalformed, "its log entries: %v", err)
	}
	if s.material, err = b.VerificationContent(); err != nil {
		return refuse(provenance.CodeSignatureMalformed, "its verification material: %v", err)
	}
	if s.content, err = b.SignatureContent(); err != nil {
		return refuse(provenance.CodeSignatureMalformed, "its content: %v", err)
	}
	if len(s.content.Signature()) == 0 {
		return refuse(provenance.CodeSignatureMalformed, "it holds no signature")
	}
	return s.readEnvelope(pb.GetDsseEnvelope())
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
	if st.PredicateType == oms.PredicateType || st.PredicateType == oms.OldPredicateType {
		s.model, err = oms.Parse(env.GetPayload())
	}
	return err
}

// about says whether what was signed is the artifact.
func (s *signed) about(want artifact.Digest) error {
	switch {
	case s.model != nil:
		return nil // its subject is made of the files' digests: see Pending
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
	if s.model != nil {
		subject = s.model.Root()
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
