package render

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

type sarifArtifact struct {
	URI         string     `json:"uri,omitempty"`
	Base        string     `json:"uriBaseId,omitempty"`
	Description *sarifText `json:"description,omitempty"`
}

type sarifLocation struct {
	ID       int           `json:"id,omitempty"`
	Physical sarifPhysical `json:"physicalLocation"`
	Message  *sarifText    `json:"message,omitempty"`

	path string // as the record writes it
}

type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
	Region   *sarifRegion  `json:"region,omitempty"`
}

type sarifRegion struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn,omitzero"`
	EndLine     int `json:"endLine"`
}

// places finds where in a model something is that a reason is about: a path, a
// digest or a claim.
type places struct {
	report *check.Report
	base   string
}

func newPlaces(r *check.Report, base string) places { return places{r, base} }

// baseName names the root of the files of the nth model.
func baseName(n int) string {
	if n == 0 {
		return "MODEL"
	}
	return fmt.Sprintf("MODEL%d", n+1)
}

// of returns the one place where to look first, and others that belong to it.
// What has no file of its own is at the artifact: every result needs a place
// to be shown by code scanning.
func (p places) of(subject string) (found, related []sarifLocation) {
	all := p.files(subject)
	if len(all) == 0 {
		return []sarifLocation{{Physical: sarifPhysical{Artifact: sarifArtifact{URI: uri(repository(p.report))}}}}, nil
	}
	for i, l := range all[1:] {
		l.ID = i + 1
		related = append(related, l)
	}
	return all[:1], related
}

func (p places) files(subject string) []sarifLocation {
	m := p.report.Manifest
	if m == nil || subject == "" {
		return nil
	}
	var out []sarifLocation
	for _, f := range m.Files {
		if f.Path == subject || f.Digest.String() == subject || f.Layer.String() == subject {
			out = append(out, p.at(f.Path, nil))
		}
	}
	for _, c := range m.Claims {
		if c.ID != subject {
			continue
		}
		for _, o := range c.Observations {
			if o.Source.Kind == provenance.SourceFile && o.Source.Path != "" {
				l := p.at(o.Source.Path, o.Source.Lines)
				text := message(c.ID + ": " + value(o.Value))
				l.Message = &text
				out = append(out, l)
			}
		}
	}
	return out
}

func (p places) at(path string, lines []int) sarifLocation {
	l := sarifLocation{path: path, Physical: sarifPhysical{Artifact: sarifArtifact{URI: uri(path), Base: p.base}}}
	if len(lines) == 2 && lines[0] > 0 && lines[1] >= lines[0] {
		l.Physical.Region = &sarifRegion{StartLine: lines[0], EndLine: lines[1]}
	}
	return l
}

// uri writes a path as a relative URI reference (RFC 3986 §4.2), also where a
// colon stands in its first segment.
func uri(path string) string {
	parts := strings.Split(path, "/")
	for i, s := range parts {
		parts[i] = strings.ReplaceAll(url.PathEscape(s), ":", "%3A")
	}
	return strings.Join(parts, "/")
}

// repository is a reference without what changes with every release.
func repository(r *check.Report) string {
	ref, err := artifact.ParseReference(r.Reference)
	switch {
	case err != nil:
		return r.Reference
	case ref.Place() == artifact.Registry:
		return ref.Host() + "/" + ref.Repository()
	default:
		return ref.Path()
	}
}
