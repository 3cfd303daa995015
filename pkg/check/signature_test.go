package check_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"slices"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// TestSignatures: one allowed case and what stands next to it.
func TestSignatures(t *testing.T) {
	demo, stranger := signer(t, "demo.key"), newKey(t)
	other := artifact.SumSHA256([]byte("another artifact"))
	for _, c := range []struct {
		name    string
		attach  func(t *testing.T, l *layoutWriter, d artifact.Descriptor)
		outcome policy.Outcome
		codes   []string // of reasons, all of them
	}{
		{"signed", func(t *testing.T, l *layoutWriter, d artifact.Descriptor) {
			l.attach(t, d, bundle(t, d.Digest, demo))
		}, policy.Allow, []string{provenance.CodeSignatureVerified}},
		{"signed, beside a stranger's and a broken one", func(t *testing.T, l *layoutWriter, d artifact.Descriptor) {
			l.attach(t, d, bundle(t, d.Digest, stranger))
			l.attach(t, d, []byte("{}"))
			l.attach(t, d, bundle(t, d.Digest, demo))
		}, policy.Allow, []string{provenance.CodeSignatureVerified}},

		{"unsigned", func(*testing.T, *layoutWriter, artifact.Descriptor) {}, policy.Deny, []string{provenance.CodeSignatureMissing}},
		{"signed by a stranger", func(t *testing.T, l *layoutWriter, d artifact.Descriptor) {
			l.attach(t, d, bundle(t, d.Digest, stranger))
		}, policy.Deny, []string{provenance.CodeSignatureWrongKey}},
		{"a signature of another artifact, copied", func(t *testing.T, l *layoutWriter, d artifact.Descriptor) {
			l.attach(t, d, bundle(t, other, demo))
		}, policy.Deny, []string{provenance.CodeSignatureWrongSubject}},
		{"a signature whose referrer names another artifact", func(t *testing.T, l *layoutWriter, d artifact.Descriptor) {
			elsewhere := d
			elsewhere.Digest = other
			l.attach(t, elsewhere, bundle(t, d.Digest, demo))
		}, policy.Deny, []string{provenance.CodeSignatureMissing}},
		{"a signature that was changed", func(t *testing.T, l *layoutWriter, d artifact.Descriptor) {
			b := bundle(t, d.Digest, demo)
			i := bytes.Index(b, []byte(`"sig":"`)) + 20
			b[i] ^= 0x01
			l.attach(t, d, b)
		}, policy.Deny, []string{provenance.CodeSignatureBad}},
		{"garbage", func(t *testing.T, l *layoutWriter, d artifact.Descriptor) {
			l.attach(t, d, []byte("not a bundle"))
		}, policy.Deny, []string{provenance.CodeSignatureMalformed}},
		{"something else than a bundle", func(t *testing.T, l *layoutWriter, d artifact.Descriptor) {
			body := encode(t, map[string]any{
				"schemaVersion": 2, "mediaType": d.MediaType, "artifactType": "application/spdx+json",
				"config":  l.blob("application/vnd.oci.empty.v1+json", []byte("{}"), nil),
				"layers":  []any{l.blob("application/spdx+json", []byte("{}"), nil)},
				"subject": map[string]any{"mediaType": d.MediaType, "digest": d.Digest.String(), "size": d.Size},
			})
			l.manifest(body, "", "application/spdx+json")
		}, policy.Deny, []string{provenance.CodeNotASignature}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLayoutWriter()
			subject := l.files(t, "v1", weights(t), good)
			c.attach(t, l, subject)
			dir := t.TempDir()
			l.write(t, dir)
			r := examine(t, byDemoKey(t), dir)
			var codes []string
			for _, reason := range r.Verdict.Reasons {
				codes = append(codes, reason.Code)
			}
			if r.Verdict.Outcome != c.outcome || !slices.Equal(codes, c.codes) {
				t.Errorf("got %v %v, want %v %v (%+v)", r.Verdict.Outcome, codes, c.outcome, c.codes, r.Signatures)
			}
		})
	}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
