package license

import (
	"os"
	"strings"
	"testing"
)

// BenchmarkIdentify shows that time grows with the length of the text only,
// whatever it is made of.
func BenchmarkIdentify(b *testing.B) {
	mpl, err := os.ReadFile("testdata/texts/MPL-2.0.1.txt")
	if err != nil {
		b.Fatal(err)
	}
	const size = 1 << 20
	for name, text := range map[string]string{
		"MPL-2.0":      string(mpl),
		"one-line":     strings.Repeat("x", size),
		"words":        strings.Repeat("a ", size/2),
		"notices":      strings.Repeat("Copyright 2024 Somebody\n", size/24),
		"clauses":      strings.Repeat("neither the name of ", size/20),
		"clause-words": strings.Repeat("neither the name of a b c d e f g h ", size/36),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				Identify([]byte(text))
			}
		})
	}
}
