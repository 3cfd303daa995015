package main

import (
	"strings"

	"github.com/modelcheck/modelcheck/pkg/check"
)

// A mirrorFlag is HOST=URL, and may be repeated.
type mirrorFlag struct{ to *[]check.Mirror }

func (mirrorFlag) Type() string { return "HOST=URL" }

func (f mirrorFlag) String() string {
	if f.to == nil {
		return ""
	}
	var all []string
	for _, m := range *f.to {
		all = append(all, m.Host+"="+m.URL)
	}
	return strings.Join(all, ",")
}

func (f mirrorFlag) Set(s string) error {
	m, err := check.ParseMirror(s)
	if err != nil {
		return err
	}
	*f.to = append(*f.to, m)
	return nil
}
