package packaging

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// Contents is what one image holds after every blob of it was verified.
type Contents struct {
	// Files are sorted by path; no path stands twice. Every digest is a
	// SHA-256, Layer is set, Format is not. Role is RoleSystem for what an
	// image holds outside models/, else unknown.
	Files    []artifact.File
	Findings []provenance.Finding
	// Config is the configuration blob, nil where it is over MaxConfig.
	Config []byte
}

// An area tells the model's paths from those of the system that a container
// image brings along. A base system has links, devices and names that differ
// in case by the hundred; they are nobody's finding.
type area struct{ below string }

// modelDirectory is where ModelCars hold the model (KServe, olot, RamaLama).
const modelDirectory = "models/"

func areaOf(m *Image, sinks []*Sink) area {
	if m.Packaging != Container {
		return area{}
	}
	for _, s := range sinks {
		for i, entries := 0, s.entries(); i < len(entries); i++ {
			if e := &entries[i]; e.kind == fileEntry && strings.HasPrefix(e.path, modelDirectory) {
				return area{below: modelDirectory}
			}
		}
	}
	return area{}
}

func (a area) model(path string) bool { return strings.HasPrefix(path+"/", a.below) }

// Merge puts an image's layers together: sinks[i] is the closed sink of
// m.Layers[i], and config the verified configuration or nil. In a container
// image later layers replace and remove what earlier ones hold; in every other
// packaging two layers that claim one path are a finding, and the first is
// listed. It fails with ErrUnverified where a sink was not closed with nil and
// with ErrLimit where the layers together hold too much.
func Merge(m *Image, config []byte, sinks []*Sink) (Contents, error) {
	if len(sinks) != len(m.Layers) {
		return Contents{}, fmt.Errorf("%w: %d sinks for %d layers", ErrUnverified, len(sinks), len(m.Layers))
	}
	notes := new(findings)
	for i, s := range sinks {
		if s == nil || !s.sound || s.layer.Digest != m.Layers[i].Digest || s.layer.Encoding != m.Layers[i].Encoding {
			return Contents{}, fmt.Errorf("%w: layer %d, %v", ErrUnverified, i, m.Layers[i].Digest)
		}
		// Which layer met a shared bound depends on who was first; that it was
		// met does not.
		if err := s.budget.exceeded(); err != nil {
			return Contents{}, err
		}
	}
	t := &tree{root: &node{children: map[string]*node{}}, stacked: m.Packaging == Container,
		area: areaOf(m, sinks), layers: m.Layers, notes: notes}
	told := map[*Sink]bool{}
	for i, s := range sinks {
		if !told[s] { // a layer that stands twice is told of once
			told[s] = true
			noteLayer(s, t.area, notes)
		}
		if err := t.add(i, s.entries()); err != nil {
			return Contents{}, err
		}
	}
	files := t.files()
	if !m.partial() && !slices.ContainsFunc(files, func(f artifact.File) bool { return f.Role != artifact.RoleSystem }) {
		notes.add(provenance.Finding{ID: provenance.CodeEmptyArtifact, Detail: "the layers hold no file of a model"})
	}
	for i, s := range sinks {
		compareAnnotations(&m.Layers[i], s, notes)
	}
	compareConfig(m, config, sinks, notes)
	return Contents{Files: files, Findings: notes.list(), Config: config}, nil
}

// noteLayer passes on what the walk through an archive saw.
func noteLayer(s *Sink, a area, notes *findings) {
	if s.walked == nil {
		return
	}
	for _, f := range s.walked.notes.list() {
		path := f.Subject
		if f.ID == provenance.CodeUnsafeEntry && path != "" && path != s.layer.Digest.String() && !a.model(path) {
			continue
		}
		notes.add(f)
	}
}

// files lists what the tree holds, and tells of links and of twins: names that
// differ, but not for every file system or reader.
func (t *tree) files() []artifact.File {
	var files []artifact.File
	twins := map[string]string{}
	t.each(func(e *entry, layer int) {
		model := t.area.model(e.path)
		if model {
			folded := fold(e.path)
			if other, ok := twins[folded]; ok {
				t.note(provenance.CodeDuplicateName, e.path, layer, fmt.Sprintf("%q and %q are one name where letter case or composition does not count", other, e.path))
			}
			twins[folded] = e.path
		}
		if e.kind == linkEntry {
			t.noteLink(e, layer)
			return
		}
		f := e.file(t.layers[layer].Digest)
		if !model {
			f.Role = artifact.RoleSystem
		}
		files = append(files, f)
	})
	slices.SortFunc(files, func(a, b artifact.File) int { return cmp.Compare(a.Path, b.Path) })
	return files
}

func (t *tree) noteLink(e *entry, layer int) {
	target, err := linkTarget(e.path, e.link)
	switch {
	case err != nil:
		t.note(provenance.CodeUnsafeEntry, e.path, layer, fmt.Sprintf("%q is a link to %q: %v", e.path, e.link, err))
	case !t.area.model(target):
		t.note(provenance.CodeUnsafeEntry, e.path, layer, fmt.Sprintf("%q is a link to %q, out of the model", e.path, e.link))
	default:
		t.note(provenance.CodeLinkEntry, e.path, layer, fmt.Sprintf("%q is a link to %q", e.path, target))
	}
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
