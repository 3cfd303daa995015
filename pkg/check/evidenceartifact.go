package check

import (
	"context"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/packaging"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// artifact holds what the record says of the artifact against the OCI
// manifests, or for a folder against its content identity. It returns false
// where nothing further can be compared.
func (k *evidenceCheck) artifact(ctx context.Context) bool {
	differs := func(format string, args ...any) bool {
		k.refuse(provenance.CodeEvidenceArtifact, "", fmt.Sprintf(format, args...))
		return false
	}
	m := k.record
	if m.Artifact.Kind == "tree" {
		var err error
		if k.ref, err = artifact.ParseReference("dir:."); err != nil { // what follows is the story of a folder
			return differs("%v", err)
		}
		k.treeFiles = filesOf(m, artifact.Digest{})
		if id, err := artifact.ContentIdentity(k.treeFiles); err != nil || id != m.Subject {
			return differs("the files of the record do not give its subject")
		}
		k.skip("files", fmt.Sprintf("the bytes of %d of %d files are not here; their hashes give the subject", len(m.Files)-len(k.dossier.Index.Documents), len(m.Files)))
		return true
	}
	list := k.dossier.Index.Manifests
	if len(list) == 0 || list[0].Digest != m.Subject {
		return differs("the OCI manifest in the bundle is not that of the record's subject %v", m.Subject)
	}
	body := k.dossier.Blobs[m.Subject]
	d := artifact.Descriptor{MediaType: list[0].MediaType, Digest: m.Subject, Size: int64(len(body))}
	k.subject.Descriptor, k.subject.Body = d, body
	if err := k.open(ctx, d, body, "", false, 0); err != nil {
		return differs("the OCI manifest cannot be read as one: %v", err)
	}
	return k.members() && k.layers(differs)
}

// members compares the members of the record with those of the OCI manifests.
func (k *evidenceCheck) members() bool {
	var again []provenance.Member
	for _, member := range k.examination.members {
		again = append(again, memberOf(member))
		for _, said := range k.record.Artifact.Members {
			if said.Digest == member.descriptor.Digest && !member.attestation {
				member.contents.Files = filesOf(k.record, said.Digest)
				if id, err := artifact.ContentIdentity(member.contents.Files); err == nil {
					again[len(again)-1].ContentIdentity = id
				}
			}
		}
		if config := k.dossier.Blobs[member.image.Config.Digest]; config != nil {
			member.contents.Config = config
		} else if member.image.Config.Size <= packaging.MaxConfig {
			k.refuse(provenance.CodeEvidenceMissing, member.image.Config.Digest.String(), "the configuration of a manifest is not in the bundle")
			return false
		}
	}
	said := provenance.Sort(&provenance.Manifest{Artifact: provenance.Artifact{Members: k.record.Artifact.Members}}).Artifact.Members
	seen := provenance.Sort(&provenance.Manifest{Artifact: provenance.Artifact{Members: again}}).Artifact.Members
	if !sameJSON(said, seen) {
		k.refuse(provenance.CodeEvidenceArtifact, "", "the members of the record are not those of the OCI manifests")
		return false
	}
	return true
}

// filesOf lists the files of one member as artifact knows them.
func filesOf(m *provenance.Manifest, member artifact.Digest) []artifact.File {
	var out []artifact.File
	for _, f := range m.Files {
		if len(f.Members) == 0 || slices.Contains(f.Members, member) {
			out = append(out, artifact.File{Path: f.Path, Digest: f.Digest, Size: f.Size, Role: f.Role, Format: f.Format, Layer: f.Layer})
		}
	}
	return out
}

// layers compares files with layers: where a layer is a file, its digest is
// the file's. What is in an archive nobody can see here.
func (k *evidenceCheck) layers(differs func(string, ...any) bool) bool {
	raw, known := map[artifact.Digest][]packaging.Layer{}, map[artifact.Digest]bool{}
	sizes := map[artifact.Digest]int64{}
	for _, member := range k.examination.members {
		sizes[member.image.Config.Digest] = member.image.Config.Size
		for _, l := range member.image.Layers {
			sizes[l.Digest], known[l.Digest] = l.Size, true
			if l.Encoding == packaging.Raw && !member.attestation {
				raw[l.Digest] = append(raw[l.Digest], l)
			}
		}
	}
	total, archived, listed := int64(0), 0, map[artifact.Digest]bool{}
	for _, size := range sizes {
		total += size
	}
	if total != k.record.Artifact.TotalBytes {
		return differs("the record counts %d bytes, the OCI manifests %d", k.record.Artifact.TotalBytes, total)
	}
	for _, f := range k.record.Files {
		layers := raw[f.Layer]
		switch {
		case !known[f.Layer]:
			return differs("%q is said to be in %v, which is no layer", f.Path, f.Layer)
		case len(layers) == 0:
			archived++
		case f.Digest != f.Layer && f.Layer.Algorithm() == artifact.SHA256, f.Size != layers[0].Size,
			!slices.ContainsFunc(layers, func(l packaging.Layer) bool { return l.Path == f.Path }):
			return differs("%q is not the file that the OCI manifest names", f.Path)
		default:
			k.out.Rechecked.Files++
		}
		listed[f.Layer] = true
	}
	for digest := range raw {
		if !listed[digest] {
			return differs("layer %v is a file, and the record leaves it out", digest)
		}
	}
	k.skip("files", fmt.Sprintf("the bytes of %d of %d files are not here; %d are in archives, so that the OCI manifest does not name their hashes", max(0, len(k.record.Files)-len(k.dossier.Index.Documents)), len(k.record.Files), archived))
	return true
}

func sameJSON(a, b any) bool {
	x, errX := json.Marshal(a, json.Deterministic(true))
	y, errY := json.Marshal(b, json.Deterministic(true))
	return errX == nil && errY == nil && string(x) == string(y)
}
