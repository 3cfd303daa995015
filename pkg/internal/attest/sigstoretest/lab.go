package sigstoretest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"math/big"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
)

// The host of the transparency log, which is its origin in checkpoints.
const logHost = "rekor.sigstoretest.example"

// A Lab is one Sigstore instance.
type Lab struct {
	authority    *x509.Certificate
	authorityKey *ecdsa.PrivateKey
	anchor       *x509.Certificate // root of authority
	stamper      *x509.Certificate
	stamperKey   *ecdsa.PrivateKey
	certLogKey   *ecdsa.PrivateKey
	logKey       *ecdsa.PrivateKey
	from, until  time.Time
}

// New returns an instance whose authorities and logs are valid for ten years
// before and after now.
func New(now time.Time) (*Lab, error) {
	l := &Lab{from: now.AddDate(-10, 0, 0), until: now.AddDate(10, 0, 0)}
	keys := make([]*ecdsa.PrivateKey, 5)
	for i := range keys {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		keys[i] = k
	}
	l.authorityKey, l.stamperKey, l.certLogKey, l.logKey = keys[1], keys[2], keys[3], keys[4]
	var err error
	anchor := l.template("sigstoretest root", true)
	if l.anchor, err = issue(anchor, anchor, keys[0].Public(), keys[0]); err != nil {
		return nil, err
	}
	authority := l.template("sigstoretest authority", true)
	authority.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}
	if l.authority, err = issue(authority, l.anchor, l.authorityKey.Public(), keys[0]); err != nil {
		return nil, err
	}
	stamper := l.template("sigstoretest timestamps", false)
	usage, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}}) // id-kp-timeStamping, RFC 3161 §2.3: critical
	if err != nil {
		return nil, err
	}
	stamper.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: usage}}
	l.stamper, err = issue(stamper, l.anchor, l.stamperKey.Public(), keys[0])
	return l, err
}

func (l *Lab) template(name string, authority bool) *x509.Certificate {
	t := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             l.from,
		NotAfter:              l.until,
		BasicConstraintsValid: true,
		IsCA:                  authority,
		KeyUsage:              x509.KeyUsageDigitalSignature,
	}
	if authority {
		t.KeyUsage = x509.KeyUsageCertSign
	}
	return t
}

func issue(template, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, pub, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// TrustedRoot returns the instance's trusted_root.json.
func (l *Lab) TrustedRoot() ([]byte, error) {
	transparency, err := l.logEntry("https://"+logHost, l.logKey)
	if err != nil {
		return nil, err
	}
	certificates, err := l.logEntry("https://ctlog.sigstoretest.example", l.certLogKey)
	if err != nil {
		return nil, err
	}
	tr, err := root.NewTrustedRoot(root.TrustedRootMediaType01,
		[]root.CertificateAuthority{&root.FulcioCertificateAuthority{
			URI: "https://fulcio.sigstoretest.example", Root: l.anchor, Intermediates: []*x509.Certificate{l.authority},
			ValidityPeriodStart: l.from, ValidityPeriodEnd: l.until,
		}},
		certificates,
		[]root.TimestampingAuthority{&root.SigstoreTimestampingAuthority{
			URI: "https://tsa.sigstoretest.example", Root: l.anchor, Leaf: l.stamper,
			ValidityPeriodStart: l.from, ValidityPeriodEnd: l.until,
		}},
		transparency)
	if err != nil {
		return nil, err
	}
	return tr.MarshalJSON()
}

func (l *Lab) logEntry(url string, key *ecdsa.PrivateKey) (map[string]*root.TransparencyLog, error) {
	id, err := keyID(key.Public())
	if err != nil {
		return nil, err
	}
	return map[string]*root.TransparencyLog{hex.EncodeToString(id): {
		BaseURL: url, ID: id, ValidityPeriodStart: l.from, ValidityPeriodEnd: l.until,
		HashFunc: crypto.SHA256, PublicKey: key.Public(), SignatureHashFunc: crypto.SHA256,
	}}, nil
}

// keyID is the id of a log (RFC 6962 §3.2) and, in base64, cosign's key hint.
func keyID(pub crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("encoding a key: %w", err)
	}
	sum := sha256.Sum256(der)
	return sum[:], nil
}
