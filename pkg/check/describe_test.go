package check_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

// huge is 2 GiB of weights of which only the header is there.
const huge = 2 << 30

func hugeFile(t *testing.T, name string) (size int64) {
	t.Helper()
	header := fmt.Sprintf(`{"w":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}`, huge, huge)
	b := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
	size = int64(len(b)) + huge
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, size); err != nil {
		t.Fatal(err)
	}
	return size
}

// hugeLayout holds it under a digest that is not its own: nobody may find out
// without reading all of it, and nobody may believe it either.
func hugeLayout(t *testing.T) (dir string, manifest artifact.Descriptor) {
	t.Helper()
	dir = t.TempDir()
	l := newLayoutWriter()
	layer := map[string]any{"mediaType": "application/vnd.cncf.model.weight.v1.raw", "digest": "sha256:" + strings.Repeat("ab", 32),
		"annotations": map[string]string{"org.cncf.model.filepath": "model.safetensors"}}
	file := filepath.Join(t.TempDir(), "huge")
	layer["size"] = hugeFile(t, file)
	manifest = l.manifest(l.image(t, []map[string]any{layer}), "v1", "")
	l.write(t, dir)
	if err := os.Rename(file, filepath.Join(dir, "blobs/sha256", strings.Repeat("ab", 32))); err != nil {
		t.Fatal(err)
	}
	return dir, manifest
}

// serveLayout is a registry over a layout, with ranges or without, or with
// ranges that lie.
func serveLayout(t *testing.T, dir, ranges string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, name, _ := strings.Cut(r.URL.Path, "/acme/huge/")
		kind, name, _ := strings.Cut(name, "/")
		if kind != "manifests" && kind != "blobs" || !strings.HasPrefix(name, "sha256:") {
			http.NotFound(w, r)
			return
		}
		file := filepath.Join(dir, "blobs/sha256", strings.TrimPrefix(name, "sha256:"))
		if kind == "manifests" {
			w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
		}
		switch {
		case ranges == "no":
			r.Header.Del("Range")
		case ranges == "lie" && r.Header.Get("Range") != "":
			r.Header.Set("Range", "bytes=8-16391")
		}
		http.ServeFile(w, r, file)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://") + "/acme/huge"
}

// TestDescribeReadsHeaders: below 0.1 % of a large model, said as unverified,
// and without influence on record or verdict.
func TestDescribeReadsHeaders(t *testing.T) {
	dir, manifest := hugeLayout(t)
	tree := t.TempDir()
	hugeFile(t, filepath.Join(tree, "model.safetensors"))
	if err := os.WriteFile(filepath.Join(tree, "config.json"), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		ref     string
		missing string
	}{
		"layout":               {"oci-layout:" + dir + ":v1", ""},
		"folder":               {"dir:" + tree, ""},
		"registry":             {serveLayout(t, dir, "yes") + "@" + manifest.Digest.String(), ""},
		"registry, no ranges":  {serveLayout(t, dir, "no") + "@" + manifest.Digest.String(), "whole blobs only"},
		"registry, other ones": {serveLayout(t, dir, "lie") + "@" + manifest.Digest.String(), "Content-Range"},
	} {
		t.Run(name, func(t *testing.T) {
			c := puller(t, unsigned(t), nil)
			r, err := c.Describe(t.Context(), refTo(t, tc.ref))
			if err != nil || len(r.Unread) != 1 {
				t.Fatalf("%+v %v", r, err)
			}
			u := r.Unread[0]
			if tc.missing != "" {
				if u.Header != nil || !strings.Contains(u.HeaderMissing, tc.missing) {
					t.Errorf("%+v", u)
				}
			} else if u.Header == nil || u.Header.Tensors != 1 || u.Header.Elements != huge || u.HeaderMissing != "" {
				t.Errorf("%+v %+v", u, u.Header)
			}
			if r.Bytes.Peeked*1000 > u.Size {
				t.Errorf("%d bytes were read of %d", r.Bytes.Peeked, u.Size)
			}
			noVerdict(t, r)
		})
	}
}

// noVerdict: what a header seems to say stands in one place only.
func noVerdict(t *testing.T, r *check.Report) {
	t.Helper()
	if r.Verdict.Allowed() || r.Verdict.Outcome != policy.Undecided || !r.ManifestDigest.IsZero() || r.ManifestBytes() != nil {
		t.Errorf("%+v", r.Verdict)
	}
	if r.Manifest != nil && len(r.Unread) > 0 && r.Resolved == nil && !r.Manifest.Subject.IsZero() {
		t.Errorf("a part of a folder has the identity %v", r.Manifest.Subject)
	}
	record, err := json.Marshal(r.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{fmt.Sprint(huge), "model.safetensors", `"U8"`} {
		if strings.Contains(string(record), word) {
			t.Errorf("the record says %s", word)
		}
	}
}

// TestDescribeFull: every byte hashed, recorded, and still no verdict; a wrong
// byte denies.
func TestDescribeFull(t *testing.T) {
	l := newLayoutWriter()
	big := namedFile{"model.safetensors", packed(t, weight{"w", "U8", strings.Repeat("x", 2<<20)})}
	l.files(t, "v1", big)
	dir := t.TempDir()
	l.write(t, dir)
	ref := refTo(t, "oci-layout:"+dir+":v1")
	c := puller(t, unsigned(t), nil)
	full, err := c.DescribeFull(t.Context(), ref)
	if err != nil || !full.Inspected || full.Verdict.Outcome != policy.Undecided || len(full.Unread) != 0 || full.Bytes.Hashed < 2<<20 {
		t.Fatalf("%+v %v", full, err)
	}
	examined, err := c.Examine(t.Context(), ref)
	if err != nil || !examined.Verdict.Allowed() || examined.ManifestDigest != full.ManifestDigest {
		t.Errorf("%v %v, %v", examined.ManifestDigest, full.ManifestDigest, err)
	}
	bad := append([]byte(nil), big.data...)
	bad[len(bad)-1] ^= 1
	if err := os.WriteFile(blobFile(dir, big.data), bad, 0o644); err != nil {
		t.Fatal(err)
	}
	if r, err := c.DescribeFull(t.Context(), ref); err != nil || r.Verdict.Outcome != policy.Deny || r.Verdict.Allowed() {
		t.Errorf("%+v %v", r.Verdict, err)
	}
}
