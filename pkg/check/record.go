package check

import (
	"cmp"
	"slices"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/disclose"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect"
	"github.com/modelcheck/modelcheck/pkg/internal/license"
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
	// What is judged is what was written, in its canonical order.
	r, err := provenance.Write(m)
	if err != nil {
		return err
	}
	e.report.Manifest, e.report.encoded = r.Manifest, r.Bytes
	e.report.ManifestDigest, e.report.SubstanceDigest = r.Digest, r.Substance
	e.bundleEvidence(e.report.Manifest)
	e.noteTensors(e.report.Manifest)
	return nil
}

func (e *examination) generator() provenance.Generator {
	return provenance.Generator{
		Name:     toolName,
		Version:  cmp.Or(e.cfg.Version, "(devel)"),
		Catalogs: slices.Clone(e.catalogs()),
	}
}

func catalogs() []provenance.Catalog {
	return []provenance.Catalog{
		{Name: "claims", Digest: disclose.CatalogDigest()},
		{Name: "criteria", Digest: disclose.CriteriaDigest()},
		{Name: "licenses", Digest: license.CatalogDigest()},
		{Name: "rules", Digest: inspect.RulesDigest()},
		{Name: "models", Digest: disclose.ModelsDigest()},
	}
}

// sign writes down which of the policy's signers signed. Strangers stay in the
// report.
func (e *examination) sign(m *provenance.Manifest) {
	for _, c := range e.report.Signatures {
		m.Signatures = append(m.Signatures, e.cfg.Policy.Match(c)...)
		m.Attestations = append(m.Attestations, e.cfg.Policy.Statements(c)...)
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
