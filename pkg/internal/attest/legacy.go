package attest

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// cosign's older layouts (cosign, specs/SIGNATURE_SPEC.md): one layer per
// signature, whose content is what was signed; everything else stands in the
// layer's annotations. A tag and a referrer hold the same layers.
const (
	simpleSigningType = "application/vnd.dev.cosign.simplesigning.v1+json"
	simpleSigningWord = "cosign container image signature"
	envelopeType      = "application/vnd.dsse.envelope.v1+json" // of older attestations

	annotationSignature   = "dev.cosignproject.cosign/signature"
	annotationCertificate = "dev.sigstore.cosign/certificate"
	annotationChain       = "dev.sigstore.cosign/chain"
	annotationLog         = "dev.sigstore.cosign/bundle"
	annotationTimestamp   = "dev.sigstore.cosign/rfc3161timestamp"
)

// maxClaims bounds what an older signature signs, in bytes: a few hundred.
const maxClaims = 1 << 20

// claims is what an older signature signs.
type claims struct {
	Critical struct {
		Image struct {
			Digest string `json:"docker-manifest-digest"`
		} `json:"image"`
		Type string `json:"type"`
	} `json:"critical"`
}

// about says whether the claims are about the artifact: the hop from the
// signed bytes to the artifact, without which a signature can be copied.
func (c claims) about(want artifact.Digest) error {
	if c.Critical.Type != simpleSigningWord {
		return refuse(provenance.CodeNotASignature, "it signs a claim of type %q", c.Critical.Type)
	}
	if c.Critical.Image.Digest != want.String() {
		return refuse(provenance.CodeSignatureWrongSubject, "it is about %q, not about this artifact", c.Critical.Image.Digest)
	}
	return nil
}

// A logReceipt is the older form of a log entry.
type logReceipt struct {
	Promise []byte `json:"SignedEntryTimestamp"`
	Payload struct {
		Body  []byte `json:"body"`
		Time  int64  `json:"integratedTime"`
		Index int64  `json:"logIndex"`
		LogID string `json:"logID"`
	} `json:"Payload"`
}

// parseClaims puts an older signature into the form of a bundle of version 0.1,
// which is verified like any other.
func parseClaims(payload []byte, annotations map[string]string) (*signed, error) {
	if len(payload) > maxClaims {
		return nil, refuse(provenance.CodeLimitExceeded, "%d bytes are over the limit of %d for what is signed", len(payload), maxClaims)
	}
	var c claims
	if err := strictjson.Decode(payload, &c); err != nil {
		return nil, refuse(provenance.CodeSignatureMalformed, "what it signs is %v", err)
	}
	sig, err := base64.StdEncoding.DecodeString(annotations[annotationSignature])
	if err != nil || len(sig) == 0 {
		return nil, refuse(provenance.CodeSignatureMalformed, "its annotation %s holds no signature", annotationSignature)
	}
	s, err := parseAnnotated(annotations, &protobundle.Bundle{
		Content: &protobundle.Bundle_MessageSignature{MessageSignature: &protocommon.MessageSignature{
			MessageDigest: &protocommon.HashOutput{Algorithm: protocommon.HashAlgorithm_SHA2_256, Digest: artifact.SumSHA256(payload).Sum()},
			Signature:     sig,
		}},
	})
	if err != nil {
		return nil, err
	}
	s.claims, s.payload = &c, payload
	return s, nil
}

// parseEnvelope does the same for an older attestation, whose layer is the
// envelope. Its timestamp is about the layer, not about the signature, which no
// bundle can say (cosign, pkg/cosign/verify.go, VerifyRFC3161Timestamp).
func parseEnvelope(layer []byte, annotations map[string]string) (*signed, error) {
	var e envelope
	if err := strictjson.Decode(layer, &e); err != nil {
		return nil, refuse(provenance.CodeSignatureMalformed, "its envelope is %v", err)
	}
	if n := len(e.Signatures); n != 1 {
		return nil, refuse(provenance.CodeSignatureMalformed, "its envelope has %d signatures, want exactly one", n)
	}
	s, err := parseAnnotated(annotations, &protobundle.Bundle{
		Content: &protobundle.Bundle_DsseEnvelope{DsseEnvelope: &protodsse.Envelope{
			Payload: e.Payload, PayloadType: e.PayloadType,
			Signatures: []*protodsse.Signature{{Sig: e.Signatures[0].Sig}},
		}},
	})
	if err != nil {
		return nil, err
	}
	s.stamped = layer
	return s, nil
}

