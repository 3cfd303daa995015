package attest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"net"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/internal/attest/sigstoretest"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// ownCA is somebody's certificate authority and a Sigstore instance whose
// timestamps are used.
type ownCA struct {
	*sigstoretest.Authority
	lab  *sigstoretest.Lab
	root Root
	key  crypto.Signer
}

func newOwnCA(t testing.TB) ownCA {
	t.Helper()
	a, err := sigstoretest.NewAuthority(testNow)
	if err != nil {
		t.Fatal(err)
	}
	lab := newLab(t)
	return ownCA{a, lab, rootOf(t, lab), newKey(t, "P-256")}
}

// config trusts the authority by what stands in its file.
func (o ownCA) config(chain ...*x509.Certificate) Config {
	return Config{Roots: []Root{o.root}, CAs: []CA{{Name: "acme", Chain: sigstoretest.PEM(chain...)}}}
}

// bundle signs with a certificate of the authority and, unless change says
// otherwise, a timestamp and no log entry.
func (o ownCA) bundle(t testing.TB, leaf func(*x509.Certificate), change ...func(*sigstoretest.Request)) []byte {
	t.Helper()
	cert, err := o.Issue("Acme Release", o.key.Public(), testSigned, leaf)
	if err != nil {
		t.Fatal(err)
	}
	r := keyless(func(r *sigstoretest.Request) {
		r.Identity, r.Issuer, r.Key, r.WithoutLog = "", "", o.key, true
		r.Certificates = []*x509.Certificate{cert, o.Intermediate}
	})
	for _, c := range change {
		c(&r)
	}
	return bundleOf(t, o.lab, r)
}

func TestOwnAuthorityProven(t *testing.T) {
	o := newOwnCA(t)
	email := func(c *x509.Certificate) { c.EmailAddresses = []string{"release@acme.example"} }
	uri, err := url.Parse("https://acme.example/release")
	if err != nil {
		t.Fatal(err)
	}
	leafOnly := func(r *sigstoretest.Request) { r.Certificates = r.Certificates[:1] }
	withRoot := func(r *sigstoretest.Request) { r.Certificates = append(r.Certificates, o.Root) }
	logged := func(r *sigstoretest.Request) { r.WithoutLog = false }
	base := []string{"signature", "subject", "certificate-chain"}
	for _, tt := range []struct {
		name    string
		config  Config
		bundle  []byte
		subject string
		checked []string
	}{
		{"the root", o.config(o.Root), o.bundle(t, email), "release@acme.example", []string{"signed-timestamp"}},
		{"root and intermediate, leaf only in the bundle", o.config(o.Intermediate, o.Root), o.bundle(t, email, leafOnly), "release@acme.example", []string{"signed-timestamp"}},
		{"an intermediate alone is an anchor", o.config(o.Intermediate), o.bundle(t, email, leafOnly), "release@acme.example", []string{"signed-timestamp"}},
		{"the bundle brings the root", o.config(o.Root), o.bundle(t, email, withRoot), "release@acme.example", []string{"signed-timestamp"}},
		{"a URI", o.config(o.Root), o.bundle(t, func(c *x509.Certificate) { c.URIs = []*url.URL{uri} }), uri.String(), []string{"signed-timestamp"}},
		{"a DNS name", o.config(o.Root), o.bundle(t, func(c *x509.Certificate) { c.DNSNames = []string{"acme.example"} }), "acme.example", []string{"signed-timestamp"}},
		{"no alternative name", o.config(o.Root), o.bundle(t, nil), "CN=Acme Release", []string{"signed-timestamp"}},
		{"a message signature", o.config(o.Root), o.bundle(t, email, func(r *sigstoretest.Request) { r.Message = true }), "release@acme.example", []string{"signed-timestamp"}},
		{"also logged", o.config(o.Root), o.bundle(t, email, logged), "release@acme.example", []string{"transparency-log", "integrated-time", "signed-timestamp"}},
		{"also logged, Rekor v2", o.config(o.Root), o.bundle(t, email, logged, func(r *sigstoretest.Request) { r.Rekor2 = true }), "release@acme.example", []string{"transparency-log", "signed-timestamp"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := verifyOne(t, newVerifier(t, tt.config), tt.bundle)
			if c.Verdict != provenance.Proven || c.Scheme != "x509" || !slices.Equal(c.Checked, slices.Concat(base, tt.checked)) {
				t.Fatalf("%v %s %s: %s, checked %q", c.Verdict, c.Scheme, c.Code, c.Detail, c.Checked)
			}
			if c.Identity.Subject != tt.subject || c.Identity.Issuer != "ca:acme" || c.Identity.TrustedRoot != "" || c.Identity.Extensions != nil {
				t.Errorf("identity %+v", c.Identity)
			}
			if len(c.SignedAt) == 0 || c.Evidence.CertificateTimestamps != 0 {
				t.Errorf("signed at %v, evidence %+v", c.SignedAt, c.Evidence)
			}
		})
	}
}

