package trust

import (
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/internal/attest/sigstoretest"
)

// BenchmarkLoad is what a verification pays for a root that is installed.
func BenchmarkLoad(b *testing.B) {
	lab, err := sigstoretest.New(time.Now())
	if err != nil {
		b.Fatal(err)
	}
	root, err := lab.TrustedRoot()
	if err != nil {
		b.Fatal(err)
	}
	s, err := New(Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := s.Import(Import{JSON: root, FetchedAt: time.Now()}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.Load(DefaultName); err != nil {
			b.Fatal(err)
		}
	}
}
