package signingtest

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/digitorus/timestamp"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/modelcheck/modelcheck/pkg/internal/attest/sigstoretest"
)

// certify is Fulcio's CreateSigningCertificate (fulcio.proto, version 2).
func (s *Services) certify(w http.ResponseWriter, r *http.Request) {
	var request struct {
		PublicKeyRequest struct {
			PublicKey struct {
				Content string `json:"content"`
			} `json:"publicKey"`
		} `json:"publicKeyRequest"`
	}
	err := json.NewDecoder(r.Body).Decode(&request)
	block, _ := pem.Decode([]byte(request.PublicKeyRequest.PublicKey.Content))
	if block == nil {
		err = errors.Join(err, errors.New("no public key"))
	}
	if !try(w, err) {
		return
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if !try(w, err) {
		return
	}
	claims, err := claimsOf(r.Header.Get("Authorization"))
	if !try(w, err) {
		return
	}
	chain, err := s.Lab.Certify(sigstoretest.Request{Identity: claims.Email, Issuer: claims.Issuer, IssuedAt: time.Now().Add(-time.Minute)}, public)
	if !try(w, err) {
		return
	}
	var texts []string
	for _, c := range chain {
		texts = append(texts, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})))
	}
	reply(w, http.StatusOK, map[string]any{"signedCertificateEmbeddedSct": map[string]any{"chain": map[string]any{"certificates": texts}}})
}

func (s *Services) stamp(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if !try(w, err) {
		return
	}
	request, err := timestamp.ParseRequest(body)
	if !try(w, err) {
		return
	}
	answer, err := s.Lab.Timestamp(request.HashedMessage, time.Now())
	if !try(w, err) {
		return
	}
	w.Header().Set("Content-Type", "application/timestamp-reply")
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write(answer)
}

// log2 takes a hashedrekord 0.0.2 and refuses one that it has.
func (s *Services) log2(w http.ResponseWriter, r *http.Request) {
	type raw struct {
		RawBytes []byte `json:"rawBytes"`
	}
	var request struct {
		Record struct {
			Digest    []byte `json:"digest"`
			Signature struct {
				Content  []byte `json:"content"`
				Verifier struct {
					PublicKey   *raw `json:"publicKey"`
					Certificate *raw `json:"x509Certificate"`
				} `json:"verifier"`
			} `json:"signature"`
		} `json:"hashedRekordRequestV002"`
	}
	if !try(w, json.NewDecoder(r.Body).Decode(&request)) {
		return
	}
	record := sigstoretest.Record{Digest: request.Record.Digest, Signature: request.Record.Signature.Content}
	if c := request.Record.Signature.Verifier.Certificate; c != nil {
		record.VerifierDER, record.Certificate = c.RawBytes, true
	} else if k := request.Record.Signature.Verifier.PublicKey; k != nil {
		record.VerifierDER = k.RawBytes
	}
	if !s.first(string(record.Signature)) {
		reply(w, http.StatusConflict, map[string]any{"code": 6, "message": "an equivalent entry already exists in the transparency log with index 0"})
		return
	}
	entry, err := s.Lab.Log(2, record, time.Now())
	if !try(w, err) {
		return
	}
	text, err := protojson.Marshal(entry)
	if !try(w, err) {
		return
	}
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write(text)
}

func (s *Services) first(signature string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	had := s.logged[signature]
	s.logged[signature] = true
	return !had
}

// log1 takes a dsse 0.0.1 (rekor, openapi.yaml, createLogEntry).
func (s *Services) log1(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Spec struct {
			ProposedContent struct {
				Envelope  string   `json:"envelope"`
				Verifiers [][]byte `json:"verifiers"`
			} `json:"proposedContent"`
		} `json:"spec"`
	}
	if !try(w, json.NewDecoder(r.Body).Decode(&request)) {
		return
	}
	var envelope struct {
		Payload    []byte `json:"payload"`
		Signatures []struct {
			Sig []byte `json:"sig"`
		} `json:"signatures"`
	}
	content := request.Spec.ProposedContent
	err := json.Unmarshal([]byte(content.Envelope), &envelope)
	if err == nil && (len(envelope.Signatures) != 1 || len(content.Verifiers) != 1) {
		err = errors.New("want one signature and one verifier")
	}
	if !try(w, err) {
		return
	}
	sum := sha256.Sum256([]byte(content.Envelope))
	entry, err := s.Lab.Log(1, sigstoretest.Record{
		Payload: envelope.Payload, Digest: sum[:], Signature: envelope.Signatures[0].Sig, VerifierPEM: content.Verifiers[0],
	}, time.Now())
	if !try(w, err) {
		return
	}
	proof := entry.GetInclusionProof()
	uuid := hex.EncodeToString(proof.GetRootHash())
	w.Header().Set("ETag", uuid)
	w.Header().Set("Location", "/api/v1/log/entries/"+uuid)
	reply(w, http.StatusCreated, map[string]any{uuid: map[string]any{
		"body":           base64.StdEncoding.EncodeToString(entry.GetCanonicalizedBody()),
		"integratedTime": entry.GetIntegratedTime(),
		"logID":          hex.EncodeToString(entry.GetLogId().GetKeyId()),
		"logIndex":       entry.GetLogIndex(),
		"verification": map[string]any{
			"signedEntryTimestamp": entry.GetInclusionPromise().GetSignedEntryTimestamp(),
			"inclusionProof": map[string]any{
				"checkpoint": proof.GetCheckpoint().GetEnvelope(), "hashes": []string{}, "logIndex": 0,
				"rootHash": uuid, "treeSize": proof.GetTreeSize(),
			},
		},
	}})
}
