package render

import (
	"fmt"
	"io"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/check"
)

// SameText writes a comparison of two artifacts' weights for a person.
func SameText(w io.Writer, r *check.SameReport, style Style) error {
	if style.Width == 0 {
		style.Width = 100
	}
	p := &page{style: style}
	if r.Result == check.ResultSame {
		p.line("%s  every tensor of one is in the other: name, number format, shape and content", p.paint(green, "SAME WEIGHTS"))
	} else {
		p.line("%s  %s", p.paint(red, "OTHER WEIGHTS"), p.wrap(claim(r), 15))
	}
	p.sameSide("A", r.A)
	p.sameSide("B", r.B)
	p.heading("Comparison")
	p.field("equal", fmt.Sprintf("%s of A %s in B under the same name", plural(r.Equal, "tensor"), isAre(r.Equal)))
	p.field("shared", fmt.Sprintf("%s of A's bytes are in B, %s of B's bytes are in A, by content", share(r.A), share(r.B)))
	for _, list := range []struct {
		what  string
		names []string
	}{{"other content", r.Differ}, {"other format", r.DType}, {"other shape", r.Shape}, {"only in A", r.OnlyA}, {"only in B", r.OnlyB}} {
		p.sameNames(list.what, list.names)
	}
	if r.Unlisted > 0 {
		p.field("", fmt.Sprintf("%d more names are not listed", r.Unlisted))
	}
	p.heading("What this says")
	p.line("  %s", p.wrap("Nothing of who signed or published either side: verify tells. "+hashedSides(r), 2))
	_, err := io.WriteString(w, p.b.String())
	return err
}

func hashedSides(r *check.SameReport) string {
	switch {
	case r.A.Hashed && r.B.Hashed:
		return "The bytes of both were hashed, and matched the digests that name them."
	case r.A.Hashed:
		return "The bytes of A were hashed; B is a list of tensors, the word of whoever gave it."
	case r.B.Hashed:
		return "The bytes of B were hashed; A is a list of tensors, the word of whoever gave it."
	}
	return "Both are lists of tensors, the word of whoever gave them; no weights were hashed."
}

// claim says what the shares mean, and no more.
func claim(r *check.SameReport) string {
	switch {
	case r.A.SharedBytes == 0 && r.B.SharedBytes == 0:
		return "no tensor is in both; that says nothing of where they come from"
	case r.A.SharedBytes == r.A.Bytes:
		return "all of A is in B by content: A is made of tensors of B"
	case r.B.SharedBytes == r.B.Bytes:
		return "all of B is in A by content: B is made of tensors of A"
	}
	return "a part is the same in both"
}

func (p *page) sameSide(which string, s check.SameSide) {
	p.heading(which + "  " + Printable(s.Name))
	p.field("subject", s.Subject.String())
	p.field("tensors", fmt.Sprintf("%d, %s", s.Count, Bytes(int64(s.Bytes))))
	p.field("root", s.Root)
	p.field("content root", s.ContentRoot)
}

func (p *page) sameNames(what string, names []string) {
	if len(names) == 0 {
		return
	}
	const most = 10
	shown := make([]string, 0, most)
	for _, n := range names[:min(most, len(names))] {
		shown = append(shown, Printable(n))
	}
	if len(names) > most {
		shown = append(shown, fmt.Sprintf("… %d more; --output json lists them", len(names)-most))
	}
	p.field(what, fmt.Sprintf("%d: %s", len(names), p.wrap(strings.Join(shown, " "), 16)))
}

// share is a percentage that is 0 or 100 only where it is nothing or all.
func share(s check.SameSide) string {
	if s.Bytes == 0 || s.SharedBytes == 0 {
		return "0 %"
	}
	if s.SharedBytes == s.Bytes {
		return "100 %"
	}
	return fmt.Sprintf("%.2f %%", min(max(100*float64(s.SharedBytes)/float64(s.Bytes), 0.01), 99.99))
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}
