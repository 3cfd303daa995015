package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

func TestReferrers(t *testing.T) {
	subject := artifact.SumSHA256([]byte("subject"))
	stranger := artifact.SumSHA256([]byte("stranger"))
	put := func(f *fake, subject artifact.Digest, salt string) artifact.Descriptor {
		return f.putManifest("", typeOCIManifest, referrerOf(subject, salt))
	}
	type errs []error // of each referrer, in order
	for _, tc := range []struct {
		name   string
		setup  func(f *fake)
		want   error
		each   errs
		layout string
	}{
		{name: "none", each: errs{}},
		{name: "none, without API", setup: func(f *fake) { f.api = false }, each: errs{}},
		{name: "two, list with charset", layout: layoutAPI, each: errs{nil, nil}, setup: func(f *fake) {
			f.listed[subject.String()] = indexOf(put(f, subject, "1"), put(f, subject, "2"))
		}},
		{name: "fallback tag", layout: layoutTag, each: errs{nil}, setup: func(f *fake) {
			f.api = false
			f.putManifest("sha256-"+subject.Hex(), typeOCIIndex, indexOf(put(f, subject, "1")))
		}},
		{name: "API that knows nothing of the fallback tag", layout: layoutTag, each: errs{nil}, setup: func(f *fake) {
			f.putManifest("sha256-"+subject.Hex(), typeOCIIndex, indexOf(put(f, subject, "1")))
		}},
		{name: "twice the same", layout: layoutAPI, each: errs{nil}, setup: func(f *fake) {
			d := put(f, subject, "1")
			f.listed[subject.String()] = indexOf(d, d)
		}},
		{name: "foreign subject", layout: layoutAPI, each: errs{nil, ErrForeignSubject, ErrForeignSubject}, setup: func(f *fake) {
			none := f.putManifest("", typeOCIManifest, manifestOf(describe("", nil)))
			f.listed[subject.String()] = indexOf(put(f, subject, "1"), put(f, stranger, "2"), none)
		}},
		{name: "one missing, one altered, one too large, one malformed", layout: layoutAPI,
			each: errs{ErrNotFound, artifact.ErrDigestMismatch, ErrLimit, ErrResponse, nil}, setup: func(f *fake) {
				missing := describe(typeOCIManifest, referrerOf(subject, "missing"))
				altered := put(f, subject, "a")
				f.manifests[altered.Digest.String()] = stored{typeOCIManifest, referrerOf(subject, "b")}
				large := put(f, subject, "large")
				large.Size = maxManifest + 1
				malformed := f.putManifest("", typeOCIManifest, []byte(`{"subject":{"digest":"`+subject.String()+`"},"subject":{}}`))
				f.listed[subject.String()] = indexOf(missing, altered, large, malformed, put(f, subject, "good"))
			}},
		{name: "a digest that is none", layout: layoutAPI, each: errs{artifact.ErrBadDigest}, setup: func(f *fake) {
			f.listed[subject.String()] = []byte(`{"schemaVersion":2,"manifests":[{"mediaType":"x","digest":"sha256:../../x","size":1}]}`)
		}},
		{name: "no list", want: ErrResponse, setup: func(f *fake) { f.listed[subject.String()] = []byte(`{"schemaVersion":2}`) }},
		{name: "malformed list", want: ErrResponse, setup: func(f *fake) { f.listed[subject.String()] = []byte(`{"schemaVersion":2,"manifests":[`) }},
		{name: "ambiguous list", want: ErrResponse, setup: func(f *fake) {
			f.listed[subject.String()] = []byte(`{"schemaVersion":2,"manifests":[],"Manifests":[{"mediaType":"x","digest":"sha256:x","size":1}]}`)
		}},
		{name: "1,001", want: ErrLimit, setup: func(f *fake) {
			var list []artifact.Descriptor
			for i := range maxReferrers + 1 {
				list = append(list, describe(typeOCIManifest, fmt.Append(nil, i)))
			}
			f.listed[subject.String()] = indexOf(list...)
		}},
		{name: "17 MiB", want: ErrLimit, setup: func(f *fake) {
			var list []artifact.Descriptor
			for i := range 5 {
				d := describe(typeOCIManifest, fmt.Append(nil, i))
				d.Size = maxManifest - 1<<19
				list = append(list, d)
			}
			f.listed[subject.String()] = indexOf(list...)
		}},
		{name: "fallback tag that is no index", want: ErrResponse, setup: func(f *fake) {
			f.api = false
			f.putManifest("sha256-"+subject.Hex(), typeOCIManifest, manifestOf(describe("", nil)))
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFake(t)
			if tc.setup != nil {
				tc.setup(f)
			}
			found, err := openStore(t, testConfig(nil), f.host()+"/"+repo+":v1").Referrers(t.Context(), subject)
			if !errors.Is(err, tc.want) {
				t.Fatalf("error %v, want %v", err, tc.want)
			}
			if err != nil {
				if found != nil {
					t.Error("a list beside an error")
				}
				return
			}
			if len(found) != len(tc.each) {
				t.Fatalf("%d referrers, want %d", len(found), len(tc.each))
			}
			for i, r := range found {
				if !errors.Is(r.Err, tc.each[i]) || (tc.each[i] == nil) != (r.Err == nil) {
					t.Errorf("%d: error %v, want %v", i, r.Err, tc.each[i])
				}
				if r.Layout != tc.layout {
					t.Errorf("%d: layout %s, want %s", i, r.Layout, tc.layout)
				}
				if r.Err == nil && (artifact.SumSHA256(r.Body) != r.Descriptor.Digest || r.Descriptor.ArtifactType != "application/x.sig") {
					t.Errorf("%d: %+v", i, r.Descriptor)
				}
			}
		})
	}
}