func TestOwnAuthorityRefused(t *testing.T) {
	o, other := newOwnCA(t), newOwnCA(t)
	email := func(c *x509.Certificate) { c.EmailAddresses = []string{"release@acme.example"} }
	plus := func(change func(*x509.Certificate)) func(*x509.Certificate) {
		return func(c *x509.Certificate) { email(c); change(c) }
	}
	type request = sigstoretest.Request
	good := o.bundle(t, email)
	ours := o.config(o.Root)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	noTrust := ours
	noTrust.Roots = nil
	foreign := ours
	foreign.Roots = []Root{other.root}
	for _, tt := range []struct {
		name   string
		config Config
		bundle []byte
		code   string
	}{
		{"no authority", Config{Roots: []Root{o.root}}, good, provenance.CodeSignatureMalformed}, // a chain, of which Sigstore has none
		{"another authority", o.config(other.Root), good, provenance.CodeUntrustedRoot},
		{"the other's root in the bundle", ours, other.bundle(t, email, func(r *request) { r.Certificates = append(r.Certificates, other.Root) }), provenance.CodeUntrustedRoot},
		{"the authority's certificate as a leaf's", ours, o.bundle(t, email, func(r *request) { r.Certificates = []*x509.Certificate{o.Intermediate} }), provenance.CodeSignatureBad},
		{"no intermediate", ours, o.bundle(t, email, func(r *request) { r.Certificates = r.Certificates[:1] }), provenance.CodeUntrustedRoot},
		{"no timestamp", ours, o.bundle(t, email, func(r *request) { r.WithoutTimestamp = true }), provenance.CodeNoTimestamp},
		{"a log and no timestamp authority", ours, o.bundle(t, email, func(r *request) { r.WithoutTimestamp, r.WithoutLog = true, false }), provenance.CodeNoTimestamp},
		{"no root to vouch for the time", noTrust, good, provenance.CodeNoTimestamp},
		{"another's timestamps", foreign, good, provenance.CodeNoTimestamp},
		{"stamped after expiry", ours, o.bundle(t, email, func(r *request) { r.StampedAt = testSigned.Add(time.Hour) }), provenance.CodeExpiredAtTime},
		{"stamped before issue", ours, o.bundle(t, email, func(r *request) { r.StampedAt = testSigned.Add(-time.Second) }), provenance.CodeExpiredAtTime},
		{"logged after expiry", ours, o.bundle(t, email, func(r *request) { r.WithoutLog, r.LoggedAt = false, testSigned.Add(time.Hour) }), provenance.CodeExpiredAtTime},
		{"for servers", ours, o.bundle(t, plus(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })), provenance.CodeSignatureMalformed},
		{"for nothing in particular", ours, o.bundle(t, plus(func(c *x509.Certificate) { c.ExtKeyUsage = nil })), provenance.CodeSignatureMalformed},
		{"a key for encryption", ours, o.bundle(t, plus(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment })), provenance.CodeSignatureMalformed},
		{"two names", ours, o.bundle(t, plus(func(c *x509.Certificate) { c.DNSNames = []string{"acme.example"} })), provenance.CodeSignatureMalformed},
		{"a name and an address", ours, o.bundle(t, plus(func(c *x509.Certificate) { c.IPAddresses = []net.IP{{127, 0, 0, 1}} })), provenance.CodeSignatureMalformed},
		{"a name that looks like a distinguished one", ours, o.bundle(t, func(c *x509.Certificate) { c.EmailAddresses = []string{"CN=Acme@acme.example"} }), provenance.CodeSignatureMalformed},
		{"no name at all", ours, o.bundle(t, func(c *x509.Certificate) { c.Subject = pkix.Name{} }), provenance.CodeSignatureMalformed},
		{"a weak key", ours, withKey(o, weak).bundle(t, email), provenance.CodeSignatureMalformed},
		{"another artifact", ours, o.bundle(t, email, func(r *request) { r.Subject = testOther }), provenance.CodeSignatureWrongSubject},
		{"another key's signature", ours, o.bundle(t, email, func(r *request) { r.Key = newKey(t, "P-256") }), provenance.CodeSignatureBad},
		{"a statement that was changed", ours, edit(t, good, func(m map[string]any) { object(m, "dsseEnvelope")["payload"] = "e30=" }), provenance.CodeSignatureMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) { expectRefusal(t, verifyOne(t, newVerifier(t, tt.config), tt.bundle), tt.code) })
	}
	if c := verifyOne(t, newVerifier(t, ours), good); c.Verdict != provenance.Proven {
		t.Errorf("the untouched twin: %+v", c)
	}
}

