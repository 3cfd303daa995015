package trust

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	commonpb "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	trustpb "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"
	"github.com/sigstore/sigstore-go/pkg/root"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest"
)

// ErrUnusable is wrapped by errors about bytes that are no trusted root which
// verification could use.
var ErrUnusable = errors.New("not a usable trusted root")

// Contents is what a trusted root says is to be trusted.
type Contents struct {
	CertificateAuthorities []Authority `json:"certificateAuthorities"`
	CertificateLogs        []Log       `json:"certificateLogs"`
	TransparencyLogs       []Log       `json:"transparencyLogs"`
	TimestampAuthorities   []Authority `json:"timestampAuthorities"`
}

// A Period is the time in which an authority or key may have signed. A zero
// end means that it is in use.
type Period struct {
	Start time.Time `json:"start,omitzero"`
	End   time.Time `json:"end,omitzero"`
}

// An Authority issues certificates or timestamps.
type Authority struct {
	URL      string          `json:"url,omitzero"`
	Subject  string          `json:"subject"`       // of the certificate that signs
	Root     string          `json:"root,omitzero"` // subject of the chain's root, where it is another
	Digest   artifact.Digest `json:"digest"`        // SHA-256 of the root certificate
	ValidFor Period          `json:"validFor"`      // as the trusted root says
	NotAfter time.Time       `json:"notAfter"`      // when the first certificate of the chain expires
}

// A Log is a certificate transparency log or a transparency log.
type Log struct {
	URL        string `json:"url,omitzero"`
	KeyID      string `json:"keyId"` // hexadecimal
	Key        string `json:"key"`   // kind of the public key
	Generation string `json:"generation,omitzero"`
	ValidFor   Period `json:"validFor"`
}

// Describe says what is in a trusted root. It accepts what verification
// accepts; its errors wrap ErrUnusable.
func Describe(data []byte) (Contents, error) {
	if _, err := attest.New(attest.Config{Roots: []attest.Root{{Name: "root", JSON: data}}}); err != nil {
		return Contents{}, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	pb, err := root.NewTrustedRootProtobuf(data)
	if err != nil {
		return Contents{}, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	c := Contents{
		CertificateAuthorities: []Authority{}, TimestampAuthorities: []Authority{},
		CertificateLogs: []Log{}, TransparencyLogs: []Log{},
	}
	for _, ca := range pb.GetCertificateAuthorities() {
		if c.CertificateAuthorities, err = addAuthority(c.CertificateAuthorities, ca); err != nil {
			return Contents{}, err
		}
	}
	for _, ca := range pb.GetTimestampAuthorities() {
		if c.TimestampAuthorities, err = addAuthority(c.TimestampAuthorities, ca); err != nil {
			return Contents{}, err
		}
	}
	for _, l := range pb.GetCtlogs() {
		c.CertificateLogs = append(c.CertificateLogs, describeLog(l))
	}
	for _, l := range pb.GetTlogs() {
		log := describeLog(l)
		log.Generation = generation(l, log.ValidFor.Start)
		c.TransparencyLogs = append(c.TransparencyLogs, log)
	}
	return c, nil
}

// NewestKey is the latest start among all authorities and logs. The file is
// probably not older; it may be much younger, so this is no age.
func (c Contents) NewestKey() time.Time {
	var newest time.Time
	for _, a := range append(c.CertificateAuthorities[:len(c.CertificateAuthorities):len(c.CertificateAuthorities)], c.TimestampAuthorities...) {
		newest = later(newest, a.ValidFor.Start)
	}
	for _, l := range append(c.CertificateLogs[:len(c.CertificateLogs):len(c.CertificateLogs)], c.TransparencyLogs...) {
		newest = later(newest, l.ValidFor.Start)
	}
	return newest
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func addAuthority(list []Authority, ca *trustpb.CertificateAuthority) ([]Authority, error) {
	a := Authority{URL: ca.GetUri(), ValidFor: period(ca.GetValidFor())}
	for i, raw := range ca.GetCertChain().GetCertificates() {
		cert, err := x509.ParseCertificate(raw.GetRawBytes())
		if err != nil {
			return nil, fmt.Errorf("%w: certificate of %q: %w", ErrUnusable, a.URL, err)
		}
		name := cert.Subject.String()
		if i == 0 {
			a.Subject, a.NotAfter = name, cert.NotAfter
		}
		if cert.NotAfter.Before(a.NotAfter) {
			a.NotAfter = cert.NotAfter
		}
		a.Root, a.Digest = name, artifact.SumSHA256(cert.Raw)
	}
	if a.Root == a.Subject {
		a.Root = ""
	}
	return append(list, a), nil
}

func describeLog(l *trustpb.TransparencyLogInstance) Log {
	kind := strings.TrimPrefix(l.GetPublicKey().GetKeyDetails().String(), "PKIX_")
	return Log{
		URL: l.GetBaseUrl(), KeyID: hex.EncodeToString(l.GetLogId().GetKeyId()),
		Key: strings.ReplaceAll(kind, "_", "-"), ValidFor: period(l.GetPublicKey().GetValidFor()),
	}
}

func period(r *commonpb.TimeRange) Period {
	var p Period
	if r.GetStart() != nil {
		p.Start = r.GetStart().AsTime()
	}
	if r.GetEnd() != nil {
		p.End = r.GetEnd().AsTime()
	}
	return p
}

// rekor2 is before the first log of Rekor's second generation.
var rekor2 = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// generation tells Rekor's generations apart. A trusted root does not say
// which one a log is of; its key id is the hash of the key in the first (RFC
// 6962 §3.2), and for Ed25519 keys of the second the id of a signed note's key
// (C2SP signed-note §Signatures). With an ECDSA key both look the same.
func generation(l *trustpb.TransparencyLogInstance, start time.Time) string {
	id := l.GetLogId().GetKeyId()
	key, err := x509.ParsePKIXPublicKey(l.GetPublicKey().GetRawBytes())
	if err != nil {
		return "1" // a bare RSA key, which only the first generation has
	}
	pub, ed := key.(ed25519.PublicKey)
	if ed {
		u, err := url.Parse(l.GetBaseUrl())
		if err != nil {
			return ""
		}
		note := sha256.Sum256(append([]byte(u.Hostname()+"\n\x01"), pub...))
		if len(id) >= 4 && bytes.HasPrefix(note[:], id) {
			return "2"
		}
	}
	if ed || start.Before(rekor2) {
		return "1"
	}
	return "1 or 2"
}

func sum(data []byte) artifact.Digest { return artifact.SumSHA256(data) }
