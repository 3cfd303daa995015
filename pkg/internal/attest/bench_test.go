package attest

import (
	"testing"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// What judging one candidate costs.
func BenchmarkJudge(b *testing.B) {
	lab, key := newLab(b), newKey(b, "P-256")
	v := newVerifier(b, Config{Roots: []Root{rootOf(b, lab)}, Keys: []Key{{Name: "ours", PEM: pemOf(b, key.Public())}}})
	for name, bundle := range map[string][]byte{"keyless": bundleOf(b, lab, keyless()), "key": signed1(b, testSubject, key)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if c := judgeRaw(v, bundle, testSubject); c.Verdict != provenance.Proven {
					b.Fatal(c)
				}
			}
		})
	}
}
