package check

import (
	"fmt"
	"slices"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/packaging"
	"github.com/modelcheck/modelcheck/pkg/internal/registry"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// describeMembers writes down how the model travels and what it consists of.
func (e *examination) describeMembers(m *provenance.Manifest) error {
	d := e.subject.Descriptor
	m.Subject = d.Digest
	m.Artifact = provenance.Artifact{Kind: "manifest", MediaType: d.MediaType, TotalBytes: e.total}
	for _, u := range e.report.Unread {
		m.Artifact.TotalBytes += u.Size
	}
	if e.members[0].descriptor.Digest != d.Digest {
		m.Artifact.Kind = "index"
	}
	models := 0
	files := newFileList()
	var identities []artifact.Digest
	for _, member := range e.members {
		m.Artifact.Members = append(m.Artifact.Members, memberOf(member))
		if member.attestation {
			continue
		}
		models++
		e.nameFormats(member)
		m.Findings = append(m.Findings, member.image.Findings...)
		if !e.partial() {
			m.Findings = append(m.Findings, member.contents.Findings...)
		}
		if !e.partial() {
			id, err := artifact.ContentIdentity(member.contents.Files)
			if err != nil {
				return fmt.Errorf("listing files of %v: %w: %w", member.descriptor.Digest, packaging.ErrEmpty, err)
			}
			m.Artifact.Members[len(m.Artifact.Members)-1].ContentIdentity = id
			identities = append(identities, id)
		}
		files.add(member.descriptor.Digest, member.contents.Files)
	}
	if models == 0 {
		return fmt.Errorf("listing files: %w: no member is a model", packaging.ErrEmpty)
	}
	m.Files = files.list(models)
	if e.partial() {
		return nil
	}
	if slices.ContainsFunc(identities, func(d artifact.Digest) bool { return d != identities[0] }) {
		m.Findings = append(m.Findings, provenance.Finding{ID: provenance.CodePlatformsDiffer,
			Detail: fmt.Sprintf("the %d models of the index do not hold the same files", models)})
	} else {
		m.Artifact.ContentIdentity = identities[0]
	}
	return nil
}

func memberOf(m *member) provenance.Member {
	return provenance.Member{
		Digest:          m.descriptor.Digest,
		Packaging:       string(m.image.Packaging),
		Platform:        m.platform,
		ArtifactType:    m.image.ArtifactType,
		ConfigMediaType: m.image.Config.MediaType,
		ConfigDigest:    m.image.Config.Digest,
	}
}

// nameFormats completes the files with what inspection saw in them.
func (e *examination) nameFormats(member *member) {
	e.gallery.adopt(member.contents.Files)
	for i := range member.contents.Files {
		f := &member.contents.Files[i]
		if w := e.gallery.seen(f.Layer, f.Path); w != nil {
			f.Format = w.facts.Format
		}
		if f.Role == artifact.RoleUnknown {
			f.Role = packaging.RoleOf(f.Path, f.Format)
		}
	}
}

// describeTree does the same for a plain folder, whose subject is its content.
func (e *examination) describeTree(m *provenance.Manifest) error {
	files := e.treeFiles
	for i := range files {
		if w := e.gallery.seen(artifact.Digest{}, files[i].Path); w != nil {
			files[i].Format = w.facts.Format
		}
		files[i].Role = packaging.RoleOf(files[i].Path, files[i].Format)
	}
	id, err := artifact.ContentIdentity(files)
	if err != nil {
		return fmt.Errorf("listing files: %w: %w", packaging.ErrEmpty, err)
	}
	m.Artifact = provenance.Artifact{Kind: "tree", TotalBytes: e.total, ContentIdentity: id}
	m.Subject = id
	for _, u := range e.report.Unread {
		m.Artifact.TotalBytes += u.Size
		m.Artifact.ContentIdentity, m.Subject = artifact.Digest{}, artifact.Digest{} // those of a part are nobody's
	}
	m.Findings = e.findings
	if !e.partial() {
		e.report.Resolved = &Resolved{Digest: id}
	}
	list := newFileList()
	list.add(id, files)
	m.Files = list.list(1)
	return nil
}

func (e *examination) openTree() (*registry.Tree, error) { return registry.OpenTree(e.ref.Path()) }

func (e *examination) noteIrregular(path, what string) {
	e.findings = append(e.findings, provenance.Finding{ID: provenance.CodeIrregularFile, Subject: path,
		Detail: fmt.Sprintf("%q is a %s and has no bytes of its own to verify", path, what)})
}
