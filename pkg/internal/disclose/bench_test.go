package disclose

import (
	"strings"
	"testing"
)

// BenchmarkExtract shows that no text of a document's greatest size takes
// long, whatever it is made of.
func BenchmarkExtract(b *testing.B) {
	const size = 1 << 20
	for name, unit := range map[string]string{
		"statements": "This model is licensed under the MIT License.\n\n",
		"almost":     "The model weights of it are licensed under a license based on tokens trained from parameters of GPU cutoff activation 1B tokens. ",
		"open":       "[<a href=\"**[x](",
		"tables":     "| Model | #Total Params |\n|---|---|\n| x | 7B |\n\n",
		"trained":    "trained on 1T a b c d e f g trained on ",
		"headings":   "# a\n",
		"stops":      ". ",
		"links":      "[a](b) ",
	} {
		text := strings.Repeat(unit, size/len(unit))
		if !strings.Contains(unit, "\n") {
			line := strings.Repeat(unit, 1500/len(unit)) + "\n\n"
			text = strings.Repeat(line, size/len(line))
		}
		b.Run(name, func(b *testing.B) {
			in := cardOf(text)
			b.SetBytes(size)
			for b.Loop() {
				Extract(in)
			}
		})
	}
	b.Run("front-matter", func(b *testing.B) {
		in := cardOf("---\nx:\n" + strings.Repeat("- {a: [1, 2]}\n", size/14) + "---\n")
		b.SetBytes(size)
		for b.Loop() {
			Extract(in)
		}
	})
}
