package check

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/disclose"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect"
	"github.com/modelcheck/modelcheck/pkg/internal/license"
	"github.com/modelcheck/modelcheck/pkg/internal/packaging"
	"github.com/modelcheck/modelcheck/pkg/internal/registry"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// record assembles the provenance manifest out of facts that are proved by
// now, and gives it its digests. Describing, it has no digests: not every byte
// was read.
func (e *examination) record() error {
	if e.partial() && e.ref.Place() == artifact.Directory && len(e.treeFiles) == 0 && len(e.report.Unread) > 0 {
		e.measureUnread(inspect.NewModel(inspect.ModelConfig{Partial: true}), nil)
		return nil // nothing but large files: all that is known of them stands in Unread
	}
	m := &provenance.Manifest{Generator: e.generator()}
	var err error
	if e.ref.Place() == artifact.Directory {
		err = e.describeTree(m)
	} else {
		err = e.describeMembers(m)
	}
	if err != nil {
		return err
	}
	if !e.partial() {
		e.complete(m)
	}
	e.sign(m)
	if err := e.disclose(m); err != nil {
		return err
	}
	e.report.Bytes.Files = len(m.Files)
	if e.partial() {
		m = provenance.Sort(m)
		e.report.Manifest = m
		return nil
	}
	if e.report.encoded, err = provenance.Encode(m); err != nil {
		return err
	}
	e.report.ManifestDigest = artifact.SumSHA256(e.report.encoded)
	if e.report.SubstanceDigest, err = provenance.SubstanceDigest(m); err != nil {
		return err
	}
	// What is judged is what was written, in its canonical order.
	if e.report.Manifest, err = provenance.Decode(e.report.encoded); err != nil {
		return err
	}
	e.bundleEvidence(e.report.Manifest)
	e.noteTensors(e.report.Manifest)
	return nil
}

func (e *examination) generator() provenance.Generator {
	return provenance.Generator{
		Name:    toolName,
		Version: cmp.Or(e.cfg.Version, "(devel)"),
		Catalogs: []provenance.Catalog{
			{Name: "claims", Digest: disclose.CatalogDigest()},
			{Name: "criteria", Digest: disclose.CriteriaDigest()},
			{Name: "licenses", Digest: license.CatalogDigest()},
			{Name: "rules", Digest: inspect.RulesDigest()},
			{Name: "models", Digest: disclose.ModelsDigest()},
		},
	}
}

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
	for _, u := range e.report.Unread {
		m.Artifact.TotalBytes += u.Size
		m.Artifact.ContentIdentity = artifact.Digest{} // that of a part is nobody's
	}
	m.Subject = id
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

// sign writes down which of the policy's signers signed. Strangers stay in the
// report.
func (e *examination) sign(m *provenance.Manifest) {
	for _, c := range e.report.Signatures {
		m.Signatures = append(m.Signatures, e.cfg.Policy.Match(c)...)
		m.Attestations = append(m.Attestations, e.cfg.Policy.Statements(c)...)
	}
}

// disclose asks the documents and the files together, and settles claims from
// what everybody says.
func (e *examination) disclose(m *provenance.Manifest) error {
	in := disclose.Input{Root: modelRoot(m.Files)}
	types := disclose.Catalog()
	model := inspect.NewModel(inspect.ModelConfig{Claims: named(types), Partial: len(e.report.Unread) > 0})
	e.readFiles(m, &in, model)
	for _, u := range e.report.Unread {
		if !u.Digest.IsZero() && u.Path == "" { // an archive: nobody knows which documents are in it
			in.Unread = append(in.Unread, provenance.Document{Path: "layer", Digest: u.Digest})
		}
	}
	e.ociStatements(&in)
	e.signedStatements(&in)
	said := disclose.Extract(in)
	m.Findings = append(m.Findings, said.Findings...)
	seen := model.Summary(said.Observations)
	e.measureUnread(model, said.Observations)
	e.loading(m, seen)
	observations := slices.Concat(seen.Observations, e.precision(m), seen.Refile(said.Observations))
	drawn := said.Conclude(observations)
	m.Licensing, m.Lineage = drawn.Licensing, drawn.Lineage
	m.Findings = append(m.Findings, drawn.Findings...)
	observations = append(observations, drawn.Observations...)
	claims, err := provenance.Settle(asked(types, observations), observations, said.Searched, in.Unread, producer(m.Signatures))
	if err != nil {
		return err
	}
	m.Claims = claims
	m.Coverage = provenance.Cover(types, claims)
	for _, c := range claims {
		if c.State == provenance.StateConflicting {
			m.Findings = append(m.Findings, provenance.Finding{ID: provenance.CodeClaimConflict, Subject: c.ID, Detail: "statements of the artifact disagree"})
		}
	}
	return e.elsewhere(m)
}

