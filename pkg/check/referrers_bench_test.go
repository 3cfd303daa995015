package check_test

import (
	"fmt"
	"testing"
)

// BenchmarkReferrers measures an examination whose artifact carries that many
// signatures, all but one by strangers. What is left over the first figure is
// the cost of one candidate. A layout lists at most 1,000 manifests, the artifact
// included.
func BenchmarkReferrers(b *testing.B) {
	for _, n := range []int{1, 10, 100, 999} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var dir string
			t := testing.TB(b)
			l := newLayoutWriter()
			subject := l.files(t, "v1", weights(t), good)
			l.sign(t, subject)
			for range n - 1 {
				l.attach(t, subject, bundle(t, subject.Digest, newKey(t)))
			}
			dir = b.TempDir()
			l.write(t, dir)
			for b.Loop() {
				if r := examine(t, byDemoKey(t), dir); !r.Verdict.Allowed() || len(r.Signatures) != n {
					b.Fatal(r.Verdict, r.Error)
				}
			}
		})
	}
}
