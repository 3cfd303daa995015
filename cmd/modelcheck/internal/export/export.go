// Package export writes a provenance manifest in the formats of others:
// CycloneDX, SPDX, and sheets for questions that laws ask.
//
// It writes what the record says and invents nothing: a field of a format that
// the record has no answer for is left out, and where a format cannot do
// without it another element is used. It checks nothing and fetches nothing.
package export

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/render"
	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A Config says what Write writes. Manifest and Created are required.
type Config struct {
	Manifest *provenance.Manifest
	Digest   artifact.Digest // of the manifest's bytes
	// Created is the time of the document. The record holds no clock, and SPDX
	// and the citations of CycloneDX cannot do without.
	Created time.Time
	Version string // of this program
}

// formats are the words of --format.
var formats = []struct {
	name  string
	write func(io.Writer, Config) error
}{
	{"cyclonedx-1.6", cycloneDX16},
	{"cyclonedx-1.7", cycloneDX17},
	{"spdx-3.0.1", spdx},
	{"eu-template", euMarkdown},
	{"eu-template-csv", euCSV},
	{"ca-ab2013", caMarkdown},
	{"ca-ab2013-csv", caCSV},
}

// Formats lists the words that Write knows.
func Formats() []string {
	out := make([]string, len(formats))
	for i, f := range formats {
		out[i] = f.name
	}
	return out
}

// Write writes the manifest of cfg in a format of Formats.
func Write(w io.Writer, format string, cfg Config) error {
	if cfg.Manifest == nil || cfg.Created.IsZero() {
		return errors.New("export: no manifest or no time")
	}
	cfg.Created = cfg.Created.UTC().Truncate(time.Second)
	for _, f := range formats {
		if f.name == format {
			return f.write(w, cfg)
		}
	}
	return fmt.Errorf("unknown format %q", format)
}

// A reader asks a record one question at a time.
type reader struct {
	claims map[string]provenance.Claim
	titles map[string]string
}

func newReader(m *provenance.Manifest) reader {
	r := reader{claims: map[string]provenance.Claim{}, titles: map[string]string{}}
	for _, c := range m.Claims {
		r.claims[c.ID] = c
	}
	for _, q := range check.Questions() {
		r.titles[q.ID] = q.Title
	}
	return r
}

// stated returns the value of a claim that has one, in words, and "" else. A
// rule's own inference is no statement of anybody.
func (r reader) stated(id string) string {
	c := r.claims[id]
	switch c.State {
	case provenance.StateDeclared, provenance.StateAttested, provenance.StateVerified:
		return render.Value(c.Value)
	default:
		return ""
	}
}

// list returns a stated list, item by item.
func (r reader) list(id string) []string {
	if r.stated(id) == "" {
		return nil
	}
	return render.Values(r.claims[id].Value)
}

// quoted says where a statement stands and what it is: path, line, digest,
// quote, method.
func quoted(o provenance.Observation) string {
	text := render.Place(o.Source)
	if !o.Source.Digest.IsZero() {
		text += " (" + o.Source.Digest.String() + ")"
	}
	if o.Source.Quote != "" {
		text += ": " + render.Quoted(o.Source.Quote)
	}
	return text + " [" + o.Grade.String() + ", " + render.Printable(o.Method) + "]"
}