// parseAnnotated fills b with what stands in the annotations of a layer.
func parseAnnotated(annotations map[string]string, b *protobundle.Bundle) (*signed, error) {
	b.MediaType = bundleType + "+json;version=0.1"
	material := &protobundle.VerificationMaterial{Content: &protobundle.VerificationMaterial_PublicKey{PublicKey: &protocommon.PublicKeyIdentifier{}}}
	b.VerificationMaterial = material
	var err error
	if text, ok := annotations[annotationCertificate]; ok {
		if material.Content, err = legacyCertificate(text); err != nil {
			return nil, err
		}
	}
	if text, ok := annotations[annotationLog]; ok {
		if material.TlogEntries, err = legacyEntry(text); err != nil {
			return nil, err
		}
	}
	if text, ok := annotations[annotationTimestamp]; ok {
		if material.TimestampVerificationData, err = legacyTimestamp(text); err != nil {
			return nil, err
		}
	}
	s, err := checkBundle(b)
	if err != nil {
		return nil, err
	}
	if text, ok := annotations[annotationChain]; ok && s.material.Certificate() != nil {
		if s.brought, err = parseCertificates([]byte(text)); err != nil {
			return nil, refuse(provenance.CodeSignatureMalformed, "its annotation %s: %v", annotationChain, err)
		}
	}
	return s, nil
}

// legacyCertificate reads the leaf. What the annotation beside it brings stands
// between the leaf and a configured authority at most; those of Sigstore
// instances come from the trusted root.
func legacyCertificate(text string) (*protobundle.VerificationMaterial_X509CertificateChain, error) {
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, refuse(provenance.CodeSignatureMalformed, "its annotation %s is not one certificate", annotationCertificate)
	}
	return &protobundle.VerificationMaterial_X509CertificateChain{X509CertificateChain: &protocommon.X509CertificateChain{
		Certificates: []*protocommon.X509Certificate{{RawBytes: block.Bytes}},
	}}, nil
}

func legacyEntry(text string) ([]*protorekor.TransparencyLogEntry, error) {
	var r logReceipt
	if err := strictjson.Decode([]byte(text), &r); err != nil {
		return nil, refuse(provenance.CodeSignatureMalformed, "its log entry is %v", err)
	}
	id, err := hex.DecodeString(r.Payload.LogID)
	if err != nil {
		return nil, refuse(provenance.CodeSignatureMalformed, "its log entry: the log's id is not hexadecimal")
	}
	var body struct {
		Kind    string `json:"kind"`
		Version string `json:"apiVersion"`
	}
	if err := strictjson.Decode(r.Payload.Body, &body); err != nil {
		return nil, refuse(provenance.CodeSignatureMalformed, "the body of its log entry is %v", err)
	}
	return []*protorekor.TransparencyLogEntry{{
		LogIndex:          r.Payload.Index,
		LogId:             &protocommon.LogId{KeyId: id},
		KindVersion:       &protorekor.KindVersion{Kind: body.Kind, Version: body.Version},
		IntegratedTime:    r.Payload.Time,
		InclusionPromise:  &protorekor.InclusionPromise{SignedEntryTimestamp: r.Promise},
		CanonicalizedBody: r.Payload.Body,
	}}, nil
}

func legacyTimestamp(text string) (*protobundle.TimestampVerificationData, error) {
	var r struct {
		Stamp []byte `json:"SignedRFC3161Timestamp"`
	}
	if err := strictjson.Decode([]byte(text), &r); err != nil {
		return nil, refuse(provenance.CodeSignatureMalformed, "its timestamp is %v", err)
	}
	return &protobundle.TimestampVerificationData{
		Rfc3161Timestamps: []*protocommon.RFC3161SignedTimestamp{{SignedTimestamp: r.Stamp}},
	}, nil
}
