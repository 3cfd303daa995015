package attest

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/sigstore/sigstore/pkg/cryptoutils"

	"github.com/modelcheck/modelcheck/pkg/internal/attest/sigstoretest"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// TestOtherName: a name in the form that Go does not read, critical or not, is
// the whole name, and stands beside no other.
func TestOtherName(t *testing.T) {
	o := newOwnCA(t)
	const name = "release!acme.example"
	named := func(critical bool, more ...pkix.Extension) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			san, err := cryptoutils.MarshalOtherNameSAN(name, critical)
			if err != nil {
				t.Fatal(err)
			}
			c.ExtraExtensions = append(append(c.ExtraExtensions, *san), more...)
		}
	}
	v := newVerifier(t, o.config(o.Root))
	for _, critical := range []bool{false, true} {
		c := verifyOne(t, v, o.bundle(t, named(critical)))
		if c.Verdict != provenance.Proven || c.Identity.Subject != name {
			t.Errorf("critical %v: %v %+v", critical, c.Verdict, c)
		}
	}
	unknown := pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}}
	if c := verifyOne(t, v, o.bundle(t, named(true, unknown))); c.Verdict == provenance.Proven {
		t.Errorf("an unknown critical extension: %+v", c)
	}

	issuer, err := asn1.MarshalWithParams("https://issuer.example", "utf8")
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := o.Issue("x", o.key.Public(), testSigned, named(true, pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 8}, Value: issuer}))
	if err != nil {
		t.Fatal(err)
	}
	if id, err := identityOf(leaf); err != nil || id.Subject != name || id.Issuer != "https://issuer.example" {
		t.Errorf("%+v: %v", id, err)
	}
}

// TestLibrariesAreSilent: nothing but this program writes to its outputs, also
// where the library would try an older way of verifying and say so.
func TestLibrariesAreSilent(t *testing.T) {
	lab := newLab(t)
	v := newVerifier(t, Config{Roots: []Root{rootOf(t, lab)}})
	var layers []older
	for _, kind := range []string{"P-384", "P-521"} {
		l := olderSignature(t, lab, testSubject, keyless(func(r *sigstoretest.Request) { r.Key = newKey(t, kind) }))
		sig, err := base64.StdEncoding.DecodeString(l.annotations[annotationSignature])
		if err != nil {
			t.Fatal(err)
		}
		sig[len(sig)-1] ^= 1
		l.annotations[annotationSignature] = base64.StdEncoding.EncodeToString(sig)
		layers = append(layers, l)
	}
	name := filepath.Join(t.TempDir(), "output")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	r := registry{}
	m := r.older(t, "legacy-tag", "", layers...)
	out, errOut := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = file, file
	got := verifyReferrer(t, v, r, m)
	os.Stdout, os.Stderr = out, errOut
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if said, err := os.ReadFile(name); err != nil || len(said) > 0 {
		t.Errorf("%q: %v", said, err)
	}
	if len(got) != 2 || slices.ContainsFunc(got, func(c provenance.Candidate) bool { return c.Code != provenance.CodeSignatureBad }) {
		t.Errorf("%+v", got)
	}
}
