package signing

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/sigstore/sigstore/pkg/cryptoutils"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest"
)

var subject = artifact.SumSHA256([]byte("a manifest"))

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func encodePEM(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func pkcs8PEM(t *testing.T, key any) []byte {
	t.Helper()
	return encodePEM("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(key))(t))
}

func password(s string) Password { return func() ([]byte, error) { return []byte(s), nil } }

// Every kind of key signs what attest verifies under its public half.
func TestKeysSign(t *testing.T) {
	keys := map[string]crypto.Signer{
		"P-256":    must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t),
		"P-384":    must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))(t),
		"P-521":    must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader))(t),
		"RSA 2048": must(rsa.GenerateKey(rand.Reader, 2048))(t),
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys["Ed25519"] = edwards
	for name, private := range keys {
		t.Run(name, func(t *testing.T) {
			key := must(ParseKey(pkcs8PEM(t, private), nil))(t)
			signer := must(New(Config{Key: key}))(t)
			statement := must(Statement(subject))(t)
			bundle := must(signer.Sign(t.Context(), statement, CosignHint))(t)
			c := judge(t, attest.Config{Keys: []attest.Key{{PEM: key.PublicPEM()}}}, bundle)
			if !c.proven || c.key != key.Fingerprint() {
				t.Errorf("%+v, want it verified by %s", c, key.Fingerprint())
			}
			if again := must(signer.Sign(t.Context(), statement, CosignHint))(t); string(again) != string(bundle) {
				t.Error("signing again gives another bundle")
			}
		})
	}
}

// Without services the bundle is the one that attest.SignKey makes.
func TestSameAsSignKey(t *testing.T) {
	private := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	want := must(attest.SignKey(subject, private))(t)
	signer := must(New(Config{Key: must(newKey(private))(t)}))(t)
	got := must(signer.Sign(t.Context(), must(Statement(subject))(t), CosignHint))(t)
	if string(got) != string(want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// encryptedPKCS8 is a key as "openssl pkcs8 -topk8 -v2 aes-256-cbc" writes it; the
// password is "secret".
const encryptedPKCS8 = `-----BEGIN ENCRYPTED PRIVATE KEY-----
MIIBHDBXBgkqhkiG9w0BBQ0wSjApBgkqhkiG9w0BBQwwHAQI7ra0/UtbTEQCAggA
MAwGCCqGSIb3DQIJBQAwHQYJYIZIAWUDBAEqBBDqAcVCe7O75inrhPJmMxaHBIHA
Z6XWqZNk+8RqvjsP8A++/4G+ikh0QTBjJPXv6fwONhzMBX1IPRY99iaULJ+Deunf
nvT3dEddvnAjfAOr5aIlqimL46VksgAwsIt3pTQ8ISQWP1lby+rbzj7XjWu9UiJM
WnB6QDCWi4oZKEOBoJWALfVpqunmlg9eXiEe7bW5G+gznAPDQpDtSx9dVEhLbTKK
lG02xDPOC3u8//pW7z7DWxJ27/XLHz1hnhq6RbtJK9JpFCrs4f2YmfBPLirrcvpJ
-----END ENCRYPTED PRIVATE KEY-----
`

func TestParseKey(t *testing.T) {
	private := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	clear := pkcs8PEM(t, private)
	der := must(x509.MarshalPKCS8PrivateKey(private))(t)
	public := encodePEM("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(private.Public()))(t))
	rsaKey := must(rsa.GenerateKey(rand.Reader, 2048))(t)
	cosignDER := must(cryptoutils.MarshalPrivateKeyToEncryptedDER(private, func(bool) ([]byte, error) { return []byte("secret"), nil }))(t)
	empty := must(cryptoutils.MarshalPrivateKeyToEncryptedDER(private, func(bool) ([]byte, error) { return []byte{}, nil }))(t)
	p224 := must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader))(t)
	for name, tc := range map[string]struct {
		data     []byte
		password Password
		want     string // "" means that it is read
		is       error
	}{
		"PKCS 8":             {data: clear},
		"SEC 1":              {data: encodePEM("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(private))(t))},
		"openssl's two":      {data: append([]byte("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"), encodePEM("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(private))(t))...)},
		"PKCS 1":             {data: encodePEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey))},
		"cosign":             {data: encodePEM(typeEncryptedSig, cosignDER), password: password("secret")},
		"cosign, older name": {data: encodePEM(typeEncryptedCosign, cosignDER), password: password("secret")},
		"cosign, empty":      {data: encodePEM(typeEncryptedSig, empty)},
		"encrypted PKCS 8":   {data: []byte(encryptedPKCS8), password: password("secret")},

		"cosign, wrong password":   {encodePEM(typeEncryptedSig, cosignDER), password("Secret"), "the password is wrong", ErrPassword},
		"cosign, no password":      {encodePEM(typeEncryptedSig, cosignDER), nil, "the password is wrong", ErrPassword},
		"PKCS 8, wrong password":   {[]byte(encryptedPKCS8), password("Secret"), "the password is wrong", ErrPassword},
		"no password to be had":    {[]byte(encryptedPKCS8), func() ([]byte, error) { return nil, errors.New("no terminal") }, "no terminal", ErrKey},
		"cosign, damaged":          {encodePEM(typeEncryptedSig, cosignDER[:40]), password("secret"), "unexpected", ErrKey},
		"public":                   {public, nil, "it is a public key", ErrKey},
		"certificate":              {encodePEM("CERTIFICATE", []byte{1}), nil, `"CERTIFICATE"`, ErrKey},
		"OpenSSH":                  {encodePEM("OPENSSH PRIVATE KEY", []byte{1}), nil, "ssh-keygen", ErrKey},
		"two keys":                 {append(append([]byte(nil), clear...), clear...), nil, "more after", ErrKey},
		"key and public key":       {append(append([]byte(nil), clear...), public...), nil, "more after", ErrKey},
		"not PEM":                  {der, nil, "not a PEM file", ErrKey},
		"text":                     {[]byte("-----BEGIN nonsense"), nil, "malformed", ErrKey},
		"nothing":                  {[]byte("\n"), nil, "empty", ErrKey},
		"huge":                     {append([]byte("-----BEGIN "), make([]byte, maxKey)...), nil, "over the limit", ErrKey},
		"weak curve":               {pkcs8PEM(t, p224), nil, `"P-224"`, ErrKey},
		"weak RSA":                 {encodePEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(must(rsa.GenerateKey(rand.Reader, 1024))(t))), nil, "1024 bits", ErrKey},
		"cut off":                  {encodePEM("PRIVATE KEY", der[:20]), nil, "", ErrKey},
		"RFC 1423":                 {[]byte("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"), nil, "RFC 1423", ErrKey},
		"a public key of nobody's": {encodePEM("PRIVATE KEY", []byte("nonsense")), nil, "", ErrKey},
	} {
		t.Run(name, func(t *testing.T) {
			key, err := ParseKey(tc.data, tc.password)
			switch {
			case tc.is == nil && (err != nil || key == nil):
				t.Errorf("%v, want a key", err)
			case tc.is != nil && (key != nil || !errors.Is(err, tc.is) || !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("key %v and %v, want %q", key, err, tc.want)
			}
		})
	}
}

// A password is not asked for where it is not needed.
func TestPasswordOnlyWhereNeeded(t *testing.T) {
	private := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	_, err := ParseKey(pkcs8PEM(t, private), func() ([]byte, error) { t.Error("asked"); return nil, nil })
	if err != nil {
		t.Error(err)
	}
}
