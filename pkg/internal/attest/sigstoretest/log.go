package sigstoretest

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
)

// What an entry is about.
type logged struct {
	payload     []byte // of an envelope; nil for a message signature
	digest      []byte // SHA-256 of what was signed
	signature   []byte
	verifierDER []byte // certificate or key
	verifierPEM []byte
	certificate bool
}

// entry logs a signature as the only entry of a log of the given generation.
func (l *Lab) entry(generation int, e logged, at time.Time, promise bool) (*protorekor.TransparencyLogEntry, error) {
	kind, version, spec := e.spec(generation)
	body, err := json.Marshal(map[string]any{"apiVersion": version, "kind": kind, "spec": spec}) // sorted, as RFC 8785 has it
	if err != nil {
		return nil, err
	}
	id, err := keyID(l.logKey.Public())
	if err != nil {
		return nil, err
	}
	out := &protorekor.TransparencyLogEntry{
		LogId:             &protocommon.LogId{KeyId: id},
		KindVersion:       &protorekor.KindVersion{Kind: kind, Version: version},
		CanonicalizedBody: body,
	}
	origin := logHost
	if generation == 1 {
		origin += " - 1" // v1 checkpoints carry a tree id
		out.IntegratedTime = at.Unix()
	}
	leaf := sha256.Sum256(append([]byte{0}, body...)) // RFC 6962 §2.1
	checkpoint, err := l.checkpoint(origin, leaf[:], id)
	if err != nil {
		return nil, err
	}
	out.InclusionProof = &protorekor.InclusionProof{
		TreeSize: 1, RootHash: leaf[:], Checkpoint: &protorekor.Checkpoint{Envelope: checkpoint},
	}
	if generation == 1 && promise {
		set, err := l.promise(out, id)
		if err != nil {
			return nil, err
		}
		out.InclusionPromise = &protorekor.InclusionPromise{SignedEntryTimestamp: set}
	}
	return out, nil
}

// spec returns the body of an entry: hashedrekord of either generation, dsse of
// the first.
func (e logged) spec(generation int) (kind, version string, spec any) {
	digest := hex.EncodeToString(e.digest)
	switch {
	case generation == 2:
		verifier := map[string]any{"keyDetails": "PKIX_ECDSA_P256_SHA_256"}
		field := "publicKey"
		if e.certificate {
			field = "x509Certificate"
		}
		verifier[field] = map[string]any{"rawBytes": e.verifierDER}
		return "hashedrekord", "0.0.2", map[string]any{"hashedRekordV002": map[string]any{
			"data":      map[string]any{"algorithm": "SHA2_256", "digest": e.digest},
			"signature": map[string]any{"content": e.signature, "verifier": verifier},
		}}
	case e.payload != nil:
		sum := sha256.Sum256(e.payload)
		return "dsse", "0.0.1", map[string]any{
			"envelopeHash": map[string]any{"algorithm": "sha256", "value": digest},
			"payloadHash":  map[string]any{"algorithm": "sha256", "value": hex.EncodeToString(sum[:])},
			"signatures":   []any{map[string]any{"signature": base64.StdEncoding.EncodeToString(e.signature), "verifier": e.verifierPEM}},
		}
	default:
		return "hashedrekord", "0.0.1", map[string]any{
			"data":      map[string]any{"hash": map[string]any{"algorithm": "sha256", "value": digest}},
			"signature": map[string]any{"content": e.signature, "publicKey": map[string]any{"content": e.verifierPEM}},
		}
	}
}

// checkpoint signs the head of a log that holds one entry (C2SP, tlog-checkpoint
// and signed-note).
func (l *Lab) checkpoint(origin string, head, id []byte) (string, error) {
	text := fmt.Sprintf("%s\n1\n%s\n", origin, base64.StdEncoding.EncodeToString(head))
	sum := sha256.Sum256([]byte(text))
	sig, err := ecdsa.SignASN1(rand.Reader, l.logKey, sum[:])
	if err != nil {
		return "", err
	}
	line := base64.StdEncoding.EncodeToString(append(append([]byte(nil), id[:4]...), sig...))
	return fmt.Sprintf("%s\n\u2014 %s %s\n", text, logHost, line), nil
}

// promise is Rekor's signed entry timestamp over the entry in canonical JSON.
func (l *Lab) promise(e *protorekor.TransparencyLogEntry, id []byte) ([]byte, error) {
	text := fmt.Sprintf(`{"body":%q,"integratedTime":%d,"logID":%q,"logIndex":%d}`,
		base64.StdEncoding.EncodeToString(e.CanonicalizedBody), e.IntegratedTime, hex.EncodeToString(id), e.LogIndex)
	sum := sha256.Sum256([]byte(text))
	return ecdsa.SignASN1(rand.Reader, l.logKey, sum[:])
}