// readFiles hands every file of the model to those who read documents and to
// those who look at what loading does.
func (e *examination) readFiles(m *provenance.Manifest, in *disclose.Input, model *inspect.Model) {
	seen := map[provenance.Document]bool{}
	for _, f := range m.Files {
		doc := provenance.Document{Path: f.Path, Digest: f.Digest}
		if seen[doc] || f.Role == artifact.RoleSystem {
			continue
		}
		seen[doc] = true
		w := e.gallery.seen(f.Layer, f.Path)
		facts := inspect.Facts{} // of what nobody saw: unknown
		if w != nil {
			facts = w.facts
		}
		var config []inspect.Facts
		switch {
		case !disclose.Wanted(f.Path) && !inspect.Wanted(f.Path):
		case w == nil || w.text == nil:
			in.Unread = append(in.Unread, doc)
			m.Findings = append(m.Findings, provenance.Finding{ID: provenance.CodeDocumentTooLarge, Subject: f.Path, Digest: f.Digest,
				Detail: fmt.Sprintf("%q has %d bytes; what it says was not read", f.Path, f.Size)})
		default:
			if inspect.Wanted(f.Path) {
				config = append(config, inspect.Config(f.Path, f.Digest, w.text))
			}
			if disclose.Wanted(f.Path) {
				in.Documents = append(in.Documents, disclose.Document{Path: f.Path, Digest: f.Digest, Role: f.Role, Text: w.text})
			}
		}
		model.Add(f.Path, f.Digest, append([]inspect.Facts{facts}, config...)...)
	}
}

// precision says in which number formats the weights are stored, over all
// files whose headers could be read.
func (e *examination) precision(m *provenance.Manifest) []provenance.ClaimObservation {
	var first *provenance.File
	dtypes := map[string]bool{}
	files := 0
	for i, f := range m.Files {
		w := e.gallery.seen(f.Layer, f.Path)
		if w == nil || len(w.facts.Tensors.ByDType) == 0 {
			continue
		}
		if files++; first == nil {
			first = &m.Files[i]
		}
		for name := range w.facts.Tensors.ByDType {
			dtypes[name] = true
		}
	}
	if first == nil {
		return nil
	}
	value, err := json.Marshal(slices.Sorted(maps.Keys(dtypes)))
	if err != nil {
		return nil
	}
	return []provenance.ClaimObservation{{Claim: "model.precision", Observation: provenance.Observation{
		Grade:  provenance.Verified,
		Value:  value,
		Method: "tensor-headers/1",
		Source: provenance.Source{
			Kind:    provenance.SourceFile,
			Path:    first.Path,
			Digest:  first.Digest,
			Pointer: tensorHeaders(files),
		},
	}}}
}

func tensorHeaders(files int) string {
	if files == 1 {
		return "tensor headers"
	}
	return fmt.Sprintf("tensor headers, of this and %d more files", files-1)
}

// ociStatements adds what configs and annotations of the members say.
func (e *examination) ociStatements(in *disclose.Input) {
	for _, member := range e.members {
		if member.attestation {
			continue
		}
		c := member.image.Config
		if member.contents.Config != nil {
			in.Configs = append(in.Configs, disclose.Config{MediaType: c.MediaType, Digest: c.Digest, Body: member.contents.Config})
		}
		if len(member.image.Annotations) > 0 {
			in.Annotations = append(in.Annotations, disclose.Annotations{Digest: member.descriptor.Digest, Values: member.image.Annotations})
		}
	}
}

// producer names the signer whom the policy calls the model's producer, if one
// signed.
func producer(signatures []provenance.Signature) string {
	for _, s := range signatures {
		if s.Relation == provenance.Producer {
			return s.Signer
		}
	}
	return ""
}

func modelRoot(files []provenance.File) string {
	list := make([]artifact.File, len(files))
	for i, f := range files {
		list[i] = artifact.File{Path: f.Path, Role: f.Role}
	}
	return artifact.ModelRoot(list)
}
