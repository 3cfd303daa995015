package attest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// The config of a referring manifest is hashed like every blob of a signed
// artifact, though nobody reads what it says.
func TestConfigIsHashed(t *testing.T) {
	key := newKey(t, "P-256")
	v := newVerifier(t, Config{Keys: []Key{{Name: "ours", PEM: pemOf(t, key.Public())}}})
	r := registry{}
	good := r.blob(BundleType, string(signed1(t, testSubject, key)))
	there := r.blob(emptyType, "{}")
	flipped := artifact.SumSHA256([]byte("{ }"))
	r[flipped] = []byte("{!}")
	empty := artifact.SumSHA256([]byte("{}"))
	descriptor := func(d artifact.Digest, size int, more string) string {
		return fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%d%s}`, emptyType, d, size, more)
	}
	for _, tt := range []struct{ name, config, code string }{
		{"fetched", there, provenance.CodeSignatureVerified},
		{"inline", descriptor(empty, 2, `,"data":"e30="`), provenance.CodeSignatureVerified},
		{"none", "null", provenance.CodeSignatureVerified},
		{"one byte differs", descriptor(flipped, 3, ""), provenance.CodeDigestMismatch},
		{"inline, one byte differs", descriptor(empty, 2, `,"data":"e3w="`), provenance.CodeDigestMismatch},
		{"another size", descriptor(empty, 3, ""), provenance.CodeSizeMismatch},
		{"inline, another size", descriptor(empty, 3, `,"data":"e30="`), provenance.CodeSizeMismatch},
		{"not there", descriptor(testOther, 2, ""), provenance.CodeRegistryError},
		{"a digest that is none", `{"digest":"sha256:00","size":2}`, provenance.CodeManifestMalformed},
		{"no digest", `{"size":2}`, provenance.CodeManifestMalformed},
		{"a negative size", descriptor(empty, -1, ""), provenance.CodeManifestMalformed},
		{"too large", descriptor(empty, MaxConfig+1, ""), provenance.CodeLimitExceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := v.Verify(t.Context(), testSubject, []Referrer{withConfig(BundleType, tt.config, good, good)}, r.fetch)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range got {
				if c.Code != tt.code || (c.Verdict == provenance.Proven) != (tt.code == provenance.CodeSignatureVerified) {
					t.Errorf("%v %s (%s), want %s", c.Verdict, c.Code, c.Detail, tt.code)
				}
			}
		})
	}
	down := errors.New("connection refused")
	got, err := v.Verify(t.Context(), testSubject, []Referrer{withConfig(BundleType, there, good)}, func(ctx context.Context, d artifact.Descriptor, limit int64) ([]byte, error) {
		if d.Digest == empty {
			return nil, down
		}
		return r.fetch(ctx, d, limit)
	})
	if !errors.Is(err, down) || len(got) != 1 || got[0].Verdict != provenance.Unchecked {
		t.Errorf("nobody could be asked: %+v, %v", got, err)
	}
}
