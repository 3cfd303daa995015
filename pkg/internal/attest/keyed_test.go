package attest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"slices"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/sigstoretest"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

func newKey(t testing.TB, kind string) crypto.Signer {
	t.Helper()
	var k crypto.Signer
	var err error
	switch kind {
	case "P-256":
		k, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "P-384":
		k, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "P-521":
		k, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "Ed25519":
		_, k, err = ed25519.GenerateKey(rand.Reader)
	case "RSA":
		k, err = rsa.GenerateKey(rand.Reader, 2048)
	default:
		t.Fatalf("no kind %q", kind)
	}
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func signed1(t testing.TB, subject artifact.Digest, key crypto.Signer) []byte {
	t.Helper()
	b, err := SignKey(subject, key)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestKeyProven(t *testing.T) {
	stranger := newKey(t, "P-256")
	for _, kind := range []string{"P-256", "P-384", "P-521", "Ed25519", "RSA"} {
		t.Run(kind, func(t *testing.T) {
			key := newKey(t, kind)
			v := newVerifier(t, Config{Keys: []Key{{Name: "stranger", PEM: pemOf(t, stranger.Public())}, {Name: "ours", PEM: pemOf(t, key.Public())}}})
			bundle := signed1(t, testSubject, key)
			c := verifyOne(t, v, bundle)
			sum, err := keySum(key.Public())
			if err != nil {
				t.Fatal(err)
			}
			if c.Verdict != provenance.Proven || c.Scheme != "sigstore-key" || c.Identity.KeyFingerprint != "sha256:"+hex.EncodeToString(sum) || c.PredicateType != SignType {
				t.Fatalf("%+v", c)
			}
			if !slices.Equal(c.Checked, []string{"signature", "subject"}) || c.LogIndex != nil || c.SignedAt != nil {
				t.Errorf("it says more than was checked: %+v", c)
			}
			if !bytes.Equal(bundle, signed1(t, testSubject, key)) {
				t.Error("signing again gives other bytes")
			}
			// A hint is no more than a hint.
			c = verifyOne(t, v, edit(t, bundle, func(m map[string]any) { object(m, "verificationMaterial", "publicKey")["hint"] = "" }))
			if c.Verdict != provenance.Proven {
				t.Errorf("without hint: %+v", c)
			}
		})
	}
}

// Clients that hash with SHA-256 whatever the curve: cosign did until v3.
func TestKeyOlderHash(t *testing.T) {
	key := newKey(t, "P-384")
	bundle := edit(t, signed1(t, testSubject, newKey(t, "P-256")), func(m map[string]any) {
		payload, err := signStatement(testSubject)
		if err != nil {
			t.Fatal(err)
		}
		sum := artifact.SumSHA256(pae(payloadType, payload)).Sum()
		sig, err := key.Sign(rand.Reader, sum, crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		object(m, "dsseEnvelope", "signatures", 0)["sig"] = base64.StdEncoding.EncodeToString(sig)
	})
	v := newVerifier(t, Config{Keys: []Key{{Name: "ours", PEM: pemOf(t, key.Public())}}})
	if c := verifyOne(t, v, bundle); c.Verdict != provenance.Proven {
		t.Errorf("%+v", c)
	}
}

func TestKeyRefused(t *testing.T) {
	for _, kind := range []string{"P-256", "Ed25519", "RSA"} {
		t.Run(kind, func(t *testing.T) {
			key, other := newKey(t, kind), newKey(t, kind)
			v := newVerifier(t, Config{Keys: []Key{{Name: "ours", PEM: pemOf(t, key.Public())}}})
			good := signed1(t, testSubject, key)
			theirs := signed1(t, testSubject, other)
			expectRefusal(t, verifyOne(t, newVerifier(t, Config{}), good), provenance.CodeSignatureWrongKey)
			expectRefusal(t, verifyOne(t, v, theirs), provenance.CodeSignatureWrongKey)
			expectRefusal(t, verifyOne(t, v, signed1(t, testOther, key)), provenance.CodeSignatureWrongSubject)
			// Somebody else's signature under our hint.
			expectRefusal(t, verifyOne(t, v, edit(t, good, func(m map[string]any) {
				edit(t, theirs, func(o map[string]any) { m["dsseEnvelope"] = o["dsseEnvelope"] })
			})), provenance.CodeSignatureBad)
			expectRefusal(t, verifyOne(t, v, edit(t, good, func(m map[string]any) {
				object(m, "dsseEnvelope")["payload"] = base64.StdEncoding.EncodeToString(statementOf(subjectOf("x", "sha256", testSubject.Hex())))
			})), provenance.CodeSignatureBad)
			expectRefusal(t, verifyOne(t, v, edit(t, good, func(m map[string]any) {
				sig, err := base64.StdEncoding.DecodeString(object(m, "dsseEnvelope", "signatures", 0)["sig"].(string))
				if err != nil {
					t.Fatal(err)
				}
				sig[len(sig)-1] ^= 1
				object(m, "dsseEnvelope", "signatures", 0)["sig"] = base64.StdEncoding.EncodeToString(sig)
			})), provenance.CodeSignatureBad)
			// A key that the bundle brings along counts for nothing.
			expectRefusal(t, verifyOne(t, v, edit(t, theirs, func(m map[string]any) {
				object(m, "verificationMaterial", "publicKey")["rawBytes"] = base64.StdEncoding.EncodeToString(pemOf(t, other.Public()))
			})), provenance.CodeSignatureMalformed)
		})
	}
}

// A log entry is not required of a key; where a root knows the log, it must
// hold and is stated.
func TestKeyWithLog(t *testing.T) {
	lab := newLab(t)
	key := newKey(t, "P-256")
	ours := []Key{{Name: "ours", PEM: pemOf(t, key.Public())}}
	byKey := func(change func(*sigstoretest.Request)) []byte {
		return bundleOf(t, lab, keyless(func(r *sigstoretest.Request) { r.Identity, r.Key = "", key }, change))
	}
	nothing := func(*sigstoretest.Request) {}
	knows := newVerifier(t, Config{Keys: ours, Roots: []Root{rootOf(t, newLab(t)), rootOf(t, lab)}})
	foreign := newVerifier(t, Config{Keys: ours, Roots: []Root{rootOf(t, newLab(t))}})
	tests := []struct {
		name    string
		v       *Verifier
		bundle  []byte
		checked []string
	}{
		{"Rekor v1", knows, byKey(nothing), []string{"signature", "subject", "transparency-log", "integrated-time", "signed-timestamp"}},
		{"Rekor v2", knows, byKey(func(r *sigstoretest.Request) { r.Rekor2 = true }), []string{"signature", "subject", "transparency-log", "signed-timestamp"}},
		{"message signature", knows, byKey(func(r *sigstoretest.Request) { r.Message = true }), []string{"signature", "subject", "transparency-log", "integrated-time", "signed-timestamp"}},
		{"only a timestamp", knows, byKey(func(r *sigstoretest.Request) { r.WithoutLog = true }), []string{"signature", "subject", "signed-timestamp"}},
		{"neither", knows, byKey(func(r *sigstoretest.Request) { r.WithoutLog, r.WithoutTimestamp = true, true }), []string{"signature", "subject"}},
		{"a log that no root knows", foreign, byKey(nothing), []string{"signature", "subject"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := verifyOne(t, tt.v, tt.bundle)
			if c.Verdict != provenance.Proven || !slices.Equal(c.Checked, tt.checked) {
				t.Errorf("%v %s %s: checked %q, want %q", c.Verdict, c.Code, c.Detail, c.Checked, tt.checked)
			}
		})
	}
	// An outdated copy of a root does not spoil what the current one says.
	outdated := rootOf(t, lab)
	outdated.JSON = edit(t, outdated.JSON, func(m map[string]any) {
		object(m, "tlogs", 0, "publicKey", "validFor")["end"] = "2026-10-01T00:00:00Z"
	})
	both := newVerifier(t, Config{Keys: ours, Roots: []Root{rootOf(t, lab), outdated}})
	if c := verifyOne(t, both, byKey(nothing)); c.Verdict != provenance.Proven || !slices.Contains(c.Checked, "transparency-log") {
		t.Errorf("beside an outdated root: %+v", c)
	}
	old := newVerifier(t, Config{Keys: ours, Roots: []Root{outdated}})
	expectRefusal(t, verifyOne(t, old, byKey(nothing)), provenance.CodeLogInclusionFailed)
	swapped := edit(t, byKey(nothing), func(m map[string]any) {
		edit(t, byKey(nothing), func(o map[string]any) {
			object(m, "verificationMaterial")["tlogEntries"] = at(o, "verificationMaterial", "tlogEntries")
		})
	})
	expectRefusal(t, verifyOne(t, knows, swapped), provenance.CodeLogInclusionFailed)
}

func TestNewRefusesKeys(t *testing.T) {
	good := pemOf(t, newKey(t, "P-256").Public())
	private, err := x509.MarshalPKCS8PrivateKey(newKey(t, "P-256"))
	if err != nil {
		t.Fatal(err)
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	decoded, _ := pem.Decode(good)
	for name, data := range map[string][]byte{
		"empty":               nil,
		"white space":         []byte(" \n"),
		"not PEM":             []byte("ssh-ed25519 AAAA"),
		"a broken one before": append([]byte("-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----\n"), good...),
		"half of one before":  append(slices.Clone(good[:len(good)/2]), good...),
		"two keys":            append(slices.Clone(good), good...),
		"words after":         append(slices.Clone(good), "trailing"...),
		"truncated":           good[:len(good)/2],
		"private":             block("PRIVATE KEY", private),
		"private in disguise": block("PUBLIC KEY", private),
		"encrypted private":   block("ENCRYPTED SIGSTORE PRIVATE KEY", private),
		"certificate":         block("CERTIFICATE", decoded.Bytes),
		"headers":             pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Headers: map[string]string{"a": "b"}, Bytes: decoded.Bytes}),
		"more DER":            block("PUBLIC KEY", append(slices.Clone(decoded.Bytes), 0)),
		"RSA 1024":            pemOf(t, weak.Public()),
		"P-224":               pemOf(t, p224.Public()),
		"huge":                append(slices.Clone(good), bytes.Repeat([]byte("\n x"), maxTrustMaterial)...),
	} {
		if _, err := New(Config{Keys: []Key{{Name: "good", PEM: good}, {Name: name, PEM: data}}}); !errors.Is(err, ErrTrust) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New(Config{Keys: []Key{{Name: "explained", PEM: append([]byte("Public Key Information:\n"), good...)}}}); err != nil {
		t.Errorf("words before: %v", err)
	}
	if _, err := New(Config{Keys: []Key{{Name: "rsa", PEM: block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&newKey(t, "RSA").(*rsa.PrivateKey).PublicKey))}}}); err != nil {
		t.Errorf("PKCS #1: %v", err)
	}
}

func TestNewRefusesRootsAndSettings(t *testing.T) {
	good := rootOf(t, newLab(t))
	for name, data := range map[string][]byte{
		"empty":            nil,
		"not JSON":         []byte("garbage"),
		"no authority":     []byte(`{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`),
		"no media type":    []byte(`{}`),
		"another version":  bytes.Replace(good.JSON, []byte("version=0.1"), []byte("version=9.9"), 1),
		"more after":       append(slices.Clone(good.JSON), "{}"...),
		"duplicate name":   append([]byte(`{"mediaType":"x",`), good.JSON[1:]...),
		"unknown field":    append([]byte(`{"also":"x",`), good.JSON[1:]...),
		"null in the list": bytes.Replace(good.JSON, []byte(`"tlogs":[`), []byte(`"tlogs":[null,`), 1),
	} {
		if _, err := New(Config{Roots: []Root{good, {Name: name, JSON: data}}}); !errors.Is(err, ErrTrust) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New(Config{SignatureTypes: []string{""}}); !errors.Is(err, ErrTrust) {
		t.Errorf("empty signature type: %v", err)
	}
	if _, err := New(Config{Thresholds: Thresholds{LogEntries: -1}}); !errors.Is(err, ErrTrust) {
		t.Errorf("negative threshold: %v", err)
	}
}

// The bundle has the shape of cosign v3's with a key and no services.
func TestSignKeyShape(t *testing.T) {
	var b struct {
		MediaType string
		Material  struct {
			PublicKey struct {
				Hint []byte `json:"hint"`
			} `json:"publicKey"`
		} `json:"verificationMaterial"`
		Envelope struct {
			Payload     []byte `json:"payload"`
			PayloadType string `json:"payloadType"`
		} `json:"dsseEnvelope"`
	}
	key := newKey(t, "P-256")
	if err := json.Unmarshal(signed1(t, testSubject, key), &b); err != nil {
		t.Fatal(err)
	}
	want := `{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"` + testSubject.Hex() +
		`"},"annotations":{}}],"predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{}}`
	if string(b.Envelope.Payload) != want || b.Envelope.PayloadType != "application/vnd.in-toto+json" {
		t.Errorf("statement %s (%s)", b.Envelope.Payload, b.Envelope.PayloadType)
	}
	if sum, _ := keySum(key.Public()); !bytes.Equal(b.Material.PublicKey.Hint, sum) {
		t.Errorf("hint %x, want %x", b.Material.PublicKey.Hint, sum)
	}
	if _, err := SignKey(artifact.Digest{}, key); err == nil {
		t.Error("signed no artifact")
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := SignKey(testSubject, p224); err == nil {
		t.Error("signed with a key that cannot be verified")
	}
}