// What the list says of type and annotations is nobody's statement.
func TestReferrersListIsNoEvidence(t *testing.T) {
	f := newFake(t)
	subject := artifact.SumSHA256([]byte("subject"))
	d := f.putManifest("", typeOCIManifest, referrerOf(subject, "own"))
	d.ArtifactType, d.Annotations = "application/claimed", map[string]string{"salt": "claimed"}
	f.listed[subject.String()] = indexOf(d)
	found, err := openStore(t, testConfig(nil), f.host()+"/"+repo+":v1").Referrers(t.Context(), subject)
	if err != nil || len(found) != 1 || found[0].Err != nil {
		t.Fatalf("%+v, error %v", found, err)
	}
	if got := found[0].Descriptor; got.ArtifactType != "application/x.sig" || got.Annotations["salt"] != "own" {
		t.Errorf("%+v", got)
	}
}

// Could not ask is never none.
func TestReferrersUnavailable(t *testing.T) {
	subject := artifact.SumSHA256([]byte("subject"))
	for _, tc := range []struct {
		name string
		at   string // part of the path that fails
		code int
		head string
		body string
		want error
	}{
		{"401", "/referrers/", 401, "", "", ErrUnauthorized},
		{"403", "/referrers/", 403, "", "", ErrUnauthorized},
		{"429", "/referrers/", 429, "", "", ErrRateLimited},
		{"500", "/referrers/", 500, "", "", ErrResponse},
		{"400", "/referrers/", 400, "", "", ErrResponse},
		{"html", "/referrers/", 200, "text/html", "<html>", ErrResponse},
		{"json of another type", "/referrers/", 200, "application/json", `{"schemaVersion":2,"manifests":[]}`, ErrResponse},
		{"docker list", "/referrers/", 200, typeDockerList, `{"schemaVersion":2,"manifests":[]}`, ErrResponse},
		{"fallback tag 403", "/manifests/sha256-", 403, "", "", ErrUnauthorized},
		{"fallback tag 500", "/manifests/sha256-", 500, "", "", ErrResponse},
		{"fallback tag html", "/manifests/sha256-", 200, "text/html", "<html>", ErrResponse},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFake(t)
			f.fault = func(w http.ResponseWriter, r *http.Request, n int) bool {
				if !strings.Contains(r.URL.Path, tc.at) {
					return false
				}
				w.Header().Set("Content-Type", tc.head)
				w.WriteHeader(tc.code)
				w.Write([]byte(tc.body))
				return true
			}
			found, err := openStore(t, testConfig(nil), f.host()+"/"+repo+":v1").Referrers(t.Context(), subject)
			if !errors.Is(err, tc.want) || errors.Is(err, ErrNotFound) {
				t.Errorf("%v, error %v, want %v", found, err, tc.want)
			}
		})
	}
	f := newFake(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if found, err := openStore(t, testConfig(nil), f.host()+"/"+repo+":v1").Referrers(ctx, subject); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v, error %v", found, err)
	}
}

