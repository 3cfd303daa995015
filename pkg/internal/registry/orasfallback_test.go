package registry

import (
	"bytes"
	"io"
	"log"
	"net/http/httptest"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/modelcheck/modelcheck/pkg/artifact"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	orasremote "oras.land/oras-go/v2/registry/remote"
)

// Another client keeps the same fallback tag: what it lists, we keep and list,
// and it lists what we attach.
func TestAttachBesideOras(t *testing.T) {
	srv := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer srv.Close()
	name := srv.Listener.Addr().String() + "/" + repo
	theirs, err := orasremote.NewRepository(name)
	must(t, err)
	theirs.PlainHTTP = true
	s := openStore(t, testConfig(nil), name+":v1")
	must(t, theirs.Push(t.Context(), content.NewDescriptorFromBytes("", []byte("{}")), bytes.NewReader([]byte("{}"))))
	var want []artifact.Digest
	for _, salt := range []string{"1", "2"} {
		body := referrerOf(theSubject.Digest, salt)
		must(t, theirs.Push(t.Context(), content.NewDescriptorFromBytes(typeOCIManifest, body), bytes.NewReader(body)))
		got, err := s.Attach(t.Context(), attachmentOf(theSubject, salt))
		must(t, err)
		want = append(want, artifact.SumSHA256(body), got.Digest)
		checkListed(t, s, theSubject.Digest, want...)
	}
	listed := map[string]ocispec.Descriptor{}
	subject := content.NewDescriptorFromBytes(typeOCIManifest, []byte("subject"))
	must(t, theirs.Referrers(t.Context(), subject, "", func(found []ocispec.Descriptor) error {
		for _, d := range found {
			listed[d.Digest.String()] = d
		}
		return nil
	}))
	if len(listed) != len(want) {
		t.Errorf("%d referrers, want %d", len(listed), len(want))
	}
	for _, d := range want {
		if got := listed[d.String()]; got.ArtifactType != "application/x.sig" || got.Annotations["salt"] == "" {
			t.Errorf("%v: %+v", d, got)
		}
	}
}
