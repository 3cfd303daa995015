package registry

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// lists answers the catalog and the tags of a registry.
func lists(f *fake, answers map[string]string) {
	f.fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
		body, ok := answers[r.URL.RequestURI()]
		if !ok {
			return false
		}
		if link, rest, ok := strings.Cut(body, "|"); ok {
			w.Header().Set("Link", fmt.Sprintf(`<%s>; rel="next"`, link))
			body = rest
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, body)
		return true
	}
}

func newTestClient(t *testing.T) *Client {
	t.Helper()
	c, err := New(testConfig(nil))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const catalogPath = "/v2/_catalog?n=1000"

func TestRepositories(t *testing.T) {
	f := newFake(t)
	c := newTestClient(t)
	lists(f, map[string]string{
		catalogPath:               `/v2/_catalog?last=b&n=2|{"repositories":["acme/tiny","acmeother/x","other/acme/x"]}`,
		"/v2/_catalog?last=b&n=2": `{"repositories":["acme/big/v2","acme","acme/tiny"]}`,
	})
	for namespace, want := range map[string][]string{
		"acme":      {"acme", "acme/big/v2", "acme/tiny"},
		"acme/tiny": {"acme/tiny"},
		"acm":       nil,
		"":          {"acme", "acme/big/v2", "acme/tiny", "acmeother/x", "other/acme/x"},
	} {
		if got, err := c.Repositories(t.Context(), f.host(), namespace); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v", namespace, got, err)
		}
	}
}

// TestCatalogLies: a catalog that cannot be true, or that ends in the middle,
// is no list.
func TestCatalogLies(t *testing.T) {
	for name, answers := range map[string]map[string]string{
		"a path":              {catalogPath: `{"repositories":["acme/../../etc"]}`},
		"escape codes":        {catalogPath: `{"repositories":["acme/\u001b[31m"]}`},
		"a tag in it":         {catalogPath: `{"repositories":["acme/x:v1"]}`},
		"another host":        {catalogPath: `{"repositories":["acme/x","https://evil.example/acme/x"]}`},
		"upper case":          {catalogPath: `{"repositories":["acme/Tiny"]}`},
		"an empty name":       {catalogPath: `{"repositories":[""]}`},
		"two lists":           {catalogPath: `{"repositories":["acme/x"],"repositories":[]}`},
		"no list":             {catalogPath: `<html>`},
		"no strings":          {catalogPath: `{"repositories":[1]}`},
		"a loop":              {catalogPath: catalogPath + `|{"repositories":["acme/x"]}`},
		"another registry":    {catalogPath: `https://evil.example/v2/_catalog|{"repositories":["acme/x"]}`},
		"a page is missing":   {catalogPath: `/v2/_catalog?last=x|{"repositories":["acme/x"]}`},
		"more than anybody's": {catalogPath: `{"repositories":[` + strings.TrimSuffix(strings.Repeat(`"acme/x",`, maxRepositories+1), ",") + `]}`},
	} {
		f := newFake(t)
		lists(f, answers)
		// Everything is asked for, so that nothing is passed over as foreign.
		if got, err := newTestClient(t).Repositories(t.Context(), f.host(), ""); err == nil || got != nil || errors.Is(err, ErrNoCatalog) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// TestNoCatalog: a registry that does not list is told apart from one that
// lists nothing and from one that cannot be asked.
func TestNoCatalog(t *testing.T) {
	for status, none := range map[int]bool{401: true, 403: true, 404: true, 405: true, 501: true, 418: false, 500: false} {
		f := newFake(t)
		f.fault = func(w http.ResponseWriter, _ *http.Request, _ int) bool { w.WriteHeader(status); return true }
		got, err := newTestClient(t).Repositories(t.Context(), f.host(), "acme")
		if err == nil || got != nil || errors.Is(err, ErrNoCatalog) != none {
			t.Errorf("%d: %q, %v", status, got, err)
		}
	}
	f := newFake(t)
	lists(f, map[string]string{catalogPath: `{"repositories":[]}`})
	if got, err := newTestClient(t).Repositories(t.Context(), f.host(), "acme"); err != nil || len(got) > 0 {
		t.Errorf("%q, %v", got, err)
	}
}

func TestTags(t *testing.T) {
	const path = "/v2/acme/tiny/tags/list"
	hex := strings.Repeat("0a", 32)
	f := newFake(t)
	c := newTestClient(t)
	lists(f, map[string]string{path: `{"name":"acme/tiny","tags":["v2","sha256-` + hex + `","sha256-` + hex + `.sig","sha256-` + hex + `.att","sha256-x","latest","v2"]}`})
	if got, err := c.Tags(t.Context(), f.host(), repo); err != nil || !slices.Equal(got, []string{"latest", "sha256-x", "v2"}) {
		t.Errorf("%q, %v", got, err)
	}
	for name, body := range map[string]string{
		"another repository": `{"name":"acme/other","tags":["v1"]}`,
		"no repository":      `{"tags":["v1"]}`,
		"no tag":             `{"name":"acme/tiny","tags":["v1 x"]}`,
		"a digest":           `{"name":"acme/tiny","tags":["v1@sha256:` + hex + `x"]}`,
		"an empty tag":       `{"name":"acme/tiny","tags":[""]}`,
		"no list":            `{"name":"acme/tiny","tags":"v1"}`,
	} {
		lists(f, map[string]string{path: body})
		if got, err := c.Tags(t.Context(), f.host(), repo); err == nil || got != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	lists(f, map[string]string{path: `{"name":"acme/tiny","tags":null}`})
	if got, err := c.Tags(t.Context(), f.host(), repo); err != nil || len(got) > 0 {
		t.Errorf("no tags: %q, %v", got, err)
	}
}

// TestCatalogScope: for the list of repositories, and for nothing else, a token
// for the catalog is asked for.
func TestCatalogScope(t *testing.T) {
	f := newFake(t)
	var scopes []string
	f.fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
		switch {
		case r.URL.Path == "/token":
			scopes = append(scopes, r.URL.Query()["scope"]...)
			io.WriteString(w, `{"token":"t"}`)
		case r.Header.Get("Authorization") == "":
			w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+f.host()+`/token",service="reg",scope="repository:*:push"`)
			w.WriteHeader(http.StatusUnauthorized)
		case strings.HasSuffix(r.URL.Path, "tags/list"):
			io.WriteString(w, `{"name":"acme/tiny","tags":["v1"]}`)
		default:
			io.WriteString(w, `{"repositories":["acme/tiny"]}`)
		}
		return true
	}
	c := newTestClient(t)
	if _, err := c.Repositories(t.Context(), f.host(), "acme"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Tags(t.Context(), f.host(), repo); err != nil {
		t.Fatal(err)
	}
	if want := []string{"registry:catalog:*", "repository:acme/tiny:pull"}; !slices.Equal(scopes, want) {
		t.Errorf("scopes %q, want %q", scopes, want)
	}
}
