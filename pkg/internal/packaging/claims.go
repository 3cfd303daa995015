package packaging

import (
	"fmt"
	"path"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// What annotations and configurations say of a layer's bytes is a claim. Other
// tools take it for a fact without reading the layer, so a difference is told.

func compareAnnotations(l *Layer, s *Sink, notes *findings) {
	c := comparison{layer: l, notes: notes}
	if said := l.Annotations[annotationOlotDigest]; said != "" && l.Annotations[annotationOlotType] != "directory" {
		c.olot(s, said)
	}
	if said := l.Annotations[annotationTarDigest]; said != "" {
		c.digest(annotationTarDigest, said, s.expanded())
	}
	for _, key := range []string{annotationMetadata, annotationMetadataOld} {
		if said := l.Annotations[key]; said != "" {
			c.metadata(s, key, said)
		}
	}
	if name, title := l.named(), l.Annotations[annotationTitle]; name != "" && title != "" && path.Base(name) != path.Base(title) {
		c.differs(fmt.Sprintf("%s says %q, %s says %q", annotationTitle, title, annotationFilepath, name))
	}
}

type comparison struct {
	layer *Layer
	notes *findings
}

func (c comparison) differs(detail string) {
	c.notes.add(provenance.Finding{ID: provenance.CodeAnnotationDiffers, Subject: c.layer.Digest.String(), Digest: c.layer.Digest, Detail: detail})
}

// digest compares what is said with what there is; where the archive could not
// be read to its end there is another finding already.
func (c comparison) digest(what, said string, is artifact.Digest) {
	if is.IsZero() || said == is.String() || said == is.Hex() { // olot leaves "sha256:" out
		return
	}
	if d, err := artifact.ParseDigest(said); err == nil && d.Algorithm() != is.Algorithm() {
		return // not the sort that was computed
	}
	c.differs(fmt.Sprintf("%s says %q, the bytes are %v", what, said, is))
}

// olot: one file per layer, named by its path in the image.
func (c comparison) olot(s *Sink, said string) {
	name := strings.TrimPrefix(c.layer.Annotations[annotationOlotPath], "/")
	var found *entry
	files := 0
	for i, entries := 0, s.entries(); i < len(entries); i++ {
		if e := &entries[i]; e.kind == fileEntry {
			files++
			if name == "" || e.path == name {
				found = e
			}
		}
	}
	if found == nil || name == "" && files != 1 {
		c.differs(fmt.Sprintf("%s is about %q, which is not in the layer", annotationOlotDigest, name))
		return
	}
	c.digest(annotationOlotDigest, said, artifact.DigestOf(artifact.SHA256, found.sum[:]))
}

// metadata: model-spec, docs/annotations.md §File Metadata Annotation Value.
func (c comparison) metadata(s *Sink, key, said string) {
	var meta struct {
		Name string `json:"name"`
		Size *int64 `json:"size"`
	}
	if err := strictjson.Decode([]byte(said), &meta); err != nil {
		c.differs(fmt.Sprintf("%s cannot be read: %v", key, err))
		return
	}
	var only *entry
	for i, entries := 0, s.entries(); i < len(entries); i++ {
		if e := &entries[i]; e.kind == fileEntry {
			if only != nil {
				return // of a directory
			}
			only = e
		}
	}
	// A packer may mean the whole archive: AIKit names a category of files.
	if only == nil || c.layer.Encoding != Raw && path.Base(meta.Name) != path.Base(only.path) {
		return
	}
	switch {
	case meta.Size != nil && *meta.Size != only.size:
		c.differs(fmt.Sprintf("%s says %d bytes, %q has %d", key, *meta.Size, only.path, only.size))
	case meta.Name != "" && path.Base(meta.Name) != path.Base(only.path):
		c.differs(fmt.Sprintf("%s says %q, the file is %q", key, meta.Name, only.path))
	}
}

// compareConfig compares diff IDs: the digests of the layers without their
// compression (image-spec 1.1, config.md; model-spec, docs/config.md; the
// Kitfile's digest and diffId). A configuration that cannot be read is told of
// where documents are read.
func compareConfig(m *Image, config []byte, sinks []*Sink, notes *findings) {
	if m.Packaging == ModelKit {
		compareKitfile(m, config, sinks, notes)
		return
	}
	var c struct {
		ModelFS struct {
			DiffIDs []string `json:"diffIds"`
		} `json:"modelfs"`
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		} `json:"rootfs"`
	}
	if strictjson.Decode(config, &c) != nil {
		return
	}
	ids := append(c.ModelFS.DiffIDs, c.RootFS.DiffIDs...)
	if len(ids) == 0 || m.partial() {
		return // Ollama and others list none; of a part, the positions are lost
	}
	if len(ids) != len(m.Layers) {
		notes.add(provenance.Finding{ID: provenance.CodeAnnotationDiffers, Subject: m.Config.Digest.String(), Digest: m.Config.Digest,
			Detail: fmt.Sprintf("the configuration lists %d layers, the manifest %d", len(ids), len(m.Layers))})
		return
	}
	for i, id := range ids {
		comparison{&m.Layers[i], notes}.digest(fmt.Sprintf("diff ID %d of the configuration", i), id, sinks[i].expanded())
	}
}

func compareKitfile(m *Image, config []byte, sinks []*Sink, notes *findings) {
	var kitfile any
	if strictjson.Decode(config, &kitfile) != nil {
		return
	}
	at := map[string]int{}
	for i := range m.Layers {
		at[m.Layers[i].Digest.String()] = i
	}
	kitElements(kitfile, func(digest, diffID string) {
		i, ok := at[digest]
		if !ok && m.partial() {
			return
		}
		if !ok {
			notes.add(provenance.Finding{ID: provenance.CodeAnnotationDiffers, Subject: m.Config.Digest.String(), Digest: m.Config.Digest,
				Detail: fmt.Sprintf("the Kitfile lists layer %q, which the manifest does not", digest)})
			return
		}
		if diffID != "" {
			comparison{&m.Layers[i], notes}.digest("the Kitfile's diffId", diffID, sinks[i].expanded())
		}
	})
}

// kitElements visits every object of the Kitfile that names a layer, in the
// order of keys and lists. Depth is bounded by strictjson.
func kitElements(v any, visit func(digest, diffID string)) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			kitElements(x, visit)
		}
	case map[string]any:
		digest, ok := v["digest"].(string)
		if diffID, layer := v["diffId"].(string); ok && layer {
			visit(digest, diffID)
		}
		for _, key := range sortedKeys(v) {
			if key != "parameters" { // free-form
				kitElements(v[key], visit)
			}
		}
	}
}
