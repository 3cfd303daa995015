package check_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/internal/dossier"
	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

func evidenceOf(t testing.TB, p *policy.Policy, reference string) []byte {
	t.Helper()
	ref, err := artifact.ParseReference(reference)
	if err != nil {
		t.Fatal(err)
	}
	c, err := check.New(check.Config{Policy: p, Version: "test", RecordDenied: true, KeepEvidence: true, Now: func() time.Time { return time.Unix(1_800_000_000, 0) }})
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Examine(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	data, err := r.EvidenceBytes()
	if err != nil || data == nil {
		t.Fatalf("no evidence: %v, %v", err, r.Verdict)
	}
	return data
}

func recheck(t testing.TB, p *policy.Policy, data []byte) *check.EvidenceReport {
	t.Helper()
	c, err := check.New(check.Config{Policy: p, Version: "test", Now: func() time.Time { return time.Unix(1_800_000_000, 0) }})
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.VerifyEvidence(t.Context(), "test.tar", data)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func codesOf(v policy.Verdict) []string {
	var out []string
	for _, r := range v.Reasons {
		out = append(out, r.Code)
	}
	return out
}

// TestEvidenceOfRealArtifacts: what was bundled can be checked again, whatever
// tool packed the model, and the bundle is the same bytes at every run.
func TestEvidenceOfRealArtifacts(t *testing.T) {
	layouts, err := filepath.Glob(fixtures.Dir(t, "oci", "layouts") + "/*")
	if err != nil || len(layouts) < 10 {
		t.Fatalf("%d layouts: %v", len(layouts), err)
	}
	var references []string
	for _, l := range layouts {
		references = append(references, "oci-layout:"+l+":v1")
	}
	for _, m := range []string{"deepseek-v3", "deepseek-r1", "janus-pro", "qwen2.5"} {
		references = append(references, "dir:"+fixtures.Dir(t, "models", m))
	}
	unsigned := resolved(t, policy.Settings{AllowUnsigned: true})
	for _, ref := range references {
		t.Run(filepath.Base(ref), func(t *testing.T) {
			data := evidenceOf(t, unsigned, ref)
			if !bytes.Equal(data, evidenceOf(t, unsigned, ref)) {
				t.Error("two runs, two bundles")
			}
			r := recheck(t, unsigned, data)
			for _, code := range codesOf(r.Verdict) { // some layouts are denied for what they hold
				if strings.HasPrefix(code, "evidence-") || strings.HasPrefix(code, "record-") {
					t.Errorf("%v", r.Verdict)
				}
			}
			if r.Rechecked.Documents == 0 || len(r.NotRechecked) == 0 {
				t.Errorf("nothing was checked again: %+v", r.Rechecked)
			}
			if again := recheck(t, resolved(t, policy.Settings{}), data); again.Verdict.Allowed() || !slices.Contains(codesOf(again.Verdict), provenance.CodeNoTrust) {
				t.Errorf("without trust: %v", again.Verdict)
			}
			if again := recheck(t, byDemoKey(t), data); again.Verdict.Outcome != policy.Deny {
				t.Errorf("with a signer who did not sign: %v", again.Verdict)
			}
		})
	}
}

// An edit changes a bundle; want is the reason code that must speak against
// it.
type edit struct {
	want string
	make func(t *testing.T, d *dossier.Dossier) []byte
}

// whole writes the entries as they now are, whatever they are.
func whole(t testing.TB, d *dossier.Dossier, also ...tar.Header) []byte {
	t.Helper()
	index, err := json.Marshal(d.Index)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	put := func(h tar.Header, body []byte) {
		h.Mode, h.Format = 0o644, tar.FormatUSTAR
		if h.Typeflag == 0 {
			h.Typeflag, h.Size = tar.TypeReg, int64(len(body))
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(body[:h.Size]); err != nil {
			t.Fatal(err)
		}
	}
	put(tar.Header{Name: "evidence.json"}, index)
	put(tar.Header{Name: "manifest.json"}, d.Record)
	for _, digest := range slices.SortedFunc(maps.Keys(d.Blobs), artifact.Digest.Compare) {
		put(tar.Header{Name: "blobs/sha256/" + digest.Hex()}, d.Blobs[digest])
	}
	for _, h := range also {
		put(h, []byte("x"))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// rerecord changes the record, and does it well: canonical, and under its new
// digest.
func rerecord(t testing.TB, d *dossier.Dossier, change func(*provenance.Manifest)) []byte {
	t.Helper()
	m, err := provenance.Decode(d.Record)
	if err != nil {
		t.Fatal(err)
	}
	change(m)
	if d.Record, err = provenance.Encode(m); err != nil {
		t.Fatal(err)
	}
	d.Index.Record = artifact.SumSHA256(d.Record)
	return whole(t, d)
}

func claimIn(t testing.TB, m *provenance.Manifest, id string) *provenance.Claim {
	t.Helper()
	for i := range m.Claims {
		if m.Claims[i].ID == id {
			return &m.Claims[i]
		}
	}
	t.Fatalf("no claim %q", id)
	return nil
}

func document(t testing.TB, d *dossier.Dossier, path string) dossier.Document {
	t.Helper()
	for _, doc := range d.Index.Documents {
		if doc.Path == path {
			return doc
		}
	}
	t.Fatalf("no document %q", path)
	return dossier.Document{}
}

func edits(other *dossier.Dossier) map[string]edit {
	return map[string]edit{
		"manifest edited": {provenance.CodeEvidenceManifest, func(t *testing.T, d *dossier.Dossier) []byte {
			d.Record = bytes.Replace(d.Record, []byte(`"MIT"`), []byte(`"ISC"`), 1)
			return whole(t, d)
		}},
		"manifest reformatted": {provenance.CodeRecordNotCanonical, func(t *testing.T, d *dossier.Dossier) []byte {
			d.Record = append(d.Record, '\n')
			d.Index.Record = artifact.SumSHA256(d.Record)
			return whole(t, d)
		}},
		"manifest made dishonest": {provenance.CodeRecordInvalid, func(t *testing.T, d *dossier.Dossier) []byte {
			d.Record = bytes.Replace(d.Record, []byte(`"state":"absent"`), []byte(`"state":"verified"`), 1)
			d.Index.Record = artifact.SumSHA256(d.Record)
			return whole(t, d)
		}},
		"value changed, well": {provenance.CodeEvidenceClaims, func(t *testing.T, d *dossier.Dossier) []byte {
			return rerecord(t, d, func(m *provenance.Manifest) {
				c := claimIn(t, m, "identity.name")
				c.Value = provenance.Value(`"other"`)
				for i := range c.Observations {
					c.Observations[i].Value = c.Value
				}
			})
		}},
		"statement left out": {provenance.CodeEvidenceClaims, func(t *testing.T, d *dossier.Dossier) []byte {
			return rerecord(t, d, func(m *provenance.Manifest) {
				c := claimIn(t, m, "license.weights")
				if len(c.Observations) < 2 {
					t.Fatal("one statement only")
				}
				c.Observations = c.Observations[1:]
				c.Value = c.Observations[0].Value
			})
		}},
		"lineage left out": {provenance.CodeEvidenceClaims, func(t *testing.T, d *dossier.Dossier) []byte {
			return rerecord(t, d, func(m *provenance.Manifest) {
				if len(m.Licensing)+len(m.Lineage) == 0 {
					t.Fatal("neither licensing nor lineage")
				}
				m.Licensing, m.Lineage = nil, nil
			})
		}},
		"searched elsewhere": {provenance.CodeEvidenceClaims, func(t *testing.T, d *dossier.Dossier) []byte {
			return rerecord(t, d, func(m *provenance.Manifest) {
				for i := range m.Claims {
					if m.Claims[i].State == provenance.StateAbsent {
						m.Claims[i].Searched = m.Claims[i].Searched[:1]
					}
				}
			})
		}},
		"quote line moved": {provenance.CodeEvidenceQuote, func(t *testing.T, d *dossier.Dossier) []byte {
			return rerecord(t, d, func(m *provenance.Manifest) {
				for i, c := range m.Claims {
					for j, o := range c.Observations {
						if o.Source.Quote != "" && len(o.Source.Lines) == 2 && o.Source.Lines[0] > 1 {
							m.Claims[i].Observations[j].Source.Lines = []int{1, 1}
						}
					}
				}
			})
		}},
		"pointer to nothing": {provenance.CodeEvidencePointer, func(t *testing.T, d *dossier.Dossier) []byte {
			return rerecord(t, d, func(m *provenance.Manifest) {
				for i, c := range m.Claims {
					for j, o := range c.Observations {
						if len(o.Source.Pointer) > 0 && o.Source.Pointer[0] == '/' && o.Source.Path == "config.json" {
							m.Claims[i].Observations[j].Source.Pointer += "/nothing"
						}
					}
				}
			})
		}},
		"weights swapped in the record": {provenance.CodeEvidenceArtifact, func(t *testing.T, d *dossier.Dossier) []byte {
			d.Record = bytes.ReplaceAll(d.Record, []byte(weightsOf(t, d)), []byte(artifact.SumSHA256(nil).Hex()))
			d.Index.Record = artifact.SumSHA256(d.Record)
			return whole(t, d)
		}},
		"document swapped": {provenance.CodeEvidenceDigest, func(t *testing.T, d *dossier.Dossier) []byte {
			d.Blobs[document(t, d, "LICENSE").Digest] = []byte("You may do anything.\n")
			return whole(t, d)
		}},
		"document swapped, well": {provenance.CodeEvidenceArtifact, func(t *testing.T, d *dossier.Dossier) []byte {
			old, text := document(t, d, "LICENSE").Digest, []byte("You may do anything.\n")
			fresh := d.Add(text)
			delete(d.Blobs, old)
			for i := range d.Index.Documents {
				if d.Index.Documents[i].Digest == old {
					d.Index.Documents[i].Digest = fresh
				}
			}
			return rerecordRaw(t, d, old.Hex(), fresh.Hex())
		}},
		"document missing": {provenance.CodeEvidenceMissing, func(t *testing.T, d *dossier.Dossier) []byte {
			delete(d.Blobs, document(t, d, "README.md").Digest)
			return whole(t, d)
		}},
		"document missing, and not named": {provenance.CodeEvidenceMissing, func(t *testing.T, d *dossier.Dossier) []byte {
			gone := document(t, d, "README.md")
			delete(d.Blobs, gone.Digest)
			d.Index.Documents = slices.DeleteFunc(d.Index.Documents, func(doc dossier.Document) bool { return doc == gone })
			return whole(t, d)
		}},
		"extra blob": {provenance.CodeEvidenceExtra, func(t *testing.T, d *dossier.Dossier) []byte {
			d.Add([]byte("extra"))
			return whole(t, d)
		}},
		"extra document": {provenance.CodeEvidenceExtra, func(t *testing.T, d *dossier.Dossier) []byte {
			d.Index.Documents = append(d.Index.Documents, dossier.Document{Path: "NOTICE", Digest: d.Add([]byte("extra"))})
			return whole(t, d)
		}},
		"extra entry": {provenance.CodeEvidenceExtra, func(t *testing.T, d *dossier.Dossier) []byte {
			return whole(t, d, tar.Header{Name: "README"})
		}},
		"signature removed": {provenance.CodeEvidenceSignature, func(t *testing.T, d *dossier.Dossier) []byte {
			stripped(d)
			return whole(t, d)
		}},
		"signature of another artifact": {provenance.CodeEvidenceSignature, func(t *testing.T, d *dossier.Dossier) []byte {
			stripped(d)
			d.Index.Referrers, d.Index.Attached = other.Index.Referrers, other.Index.Attached
			for _, digest := range append(slices.Clone(d.Index.Attached), d.Index.Referrers[0].Digest) {
				d.Blobs[digest] = other.Blobs[digest]
			}
			return whole(t, d)
		}},
		"OCI manifest edited": {provenance.CodeEvidenceDigest, func(t *testing.T, d *dossier.Dossier) []byte {
			first := d.Index.Manifests[0].Digest
			d.Blobs[first] = append(slices.Clone(d.Blobs[first]), ' ')
			return whole(t, d)
		}},
		"OCI manifest of another": {provenance.CodeEvidenceArtifact, func(t *testing.T, d *dossier.Dossier) []byte {
			first := d.Index.Manifests[0].Digest
			d.Index.Manifests[0].Digest = d.Add(append(slices.Clone(d.Blobs[first]), ' '))
			delete(d.Blobs, first)
			return whole(t, d)
		}},
		"duplicate entry": {provenance.CodeEvidenceDuplicate, func(t *testing.T, d *dossier.Dossier) []byte {
			return whole(t, d, tar.Header{Name: "manifest.json"})
		}},
		"path traversal": {provenance.CodeEvidenceUnsafeName, func(t *testing.T, d *dossier.Dossier) []byte {
			return whole(t, d, tar.Header{Name: "blobs/sha256/../../../etc/passwd"})
		}},
		"absolute path": {provenance.CodeEvidenceUnsafeName, func(t *testing.T, d *dossier.Dossier) []byte {
			return whole(t, d, tar.Header{Name: "/etc/passwd"})
		}},
		"symbolic link": {provenance.CodeEvidenceMalformed, func(t *testing.T, d *dossier.Dossier) []byte {
			return whole(t, d, tar.Header{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"})
		}},
		"hard link": {provenance.CodeEvidenceMalformed, func(t *testing.T, d *dossier.Dossier) []byte {
			return whole(t, d, tar.Header{Name: "link", Typeflag: tar.TypeLink, Linkname: "manifest.json"})
		}},
		"truncated in an entry": {provenance.CodeEvidenceTruncated, func(t *testing.T, d *dossier.Dossier) []byte {
			return whole(t, d)[:3000]
		}},
		"truncated between entries": {provenance.CodeEvidenceTruncated, func(t *testing.T, d *dossier.Dossier) []byte {
			data := whole(t, d)
			return data[:len(data)-1024]
		}},
		"bytes behind the end": {provenance.CodeEvidenceMalformed, func(t *testing.T, d *dossier.Dossier) []byte {
			return append(whole(t, d), make([]byte, 512)...)
		}},
		"unknown member of the index": {provenance.CodeEvidenceMalformed, func(t *testing.T, d *dossier.Dossier) []byte {
			return bytes.Replace(whole(t, d), []byte(`"schemaVersion"`), []byte(`"schemaversion"`), 1)
		}},
		"root swapped": {provenance.CodeEvidenceDigest, func(t *testing.T, d *dossier.Dossier) []byte {
			d.Blobs[d.Index.Trust[0].Digest] = []byte("-----BEGIN PUBLIC KEY-----\n")
			return whole(t, d)
		}},
		"not a bundle": {provenance.CodeEvidenceTruncated, func(*testing.T, *dossier.Dossier) []byte { return []byte("PK") }},
	}
}

func stripped(d *dossier.Dossier) {
	for _, digest := range append(slices.Clone(d.Index.Attached), d.Index.Referrers[0].Digest) {
		delete(d.Blobs, digest)
	}
	d.Index.Referrers, d.Index.Attached = nil, nil
}

func weightsOf(t testing.TB, d *dossier.Dossier) string {
	t.Helper()
	m, err := provenance.Decode(d.Record)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range m.Files {
		if f.Path == "model.safetensors" {
			return f.Digest.Hex()
		}
	}
	t.Fatal("no weights")
	return ""
}

// rerecordRaw replaces a document's digest everywhere but in layers' names.
func rerecordRaw(t testing.TB, d *dossier.Dossier, before, after string) []byte {
	t.Helper()
	return rerecord(t, d, func(m *provenance.Manifest) {
		fresh, err := artifact.ParseDigest("sha256:" + after)
		if err != nil {
			t.Fatal(err)
		}
		swap := func(digest *artifact.Digest) {
			if digest.Hex() == before {
				*digest = fresh
			}
		}
		for i := range m.Files {
			if m.Files[i].Digest.Hex() == before {
				m.Files[i].Size = int64(len(d.Blobs[fresh]))
			}
			swap(&m.Files[i].Digest)
		}
		for i := range m.Claims {
			for j := range m.Claims[i].Observations {
				swap(&m.Claims[i].Observations[j].Source.Digest)
			}
		}
		m.Licensing, m.Lineage = nil, nil
	})
}

// TestEvidenceRefusesEdits: each edited bundle is denied for the right reason,
// with the right key at hand.
func TestEvidenceRefusesEdits(t *testing.T) {
	original := evidenceOf(t, byDemoKey(t), "oci-layout:"+demoLayout+":v1")
	if r := recheck(t, byDemoKey(t), original); !r.Verdict.Allowed() || r.Rechecked.Signatures != 1 {
		t.Fatalf("the original: %v", r.Verdict)
	}
	l := newLayoutWriter()
	l.sign(t, l.files(t, "v1", namedFile{"model.safetensors", demoFile(t, "model.safetensors")}))
	dir := t.TempDir()
	l.write(t, dir)
	other, err := dossier.Read(evidenceOf(t, byDemoKey(t), "oci-layout:"+dir+":v1"))
	if err != nil {
		t.Fatal(err)
	}
	for name, e := range edits(other) {
		t.Run(name, func(t *testing.T) {
			d, err := dossier.Read(original)
			if err != nil {
				t.Fatal(err)
			}
			edited := e.make(t, d)
			if bytes.Equal(edited, original) {
				t.Fatal("the edit changes nothing")
			}
			r := recheck(t, byDemoKey(t), edited)
			if r.Verdict.Outcome != policy.Deny || !slices.Contains(codesOf(r.Verdict), e.want) {
				t.Errorf("%v %q, want a denial by %q", r.Verdict.Outcome, codesOf(r.Verdict), e.want)
			}
			if again := recheck(t, resolved(t, policy.Settings{AllowUnsigned: true}), edited); again.Verdict.Allowed() && e.want != provenance.CodeEvidenceSignature {
				t.Errorf("allowed where nobody has to sign: %v", again.Verdict)
			}
		})
	}
}

// Trust comes from who verifies, and from nowhere else.
func TestEvidenceTrustsNothingInside(t *testing.T) {
	original := evidenceOf(t, byDemoKey(t), "oci-layout:"+demoLayout+":v1")
	if r := recheck(t, resolved(t, policy.Settings{}), original); r.Verdict.Outcome != policy.Hold || r.Rechecked.Signatures != 0 {
		t.Errorf("without trust, and with the key inside: %v", r.Verdict)
	}
	other := resolved(t, policy.Settings{KeyFiles: []string{"../../testdata/keys/other.pub"}})
	if r := recheck(t, other, original); r.Verdict.Outcome != policy.Deny || !slices.Contains(codesOf(r.Verdict), provenance.CodeEvidenceSignature) {
		t.Errorf("with another key: %v", r.Verdict)
	}
	// The key inside swapped for another, well: nothing changes.
	d, err := dossier.Read(original)
	if err != nil {
		t.Fatal(err)
	}
	delete(d.Blobs, d.Index.Trust[0].Digest)
	d.Index.Trust[0].Digest = d.Add([]byte("another key"))
	swapped, err := dossier.Write(d)
	if err != nil {
		t.Fatal(err)
	}
	if r := recheck(t, byDemoKey(t), swapped); !r.Verdict.Allowed() {
		t.Errorf("the verifier's own key: %v", r.Verdict)
	}
	if r := recheck(t, other, swapped); r.Verdict.Outcome != policy.Deny {
		t.Errorf("another key: %v", r.Verdict)
	}
}

// A finding that documents show cannot be left out of the record.
func TestEvidenceMissesFindings(t *testing.T) {
	allow := resolved(t, policy.Settings{AllowUnsigned: true})
	d, err := dossier.Read(evidenceOf(t, allow, "dir:"+fixtures.Dir(t, "models", "deepseek-v3")))
	if err != nil {
		t.Fatal(err)
	}
	gone := 0
	edited := rerecord(t, d, func(m *provenance.Manifest) {
		all := len(m.Findings)
		m.Findings = slices.DeleteFunc(m.Findings, func(f provenance.Finding) bool {
			return f.ID == provenance.CodeCodeOnLoad && f.Subject == "config.json"
		})
		gone = all - len(m.Findings)
	})
	if gone == 0 {
		t.Fatal("no such finding")
	}
	if r := recheck(t, allow, edited); !slices.Contains(codesOf(r.Verdict), provenance.CodeEvidenceClaims) {
		t.Errorf("%v", r.Verdict)
	}
}

// A record of another version of the tool is not taken to be wrong, nor right.
func TestEvidenceByOtherRules(t *testing.T) {
	d, err := dossier.Read(evidenceOf(t, byDemoKey(t), "oci-layout:"+demoLayout+":v1"))
	if err != nil {
		t.Fatal(err)
	}
	data := rerecord(t, d, func(m *provenance.Manifest) { m.Generator.Version = "elsewhen" })
	if r := recheck(t, byDemoKey(t), data); r.Verdict.Outcome != policy.Hold || !slices.Contains(codesOf(r.Verdict), provenance.CodeEvidenceForeign) {
		t.Errorf("%v", r.Verdict)
	}
}
