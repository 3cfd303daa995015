//go:build e2e

package main_test

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// copied is what `modelcheck copy` says that it put at the destination.
type copied struct {
	Blobs     int   `json:"blobs"`
	Bytes     int64 `json:"bytes"`
	Existed   int   `json:"existed"`
	Mounted   int   `json:"mounted"`
	Referrers int   `json:"referrers"`
	Further   int   `json:"further"`
	NotCopied []any `json:"notCopied"`
}

// listings are the ways in which the two registries list referrers, as oras
// calls them.
var listings = map[string]string{"distribution": "v1.1-referrers-tag", "ggcr": "v1.1-referrers-api"}

// TestE2ECopy: what cosign signed and attested in one registry, modelcheck and
// cosign accept where `modelcheck copy` put it, and under no other key; within
// one registry blobs are mounted.
func TestE2ECopy(t *testing.T) {
	p := startPublisher(t)
	u := newUser(t, p.workshop)
	distribution, ggcr := p.registries[0], p.registries[1]
	sources, boms := map[*testRegistry]published{}, map[*testRegistry]string{}
	for _, reg := range p.registries {
		// A model of its own: what the destination has already is not sent.
		files := tinyModel()
		files["model.safetensors"] = safetensors([]tensor{{"of." + reg.name, "BF16"}})
		folder := t.TempDir()
		writeFiles(t, folder, files)
		a := p.push(t, reg, "copy/source", folder)
		p.signByKey(t, a, p.key)
		p.attest(t, a, p.key)
		p.signOlder(t, a, p.key)
		p.write(t, "sbom.json", []byte(`{"spdxVersion":"SPDX-2.3"}`))
		var attached struct {
			Digest string `json:"digest"`
		}
		parse(t, p.run(t, "oras", "attach", "--plain-http", "--no-tty", "--format", "json", "--artifact-type", "application/spdx+json", a.pinned(), "sbom.json:application/spdx+json"), &attached)
		boms[reg] = attached.Digest
		p.signByKey(t, published{a.repository, attached.Digest}, p.key)
		sources[reg] = a
	}
	for _, way := range []struct {
		name     string
		from, to *testRegistry
	}{
		{"distribution-ggcr", distribution, ggcr},
		{"ggcr-distribution", ggcr, distribution},
		{"distribution-itself", distribution, distribution},
	} {
		t.Run(way.name, func(t *testing.T) {
			from := sources[way.from]
			to := published{repository: way.to.host + "/copied/" + way.name, digest: from.digest}
			o := u.judge(t, "copy", "--key", p.key.public, from.tag(), to.tag())
			o.expect(t, exitAllow, "allow", "")
			// The model's three files and its config; two bundles, one signature
			// under cosign's older tag, and the SBOM, which is signed itself.
			c := o.Copied
			if c == nil || c.Blobs != 4 || c.Referrers != 4 || c.Further != 1 || len(c.NotCopied) != 0 {
				t.Fatalf("copied: %+v", c)
			}
			if mounts := way.from == way.to; mounts && c.Mounted != c.Blobs || !mounts && c.Mounted > 0 || mounts != (c.Bytes == 0) {
				t.Errorf("copied: %+v", c)
			}
			u.verify(t, "--key", p.key.public, to.pinned()).expect(t, exitAllow, "allow", "")
			u.verify(t, "--key", p.key.public, to.tag()).expect(t, exitAllow, "allow", "")
			other := u.verify(t, "--key", p.otherKey.public, to.pinned())
			other.expect(t, exitDeny, "deny", "")
			if got := other.codes(); !slices.Equal(got, []string{"not-a-signature", "signature-wrong-key"}) {
				t.Errorf("another key is denied for %q", got)
			}
			p.cosignVerifies(t, to, p.key.public)
			p.cosignVerifies(t, published{to.repository, boms[way.from]}, p.key.public)
			p.cosignRefuses(t, published{to.repository, boms[way.from]}, p.otherKey.public)
			p.cosignAttested(t, to, p.key.public)
			p.cosignRefuses(t, to, p.otherKey.public)
			// Each registry lists in its own way what came along, and cosign's
			// older tag stands for the same bytes.
			want, got := p.listed(t, from, listings[way.from.name]), p.listed(t, to, listings[way.to.name])
			if len(want) != 3 || !slices.Equal(got, want) {
				t.Errorf("attached: %q, want %q", got, want)
			}
			if !bytes.Equal(p.olderSignature(t, to), p.olderSignature(t, from)) {
				t.Error("the signature under the older tag is another one")
			}
		})
	}
}

// TestE2ECopyRefusals: what must be refused is not copied either, for the same
// reason, and the destination has not even a repository of the name.
func TestE2ECopyRefusals(t *testing.T) {
	p := startPublisher(t)
	u := newUser(t, p.workshop)
	for _, from := range p.registries {
		for _, r := range refusals {
			args := r.publish(t, p, from)
			for _, to := range p.registries {
				t.Run(from.name+"-"+to.name+"/"+r.name, func(t *testing.T) {
					repository := "not-copied/" + from.name + "/" + r.name
					o := u.judge(t, "copy", append(args, to.host+"/"+repository+":v1")...)
					o.expect(t, r.exit, r.outcome, r.code)
					if o.Copied != nil {
						t.Errorf("copied: %+v", o.Copied)
					}
					to.unknown(t, repository)
				})
			}
		}
	}
}

// unknown wants the registry not to know the repository.
func (r *testRegistry) unknown(t *testing.T, repository string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.host+"/v2/"+repository+"/tags/list", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusNotFound {
		t.Errorf("listing the tags of %s: %s", repository, res.Status)
	}
}

// cosignAttested lets the real cosign verify the statement that attest made.
func (b *bed) cosignAttested(t *testing.T, p published, public string) {
	t.Helper()
	b.run(t, "cosign", "verify-attestation", "--allow-http-registry", "--insecure-ignore-tlog",
		"--trusted-root", b.trustedRoot, "--key", public, "--type", "https://example.com/scan/v1", p.pinned())
}

// cosignRefuses wants the real cosign to refuse a key.
func (b *bed) cosignRefuses(t *testing.T, p published, public string) {
	t.Helper()
	code, err := exitCode(b.command(beforeDeadline(t), "cosign", "verify", "--allow-http-registry", "--insecure-ignore-tlog",
		"--trusted-root", b.trustedRoot, "--key", public, p.pinned()).Run())
	if err != nil || code == 0 {
		t.Errorf("cosign verifies %s under another key: exit %d, %v", p.pinned(), code, err)
	}
}

// listed is the digests of what refers to p, asked for in one way only.
func (b *bed) listed(t *testing.T, p published, listing string) []string {
	t.Helper()
	var found struct {
		Referrers []struct {
			Digest string `json:"digest"`
		} `json:"referrers"`
	}
	parse(t, b.run(t, "oras", "discover", "--plain-http", "--distribution-spec", listing, "--format", "json", p.pinned()), &found)
	var list []string
	for _, r := range found.Referrers {
		list = append(list, r.Digest)
	}
	slices.Sort(list)
	return list
}

// olderSignature fetches the manifest under cosign's older tag.
func (b *bed) olderSignature(t *testing.T, p published) []byte {
	t.Helper()
	return b.run(t, "oras", "manifest", "fetch", "--plain-http", p.repository+":"+strings.Replace(p.digest, ":", "-", 1)+".sig")
}
