package attest

import (
	"bytes"
	"context"
	"crypto"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// What judging one candidate costs, beside what sigstore-go's own Verify takes
// for the same bundle under the same trust: signatures per second on one core.
func BenchmarkJudge(b *testing.B) {
	lab, key := newLab(b), newKey(b, "P-256")
	trusted := rootOf(b, lab)
	v := newVerifier(b, Config{Roots: []Root{trusted}, Keys: []Key{{Name: "ours", PEM: pemOf(b, key.Public())}}})
	tr, err := root.NewTrustedRootFromJSON(trusted.JSON)
	if err != nil {
		b.Fatal(err)
	}
	person, err := verify.NewShortCertificateIdentity(testIssuer, "", testIdentity, "")
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		bundle   []byte
		material root.TrustedMaterial
		options  []verify.VerifierOption
		who      verify.PolicyOption
	}{
		{"keyless", bundleOf(b, lab, keyless()), tr, []verify.VerifierOption{
			verify.WithSignedCertificateTimestamps(1), verify.WithTransparencyLog(1), verify.WithObserverTimestamps(1),
		}, verify.WithCertificateIdentity(person)},
		{"key", signed1(b, testSubject, key), materialOf(b, key), []verify.VerifierOption{verify.WithNoObserverTimestamps()}, verify.WithKey()},
	} {
		perSecond := func(b *testing.B, one func() error) {
			b.ReportAllocs()
			for b.Loop() {
				if err := one(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "signatures/s")
		}
		b.Run(c.name+"/modelcheck", func(b *testing.B) {
			perSecond(b, func() error {
				if got := judgeRaw(v, c.bundle, testSubject); got.Verdict != provenance.Proven {
					return fmt.Errorf("%+v", got)
				}
				return nil
			})
		})
		b.Run(c.name+"/sigstore-go", func(b *testing.B) {
			theirs, err := verify.NewVerifier(c.material, c.options...)
			if err != nil {
				b.Fatal(err)
			}
			perSecond(b, func() error {
				var parsed bundle.Bundle
				if err := parsed.UnmarshalJSON(c.bundle); err != nil {
					return err
				}
				_, err := theirs.Verify(&parsed, verify.NewPolicy(verify.WithArtifactDigest("sha256", testSubject.Sum()), c.who))
				return err
			})
		})
	}
}

func materialOf(t testing.TB, key crypto.Signer) root.TrustedMaterial {
	t.Helper()
	verifier, err := signature.LoadVerifier(key.Public(), crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return keyMaterial(verifier)
}

// sized is the referrer of a signature over an artifact of so many bytes, as
// its descriptor says, and a fetch that counts what is asked for.
func sized(t testing.TB, size int64, signed []byte) (Referrer, Fetch, *atomic.Int64) {
	t.Helper()
	r, fetched := registry{}, new(atomic.Int64)
	a, err := ReferrerManifest(artifact.Descriptor{MediaType: manifestType, Digest: testSubject, Size: size}, signed)
	if err != nil {
		t.Fatal(err)
	}
	for _, blob := range a.Blobs {
		r[blob.Descriptor.Digest] = blob.Content
	}
	return Referrer{Layout: "referrers-api", Descriptor: a.Descriptor, Body: a.Manifest}, func(ctx context.Context, d artifact.Descriptor, limit int64) ([]byte, error) {
		if d.Digest == testSubject {
			t.Error("the artifact itself was asked for")
		}
		body, err := r.fetch(ctx, d, limit)
		fetched.Add(int64(len(body)))
		return body, err
	}, fetched
}

// sizes are those of artifacts: the cost of a signature does not know them.
var sizes = map[string]int64{"1KiB": 1 << 10, "1GiB": 1 << 30, "16TiB": 1 << 44}

// The signature of an artifact of a terabyte takes the same bytes to verify as
// that of a kilobyte, and never the artifact itself.
func TestCostIsFlat(t *testing.T) {
	key := newKey(t, "P-256")
	v, b := newVerifier(t, Config{Keys: []Key{{Name: "ours", PEM: pemOf(t, key.Public())}}}), signed1(t, testSubject, key)
	for name, size := range sizes {
		found, fetch, fetched := sized(t, size, b)
		got, err := v.Verify(t.Context(), testSubject, []Referrer{found}, fetch)
		if err != nil || len(got) != 1 || got[0].Verdict != provenance.Proven {
			t.Fatalf("%s: %+v %v", name, got, err)
		}
		if want := int64(len(b) + len(emptyContent)); fetched.Load() != want {
			t.Errorf("%s: %d bytes fetched, want the bundle and its config, %d", name, fetched.Load(), want)
		}
	}
}

// BenchmarkBySize: the time by the size of the artifact.
func BenchmarkBySize(b *testing.B) {
	lab := newLab(b)
	v, signed := newVerifier(b, Config{Roots: []Root{rootOf(b, lab)}}), bundleOf(b, lab, keyless())
	for _, name := range []string{"1KiB", "1GiB", "16TiB"} {
		found, fetch, _ := sized(b, sizes[name], signed)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if got, err := v.Verify(b.Context(), testSubject, []Referrer{found}, fetch); err != nil || got[0].Verdict != provenance.Proven {
					b.Fatal(got, err)
				}
			}
		})
	}
}

// BenchmarkThousand judges as many candidates as one artifact may have, in
// parallel: half keyless, a quarter by a key, a quarter broken.
func BenchmarkThousand(b *testing.B) {
	lab, key := newLab(b), newKey(b, "P-256")
	v := newVerifier(b, Config{Roots: []Root{rootOf(b, lab)}, Keys: []Key{{Name: "ours", PEM: pemOf(b, key.Public())}}})
	person, ours := bundleOf(b, lab, keyless()), signed1(b, testSubject, key)
	broken := bytes.Replace(ours, []byte(`"sig":"ME`), []byte(`"sig":"MF`), 1)
	r := registry{}
	var found []Referrer
	for i := range MaxCandidates {
		found = append(found, r.attach(b, [][]byte{person, ours, person, broken}[i%4]))
	}
	for b.Loop() {
		got, err := v.Verify(b.Context(), testSubject, found, r.fetch)
		if err != nil || len(got) != MaxCandidates {
			b.Fatal(len(got), err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*MaxCandidates), "µs/candidate")
}
