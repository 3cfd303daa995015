package registry

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// The whole way against somebody else's registry, with the referrers API and
// with the fallback tag.
func TestOtherRegistry(t *testing.T) {
	for _, api := range []bool{true, false} {
		name := "fallback tag"
		if api {
			name = "API"
		}
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(registry.New(registry.WithReferrersSupport(api), registry.Logger(log.New(io.Discard, "", 0))))
			defer srv.Close()
			put := func(path, mediaType string, body []byte) artifact.Descriptor {
				t.Helper()
				method := http.MethodPut
				if mediaType == "" {
					method, path = http.MethodPost, "blobs/uploads/?digest="+digestOf(body)
				}
				req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+"/v2/"+repo+"/"+path, bytes.NewReader(body))
				must(t, err)
				req.Header.Set("Content-Type", mediaType)
				resp, err := http.DefaultClient.Do(req)
				must(t, err)
				resp.Body.Close()
				if resp.StatusCode != http.StatusCreated {
					t.Fatalf("%s %s: %s", method, path, resp.Status)
				}
				return describe(mediaType, body)
			}
			data := randomBytes(100_000)
			layer := put("", "", data)
			put("", "", []byte("{}"))
			body := manifestOf(layer)
			want := put("manifests/v1", typeOCIManifest, body)
			sig := referrerOf(want.Digest, "1")
			signature := put("manifests/"+digestOf(sig), typeOCIManifest, sig)
			if !api {
				put("manifests/"+fallbackTag(want.Digest), typeOCIIndex, indexOf(signature))
			}

			s := openStore(t, testConfig(nil), srv.Listener.Addr().String()+"/"+repo+":v1")
			r, err := s.Resolve(t.Context())
			must(t, err)
			if r.Descriptor.Digest != want.Digest || r.Descriptor.MediaType != typeOCIManifest || !bytes.Equal(r.Body, body) {
				t.Errorf("%+v", r.Descriptor)
			}
			got, err := s.Bytes(t.Context(), layer, 1<<20)
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("%d bytes, error %v", len(got), err)
			}
			found, err := s.Referrers(t.Context(), want.Digest)
			must(t, err)
			if len(found) != 1 || found[0].Err != nil || !bytes.Equal(found[0].Body, sig) {
				t.Errorf("%+v", found)
			}
			if wantLayout := map[bool]string{true: layoutAPI, false: layoutTag}[api]; found[0].Layout != wantLayout {
				t.Errorf("layout %s, want %s", found[0].Layout, wantLayout)
			}
			if none, err := s.Referrers(t.Context(), signature.Digest); err != nil || len(none) != 0 {
				t.Errorf("%+v, error %v", none, err)
			}
		})
	}
}