func withKey(o ownCA, key crypto.Signer) ownCA {
	o.key = key
	return o
}

// Without a trusted time a certificate may be judged as of now, if that is
// asked for aloud.
func TestOwnAuthorityNow(t *testing.T) {
	o := newOwnCA(t)
	email := func(c *x509.Certificate) { c.EmailAddresses = []string{"release@acme.example"} }
	untimed := o.bundle(t, email, func(r *sigstoretest.Request) { r.WithoutTimestamp = true })
	at := func(now time.Time, current bool) Config {
		c := o.config(o.Root)
		c.CAs[0].CurrentTime, c.Roots = current, nil
		c.Now = func() time.Time { return now }
		return c
	}
	c := verifyOne(t, newVerifier(t, at(testSigned.Add(time.Minute), true)), untimed)
	if c.Verdict != provenance.Proven || len(c.SignedAt) != 0 || !slices.Equal(c.Checked, []string{"signature", "subject", "certificate-chain", "current-time"}) {
		t.Errorf("%+v", c)
	}
	expectRefusal(t, verifyOne(t, newVerifier(t, at(testSigned.Add(time.Minute), false)), untimed), provenance.CodeNoTimestamp)
	expectRefusal(t, verifyOne(t, newVerifier(t, at(testSigned.Add(time.Hour), true)), untimed), provenance.CodeExpiredAtTime)
	expectRefusal(t, verifyOne(t, newVerifier(t, at(testSigned.Add(-time.Hour), true)), untimed), provenance.CodeExpiredAtTime)
	other := newOwnCA(t)
	c = verifyOne(t, newVerifier(t, at(testSigned.Add(time.Minute), true)), other.bundle(t, email))
	expectRefusal(t, c, provenance.CodeUntrustedRoot)
}

// Sigstore's certificates stay what they are beside an authority, and one
// cannot pass for the other.
func TestOwnAuthorityBesideSigstore(t *testing.T) {
	o := newOwnCA(t)
	v := newVerifier(t, o.config(o.Root))
	if c := verifyOne(t, v, bundleOf(t, o.lab, keyless())); c.Verdict != provenance.Proven || c.Scheme != "sigstore-keyless" || c.Identity.TrustedRoot != "lab" {
		t.Errorf("%+v", c)
	}
	expectRefusal(t, verifyOne(t, v, bundleOf(t, o.lab, keyless(func(r *sigstoretest.Request) { r.Issuer = "ca:acme" }))), provenance.CodeSignatureMalformed)
	expectRefusal(t, verifyOne(t, v, bundleOf(t, o.lab, keyless(func(r *sigstoretest.Request) { r.WithoutSCT = true }))), provenance.CodeCertificateNotLogged)
	stranger := newLab(t)
	expectRefusal(t, verifyOne(t, v, bundleOf(t, stranger, keyless())), provenance.CodeUntrustedRoot)
}

func TestNewRefusesAuthorities(t *testing.T) {
	o := newOwnCA(t)
	good := sigstoretest.PEM(o.Root, o.Intermediate)
	leaf, err := o.Issue("x", o.key.Public(), testSigned, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, ca := range map[string]CA{
		"no name":        {Chain: good},
		"empty":          {Name: "x"},
		"white space":    {Name: "x", Chain: []byte(" \n")},
		"broken before":  {Name: "x", Chain: append([]byte("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"), good...)},
		"no certificate": {Name: "x", Chain: []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")},
		"words after":    {Name: "x", Chain: append(slices.Clone(good), "the end"...)},
		"a key":          {Name: "x", Chain: append(slices.Clone(good), pemOf(t, o.key.Public())...)},
		"a leaf":         {Name: "x", Chain: append(slices.Clone(good), sigstoretest.PEM(leaf)...)},
		"truncated":      {Name: "x", Chain: good[:len(good)-40]},
		"seventeen":      {Name: "x", Chain: slices.Repeat(sigstoretest.PEM(o.Root), 17)},
		"more than room": {Name: "x", Chain: slices.Repeat(good, maxTrustMaterial/len(good)+1)},
	} {
		if _, err := New(Config{CAs: []CA{ca}}); !errors.Is(err, ErrTrust) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
