package sigstoretest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"math/big"
	"net/url"
	"strings"
	"time"

	"github.com/digitorus/timestamp"
)

// leafLifetime is that of Fulcio's certificates.
const leafLifetime = 10 * time.Minute

var oidSCTs = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}

// leaf issues a certificate as Fulcio does: one alternative name, the issuer
// and a source repository as extensions, and a timestamp of the certificate
// log unless it is to be left out.
func (l *Lab) leaf(r Request, pub crypto.PublicKey) (*x509.Certificate, error) {
	t := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		NotBefore:    r.IssuedAt,
		NotAfter:     r.IssuedAt.Add(leafLifetime),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	}
	for _, name := range append([]string{r.Identity}, r.MoreIdentities...) {
		if !strings.Contains(name, "://") {
			t.EmailAddresses = append(t.EmailAddresses, name)
			continue
		}
		u, err := url.Parse(name)
		if err != nil {
			return nil, err
		}
		t.URIs = append(t.URIs, u)
	}
	for last, value := range map[int]string{8: r.Issuer, 12: r.SourceRepository} {
		if value == "" {
			continue
		}
		der, err := asn1.MarshalWithParams(value, "utf8")
		if err != nil {
			return nil, err
		}
		t.ExtraExtensions = append(t.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, last}, Value: der})
	}
	without, err := issue(t, l.authority, pub, l.authorityKey)
	if err != nil || r.WithoutSCT {
		return without, err
	}
	scts, err := l.scts(without.RawTBSCertificate, r.IssuedAt)
	if err != nil {
		return nil, err
	}
	t.ExtraExtensions = append(t.ExtraExtensions, pkix.Extension{Id: oidSCTs, Value: scts})
	return issue(t, l.authority, pub, l.authorityKey)
}

// scts returns the extension with one timestamp for the certificate without it
// (RFC 6962 §3.2 and §3.3).
func (l *Lab) scts(tbs []byte, at time.Time) ([]byte, error) {
	issuer := sha256.Sum256(l.authority.RawSubjectPublicKeyInfo)
	millis := uint64(at.UnixMilli())
	signed := []byte{0, 0} // version 1, certificate_timestamp
	signed = binary.BigEndian.AppendUint64(signed, millis)
	signed = append(signed, 0, 1) // precert_entry
	signed = append(signed, issuer[:]...)
	signed = append(signed, byte(len(tbs)>>16), byte(len(tbs)>>8), byte(len(tbs)))
	signed = append(signed, tbs...)
	signed = append(signed, 0, 0) // no extensions
	sum := sha256.Sum256(signed)
	sig, err := ecdsa.SignASN1(rand.Reader, l.certLogKey, sum[:])
	if err != nil {
		return nil, err
	}
	id, err := keyID(l.certLogKey.Public())
	if err != nil {
		return nil, err
	}
	sct := append([]byte{0}, id...)
	sct = binary.BigEndian.AppendUint64(sct, millis)
	sct = append(sct, 0, 0, 4, 3) // no extensions, SHA-256 with ECDSA
	sct = binary.BigEndian.AppendUint16(sct, uint16(len(sig)))
	sct = append(sct, sig...)
	list := binary.BigEndian.AppendUint16(nil, uint16(len(sct)+2))
	list = binary.BigEndian.AppendUint16(list, uint16(len(sct)))
	return asn1.Marshal(append(list, sct...))
}

// stamp returns an RFC 3161 response for a signature.
func (l *Lab) stamp(sig []byte, at time.Time) ([]byte, error) {
	sum := sha256.Sum256(sig)
	t := timestamp.Timestamp{
		HashAlgorithm: crypto.SHA256,
		HashedMessage: sum[:],
		Time:          at,
		Policy:        asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 2},
	}
	return t.CreateResponseWithOpts(l.stamper, l.stamperKey, crypto.SHA256)
}
