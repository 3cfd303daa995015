package sigstoretest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"time"
)

// An Authority is somebody's own certificate authority, without Sigstore's
// services: a root and one intermediate.
type Authority struct {
	Root, Intermediate *x509.Certificate

	key *ecdsa.PrivateKey // of Intermediate
}

// NewAuthority returns an authority that is valid for ten years before and
// after now.
func NewAuthority(now time.Time) (*Authority, error) {
	l := &Lab{from: now.AddDate(-10, 0, 0), until: now.AddDate(10, 0, 0)}
	var keys [2]*ecdsa.PrivateKey
	for i := range keys {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		keys[i] = k
	}
	a := &Authority{key: keys[1]}
	anchor := l.template("own root", true)
	var err error
	if a.Root, err = issue(anchor, anchor, keys[0].Public(), keys[0]); err != nil {
		return nil, err
	}
	a.Intermediate, err = issue(l.template("own intermediate", true), a.Root, a.key.Public(), keys[0])
	return a, err
}

// Issue issues a certificate for signing code, valid for ten minutes from at
// on, whose distinguished name is name; change makes it another one.
func (a *Authority) Issue(name string, pub crypto.PublicKey, at time.Time, change func(*x509.Certificate)) (*x509.Certificate, error) {
	t := &x509.Certificate{
		SerialNumber: big.NewInt(3),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    at,
		NotAfter:     at.Add(leafLifetime),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	}
	if change != nil {
		change(t)
	}
	return issue(t, a.Intermediate, pub, a.key)
}

// PEM writes certificates as a file holds them.
func PEM(certs ...*x509.Certificate) []byte {
	var b bytes.Buffer
	for _, c := range certs {
		b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	return b.Bytes()
}
