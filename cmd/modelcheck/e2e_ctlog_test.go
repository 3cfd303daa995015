//go:build e2e

package main_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"
)

// oidPoison marks a precertificate (RFC 6962 §3.1).
var oidPoison = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 3}

// startCTLog serves a certificate transparency log that signs a timestamp for
// every precertificate and keeps none.
func startCTLog(t *testing.T, key *ecdsa.PrivateKey) (url string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /ct/v1/add-pre-chain", func(w http.ResponseWriter, r *http.Request) {
		var request struct {
			Chain [][]byte `json:"chain"`
		}
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		timestamp, err := signTimestamp(key, request.Chain)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		reply(w, timestamp)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// signTimestamp answers add-pre-chain (RFC 6962 §4.2) for a chain of a
// precertificate and its issuer, in DER.
func signTimestamp(key *ecdsa.PrivateKey, chain [][]byte) (map[string]any, error) {
	if len(chain) < 2 {
		return nil, fmt.Errorf("a chain of %d certificates", len(chain))
	}
	precert, err := x509.ParseCertificate(chain[0])
	if err != nil {
		return nil, err
	}
	issuer, err := x509.ParseCertificate(chain[1])
	if err != nil {
		return nil, err
	}
	tbs, err := withoutPoison(precert.RawTBSCertificate)
	if err != nil {
		return nil, err
	}
	now := time.Now().UnixMilli()
	digest := sha256.Sum256(timestampInput(uint64(now), sha256.Sum256(issuer.RawSubjectPublicKeyInfo), tbs))
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		return nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	logID := sha256.Sum256(public)
	// DigitallySigned (RFC 5246 §4.7): sha256(4), ecdsa(3), length, signature.
	signed := binary.BigEndian.AppendUint16([]byte{4, 3}, uint16(len(signature)))
	return map[string]any{
		"sct_version": 0,
		"id":          logID[:],
		"timestamp":   now,
		"extensions":  "",
		"signature":   append(signed, signature...),
	}, nil
}

// timestampInput is the signed structure of RFC 6962 §3.2 for a precert_entry.
func timestampInput(now uint64, issuerKeyHash [32]byte, tbs []byte) []byte {
	var in bytes.Buffer
	in.Write([]byte{0, 0}) // v1, certificate_timestamp
	in.Write(binary.BigEndian.AppendUint64(nil, now))
	in.Write([]byte{0, 1}) // precert_entry
	in.Write(issuerKeyHash[:])
	in.Write(binary.BigEndian.AppendUint32(nil, uint32(len(tbs)))[1:]) // a length of three bytes
	in.Write(tbs)
	in.Write([]byte{0, 0}) // no extensions
	return in.Bytes()
}

// tbsCertificate is RFC 5280 §4.1 as far as the extensions need it.
type tbsCertificate struct {
	Raw        asn1.RawContent
	Version    int `asn1:"optional,explicit,default:0,tag:0"`
	Serial     *big.Int
	Algorithm  asn1.RawValue
	Issuer     asn1.RawValue
	Validity   asn1.RawValue
	Subject    asn1.RawValue
	PublicKey  asn1.RawValue
	Extensions []pkix.Extension `asn1:"omitempty,optional,explicit,tag:3"`
}

// withoutPoison takes the poison out, which gives the certificate that a
// verifier sees once the timestamp is taken out of the final one.
func withoutPoison(raw []byte) ([]byte, error) {
	var tbs tbsCertificate
	if rest, err := asn1.Unmarshal(raw, &tbs); err != nil || len(rest) > 0 {
		return nil, fmt.Errorf("parsing a precertificate, %d bytes left over: %w", len(rest), err)
	}
	tbs.Raw = nil
	tbs.Extensions = slices.DeleteFunc(tbs.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(oidPoison) })
	return asn1.Marshal(tbs)
}