// Referrers that were not read because time ran out are not unreadable ones.
func TestReferrersCancelled(t *testing.T) {
	f := newFake(t)
	subject := artifact.SumSHA256([]byte("subject"))
	f.listed[subject.String()] = indexOf(f.putManifest("", typeOCIManifest, referrerOf(subject, "1")))
	ctx, cancel := context.WithCancel(t.Context())
	f.fault = func(w http.ResponseWriter, r *http.Request, n int) bool {
		if strings.Contains(r.URL.Path, "/manifests/") {
			cancel()
			<-r.Context().Done()
			return true
		}
		return false
	}
	found, err := openStore(t, testConfig(nil), f.host()+"/"+repo+":v1").Referrers(ctx, subject)
	if !errors.Is(err, context.Canceled) || found != nil {
		t.Errorf("%+v, error %v", found, err)
	}
}

func TestReferrersPages(t *testing.T) {
	subject := artifact.SumSHA256([]byte("subject"))
	for _, tc := range []struct {
		name string
		link func(f *fake, page int) string
		want error
		got  int
	}{
		{"three pages", func(f *fake, page int) string {
			if page == 3 {
				return ""
			}
			return fmt.Sprintf(`</v2/%s/referrers/%s?page=%d>; rel="next"`, repo, subject, page+1)
		}, nil, 3},
		{"relative", func(f *fake, page int) string {
			if page == 2 {
				return ""
			}
			return `<?page=2>; rel=next`
		}, nil, 2},
		{"absolute, same origin", func(f *fake, page int) string {
			if page == 2 {
				return ""
			}
			return `<` + f.URL + `/v2/x?page=2>; title="a, b; rel=\"no\"" ; rel="last next"`
		}, nil, 2},
		{"loop", func(f *fake, page int) string { return `<?page=2>; rel="next"` }, ErrResponse, 0},
		{"endless", func(f *fake, page int) string { return fmt.Sprintf(`<?page=%d>; rel="next"`, page+1) }, ErrLimit, 0},
		{"another host", func(f *fake, page int) string { return `<http://localhost:1/>; rel="next"` }, ErrResponse, 0},
		{"another scheme", func(f *fake, page int) string { return `<https://` + f.host() + `/>; rel="next"` }, ErrResponse, 0},
		{"unreadable", func(f *fake, page int) string { return `/next; rel="next"` }, ErrResponse, 0},
		{"missing page", func(f *fake, page int) string { return `</v2/gone>; rel="next"` }, ErrResponse, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFake(t)
			f.fault = func(w http.ResponseWriter, r *http.Request, n int) bool {
				if !strings.Contains(r.URL.Path, "/referrers/") && r.URL.Query().Get("page") == "" {
					return false
				}
				page := 1
				fmt.Sscan(r.URL.Query().Get("page"), &page)
				w.Header().Set("Content-Type", typeOCIIndex)
				if link := tc.link(f, page); link != "" {
					w.Header().Set("Link", link)
				}
				w.Write(indexOf(f.putManifest("", typeOCIManifest, referrerOf(subject, fmt.Sprint(page%120)))))
				return true
			}
			found, err := openStore(t, testConfig(nil), f.host()+"/"+repo+":v1").Referrers(t.Context(), subject)
			if !errors.Is(err, tc.want) {
				t.Fatalf("error %v, want %v", err, tc.want)
			}
			if len(found) != tc.got {
				t.Errorf("%d referrers, want %d", len(found), tc.got)
			}
			if n := f.requests("/"); n > maxPages+5 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestFallbackTag(t *testing.T) {
	d := sum(artifact.SHA512, []byte("x"))
	if got, want := fallbackTag(d), "sha512-"+d.Hex()[:64]; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// Whatever a Link header says, the next page is on the same origin.
func FuzzLink(f *testing.F) {
	f.Add(`</v2/x/referrers/y?n=1>; rel="next"`)
	f.Add(`<http://a/>; rel=prev, <b>; title="x\"" ; rel="last next"`)
	f.Add(`<//evil.example/x>; rel=next`)
	page := &url.URL{Scheme: "https", Host: "registry.example", Path: "/v2/x/referrers/y"}
	f.Fuzz(func(t *testing.T, header string) {
		link, err := nextLink([]string{header})
		if err != nil || link == "" {
			return
		}
		if !strings.Contains(header, link) {
			t.Fatalf("%q is not in the header", link)
		}
		u, err := follow(page, link)
		if err == nil && (u.Scheme != "https" || hostPort(u) != "registry.example:443" || u.User != nil) {
			t.Fatalf("%q leads to %v", link, u)
		}
	})
}
