package check

import (
	"context"
	"errors"
	"path"
	"slices"
	"sync"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest"
	"github.com/modelcheck/modelcheck/pkg/internal/disclose"
	"github.com/modelcheck/modelcheck/pkg/internal/dossier"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// An exhibit keeps what an evidence bundle needs while an examination reads
// it. A nil one keeps nothing.
type exhibit struct {
	mu        sync.Mutex
	manifests []dossier.Manifest
	referrers []dossier.Referrer
	attached  []artifact.Digest
	blobs     [][]byte
}

func (x *exhibit) manifest(d artifact.Descriptor, body []byte) {
	if x == nil || slices.ContainsFunc(x.manifests, func(m dossier.Manifest) bool { return m.Digest == d.Digest }) {
		return
	}
	x.manifests = append(x.manifests, dossier.Manifest{Digest: d.Digest, MediaType: d.MediaType})
	x.blobs = append(x.blobs, body)
}

func (x *exhibit) referrer(r attest.Referrer) {
	if x == nil {
		return
	}
	kept := dossier.Referrer{Layout: r.Layout, Digest: r.Descriptor.Digest, MediaType: r.Descriptor.MediaType}
	if r.Err != nil || r.Body == nil {
		kept.Unread = "it could not be read"
	} else {
		x.blobs = append(x.blobs, r.Body)
	}
	x.referrers = append(x.referrers, kept)
}

// attachment keeps a blob of a referrer. Several goroutines call it.
func (x *exhibit) attachment(body []byte, err error) {
	if x == nil || err != nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.attached = append(x.attached, artifact.SumSHA256(body))
	x.blobs = append(x.blobs, body)
}

// EvidenceBytes returns the evidence bundle, nil where there is no manifest or
// Config.KeepEvidence was not set. The same artifact under the same policy
// gives the same bytes.
func (r *Report) EvidenceBytes() ([]byte, error) {
	if r.evidence == nil {
		return nil, nil
	}
	return dossier.Write(r.evidence)
}

// bundleEvidence puts together what was kept and what the record rests on.
func (e *examination) bundleEvidence(m *provenance.Manifest) {
	if e.exhibit == nil {
		return
	}
	d := dossier.New(e.report.encoded)
	x := e.exhibit
	for _, b := range x.blobs {
		d.Add(b)
	}
	d.Index.Manifests = x.manifests
	d.Index.Referrers = x.referrers
	d.Index.Attached = distinct(x.attached)
	for _, member := range e.members {
		if body := member.contents.Config; body != nil {
			d.Index.Configs = append(d.Index.Configs, d.Add(body))
		}
	}
	d.Index.Configs = distinct(d.Index.Configs)
	e.bundleDocuments(d, m)
	for _, b := range e.cfg.Bundles {
		d.Index.Bundles = append(d.Index.Bundles, d.Add(b))
	}
	d.Index.Bundles = distinct(d.Index.Bundles)
	e.bundleTrust(d)
	e.report.evidence = d
}

func (e *examination) bundleDocuments(d *dossier.Dossier, m *provenance.Manifest) {
	seen := map[dossier.Document]bool{}
	for _, f := range m.Files {
		w := e.gallery.seen(f.Layer, f.Path)
		doc := dossier.Document{Path: f.Path, Digest: f.Digest}
		if w == nil || w.text == nil || seen[doc] || f.Role == artifact.RoleSystem || f.Digest.Algorithm() != artifact.SHA256 {
			continue
		}
		seen[doc] = true
		d.Index.Documents = append(d.Index.Documents, doc)
		d.Add(w.text)
	}
}

// bundleTrust notes what was trusted here. Whoever reads the bundle brings
// trust along.
func (e *examination) bundleTrust(d *dossier.Dossier) {
	for _, k := range e.cfg.Policy.Keys() {
		d.Index.Trust = append(d.Index.Trust, dossier.Trust{Kind: "key", Name: k.Name, Digest: d.Add(k.PEM)})
	}
	for _, r := range e.cfg.Policy.Roots() {
		d.Index.Trust = append(d.Index.Trust, dossier.Trust{Kind: "root", Name: r.Name, Digest: d.Add(r.JSON)})
	}
	for _, ca := range e.cfg.Policy.CAs() {
		d.Index.Trust = append(d.Index.Trust, dossier.Trust{Kind: "chain", Name: ca.Name, Digest: d.Add(ca.Chain)})
	}
}

// documentary says whether a file of this name is kept as a document.
func documentary(name string) bool {
	return disclose.Wanted(name) || inspect.Wanted(name) || path.Base(name) == signatureFile
}

func distinct(list []artifact.Digest) []artifact.Digest {
	slices.SortFunc(list, artifact.Digest.Compare)
	return slices.Compact(list)
}

// body returns the bytes of an OCI manifest: out of the evidence where that is
// what is examined, else from the registry.
func (e *examination) body(ctx context.Context, d artifact.Descriptor) ([]byte, error) {
	if e.dossier == nil {
		return e.store.Manifest(ctx, d)
	}
	body := e.dossier.Blobs[d.Digest]
	if body == nil || int64(len(body)) != d.Size {
		return nil, errNotBundled
	}
	return body, nil
}

// errNotBundled marks an OCI manifest that is not in the evidence.
var errNotBundled = errors.New("not in the evidence bundle")
