//go:build e2e

package main_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"testing"
	"time"
)

// oidExtKeyUsage is the extension that names what a certificate's key is for.
var oidExtKeyUsage = asn1.ObjectIdentifier{2, 5, 29, 37}

// A pki names the files of the keys and certificates of a Sigstore instance.
type pki struct {
	fulcioChain, fulcioKey string
	tsaChain, tsaKey       string
	rekorKey, rekorPublic  string
	ctlogPublic            string

	ctlogSigner *ecdsa.PrivateKey
}

// newPKI makes every key and certificate anew.
func newPKI(t *testing.T, w *workshop) *pki {
	t.Helper()
	p := &pki{ctlogSigner: newECDSA(t)}
	root := newAuthority(t, "modelcheck test root", nil, 0)

	fulcio := newAuthority(t, "modelcheck test fulcio", root, x509.ExtKeyUsageCodeSigning)
	p.fulcioChain = w.write(t, "pki/fulcio-chain.pem", pemChain(fulcio.cert, root.cert))
	p.fulcioKey = w.write(t, "pki/fulcio-key.pem", pemPrivate(t, fulcio.key))

	stamper := newTimestamper(t, root)
	p.tsaChain = w.write(t, "pki/tsa-chain.pem", pemChain(stamper.cert, root.cert))
	p.tsaKey = w.write(t, "pki/tsa-key.pem", pemPrivate(t, stamper.key))

	rekorPublic, rekorKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p.rekorKey = w.write(t, "pki/rekor-key.pem", pemPrivate(t, rekorKey))
	p.rekorPublic = w.write(t, "pki/rekor-pub.pem", pemPublic(t, rekorPublic))
	p.ctlogPublic = w.write(t, "pki/ctlog-pub.pem", pemPublic(t, p.ctlogSigner.Public()))
	return p
}

// An authority is a certificate with its key.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// newAuthority makes a CA: a root where parent is nil, or else an intermediate
// for one usage.
func newAuthority(t *testing.T, name string, parent *authority, usage x509.ExtKeyUsage) *authority {
	t.Helper()
	template := certificateTemplate(t, name)
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	if parent != nil {
		template.ExtKeyUsage = []x509.ExtKeyUsage{usage}
		template.MaxPathLenZero = true
	}
	return sign(t, template, parent)
}

// newTimestamper makes the leaf of a timestamp authority. RFC 3161 §2.3 wants the
// usage alone and critical, which x509 only writes when it is given by hand.
func newTimestamper(t *testing.T, parent *authority) *authority {
	t.Helper()
	usage, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	if err != nil {
		t.Fatal(err)
	}
	template := certificateTemplate(t, "modelcheck test timestamps")
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtraExtensions = []pkix.Extension{{Id: oidExtKeyUsage, Critical: true, Value: usage}}
	return sign(t, template, parent)
}

// certificateTemplate is what all certificates have in common.
func certificateTemplate(t *testing.T, name string) *x509.Certificate {
	t.Helper()
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		t.Fatal(err)
	}
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name, Organization: []string{"modelcheck"}},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
	}
}

// sign issues the certificate under parent, or by itself where parent is nil.
func sign(t *testing.T, template *x509.Certificate, parent *authority) *authority {
	t.Helper()
	key := newECDSA(t)
	if parent == nil {
		parent = &authority{cert: template, key: key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.cert, key.Public(), parent.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert: cert, key: key}
}

func newECDSA(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func pemChain(certs ...*x509.Certificate) []byte {
	var chain []byte
	for _, cert := range certs {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
	}
	return chain
}

func pemPrivate(t *testing.T, key crypto.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func pemPublic(t *testing.T, key crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}
