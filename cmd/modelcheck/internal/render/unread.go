package render

import (
	"cmp"
	"fmt"

	"github.com/modelcheck/modelcheck/pkg/check"
)

// unread lists what inspect did not read. Each line says so: no hash covers
// what a header seems to say.
func (p *page) unread(r *check.Report) {
	if len(r.Unread) == 0 {
		return
	}
	p.heading(fmt.Sprintf("Not read (%d): headers only, %s", len(r.Unread), Bytes(r.Bytes.Peeked)))
	var all check.UnverifiedHeader
	const most = 24
	for i, u := range r.Unread {
		if h := u.Header; h != nil {
			all.Tensors, all.Elements = all.Tensors+h.Tensors, all.Elements+h.Elements
		}
		if i < most || len(r.Unread) <= most+4 {
			p.line("  unverified  %9s  %s  %s", Bytes(u.Size), Printable(u.Path), headerSays(u))
		}
	}
	if len(r.Unread) > most+4 {
		p.line("  unverified  … %d more; --output json lists them all", len(r.Unread)-most)
	}
	if all.Tensors > 0 {
		p.line("  unverified  together %d tensors with %d elements", all.Tensors, all.Elements)
	}
	for _, w := range r.UnverifiedWeights {
		for _, l := range weightLines(w) {
			name := "weights"
			if w.Folder != "." {
				name += " " + Printable(w.Folder)
			}
			p.line("  unverified  %s: %s", cmp.Or(l.name, name), l.text)
		}
	}
}

func headerSays(u check.Unread) string {
	h := u.Header
	switch {
	case h == nil:
		return "header not read: " + Printable(u.HeaderMissing)
	case h.Tensors > 0:
		return fmt.Sprintf("%s, %s, %d elements", Printable(h.Format), plural(h.Tensors, "tensor"), h.Elements)
	case h.Members > 0:
		return fmt.Sprintf("%s, %s", Printable(h.Format), plural(h.Members, "member"))
	case h.Format != "":
		return Printable(h.Format)
	}
	return "of no format that is known"
}

// tensors sums up the tensors that were hashed.
func (p *page) tensors(t *check.Tensors) {
	if t == nil {
		return
	}
	p.heading("Tensors")
	p.field("hashed", fmt.Sprintf("%d, %s", t.Count, Bytes(int64(t.Bytes))))
	p.field("root", t.Root)
	p.field("content root", t.ContentRoot)
	for _, m := range t.Missing {
		p.field("not told apart", p.wrap(Printable(m.Path)+": "+Printable(m.Reason), 16))
	}
	if t.Root == "" {
		p.field("root", "none: not all weights are told apart, or there are none")
	}
}
