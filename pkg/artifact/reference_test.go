package artifact_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

const pinned = "@sha256:" + hex256

func TestParseReference(t *testing.T) {
	long := strings.Repeat("a", 128)
	for in, want := range map[string]struct {
		place                       artifact.Place
		host, repository, path, tag string
		canonical                   string // "" for in itself
	}{
		"ghcr.io/acme/llama:v1":                       {artifact.Registry, "ghcr.io", "acme/llama", "", "v1", ""},
		"ghcr.io/acme/llama" + pinned:                 {artifact.Registry, "ghcr.io", "acme/llama", "", "", ""},
		"ghcr.io/acme/llama:v1" + pinned:              {artifact.Registry, "ghcr.io", "acme/llama", "", "v1", ""},
		"oci://ghcr.io/acme/llama:v1":                 {artifact.Registry, "ghcr.io", "acme/llama", "", "v1", "ghcr.io/acme/llama:v1"},
		"docker://ghcr.io/acme/llama:v1":              {artifact.Registry, "ghcr.io", "acme/llama", "", "v1", "ghcr.io/acme/llama:v1"},
		"GHCR.io/acme/llama:V1":                       {artifact.Registry, "ghcr.io", "acme/llama", "", "V1", "ghcr.io/acme/llama:V1"},
		"localhost/a:b":                               {artifact.Registry, "localhost", "a", "", "b", ""},
		"localhost:5000/a:b":                          {artifact.Registry, "localhost:5000", "a", "", "b", ""},
		"registry:5000/a:b":                           {artifact.Registry, "registry:5000", "a", "", "b", ""},
		"127.0.0.1:5000/a:b":                          {artifact.Registry, "127.0.0.1:5000", "a", "", "b", ""},
		"[::1]:5000/a:b":                              {artifact.Registry, "[::1]:5000", "a", "", "b", ""},
		"[2001:DB8::1]/a:b":                           {artifact.Registry, "[2001:db8::1]", "a", "", "b", "[2001:db8::1]/a:b"},
		"xn--bcher-kva.example/a/b__c/d-e/f.g/h--i:_": {artifact.Registry, "xn--bcher-kva.example", "a/b__c/d-e/f.g/h--i", "", "_", ""},
		"example.com/a:" + long:                       {artifact.Registry, "example.com", "a", "", long, ""},
		"oci-layout:dist":                             {artifact.Layout, "", "", "dist", "", ""},
		"oci-layout:./dist/model:v1":                  {artifact.Layout, "", "", "./dist/model", "v1", ""},
		"oci-layout:/a/b" + pinned:                    {artifact.Layout, "", "", "/a/b", "", ""},
		"oci-layout:/a/b:v1" + pinned:                 {artifact.Layout, "", "", "/a/b", "v1", ""},
		"oci-layout:/c:d/e":                           {artifact.Layout, "", "", "/c:d/e", "", ""},
		"oci-layout:/home/me@work/dist:v1":            {artifact.Layout, "", "", "/home/me@work/dist", "v1", ""},
		"oci-layout:/home/me@work/dist" + pinned:      {artifact.Layout, "", "", "/home/me@work/dist", "", ""},
		"oci-layout:Modèle à moi":                     {artifact.Layout, "", "", "Modèle à moi", "", ""},
		"dir:.":                                       {artifact.Directory, "", "", ".", "", ""},
		"dir:/a:b@c":                                  {artifact.Directory, "", "", "/a:b@c", "", ""},
	} {
		t.Run(in, func(t *testing.T) {
			r, err := artifact.ParseReference(in)
			if err != nil {
				t.Fatal(err)
			}
			if r.Place() != want.place || r.Host() != want.host || r.Repository() != want.repository || r.Path() != want.path || r.Tag() != want.tag {
				t.Errorf("got %v %q %q %q %q", r.Place(), r.Host(), r.Repository(), r.Path(), r.Tag())
			}
			if has := strings.HasSuffix(in, pinned); has == r.Digest().IsZero() {
				t.Errorf("digest %v", r.Digest())
			}
			canonical := want.canonical
			if canonical == "" {
				canonical = in
			}
			if r.String() != canonical {
				t.Errorf("written as %q, want %q", r, canonical)
			}
		})
	}
}

func TestParseReferenceRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"":                                      "it is empty",
		"llama":                                 "no registry",
		"llama:v1":                              "no registry",
		"acme/llama:v1":                         `"acme" is not a registry host`,
		"ghcr.io/acme/llama":                    "no tag and no digest",
		"ghcr.io/:v1":                           "invalid repository name",
		"ghcr.io//a:v1":                         "invalid repository name",
		"ghcr.io/a//b:v1":                       "invalid repository name",
		"ghcr.io/a/:v1":                         "invalid repository name",
		"ghcr.io/a/../b:v1":                     "invalid repository name",
		"ghcr.io/Acme/llama:v1":                 "invalid repository name",
		"ghcr.io/a___b:v1":                      "invalid repository name",
		"ghcr.io/-a:v1":                         "invalid repository name",
		"ghcr.io/аcme/llama:v1":                 "invalid repository name", // Cyrillic а
		"ghcr.іo/acme/llama:v1":                 "invalid registry host",   // Ukrainian і
		"ghcr。io/acme/llama:v1":                 "invalid registry host",   // ideographic full stop
		"ghcr.io./acme/llama:v1":                "invalid registry host",
		".ghcr.io/acme/llama:v1":                "invalid registry host",
		"ghcr..io/acme/llama:v1":                "invalid registry host",
		"-ghcr.io/acme/llama:v1":                "invalid registry host",
		"me@ghcr.io/acme/llama:v1":              "invalid registry host",
		"me:secret@ghcr.io/llama:v1":            "invalid port",
		"ghcr.io?x=y/acme/llama:v1":             "invalid registry host",
		"ghcr.io\\@evil.com/llama:v1":           "invalid registry host",
		"ghcr.io:/a:v1":                         "invalid port",
		"ghcr.io:0/a:v1":                        "invalid port",
		"ghcr.io:080/a:v1":                      "invalid port",
		"ghcr.io:65536/a:v1":                    "invalid port",
		"ghcr.io:http/a:v1":                     "invalid port",
		"ghcr.io:+80/a:v1":                      "invalid port",
		"[::1/a:v1":                             "invalid",
		"[::1]x/a:v1":                           "invalid address",
		"[[::1]]/a:v1":                          "invalid address",
		"[127.0.0.1]/a:v1":                      "invalid address",
		"[::1%25eth0]/a:v1":                     "invalid address",
		"::1/a:v1":                              "invalid registry host",
		"ghcr.io/a:":                            "invalid tag",
		"ghcr.io/a:v1:v2":                       "invalid tag",
		"ghcr.io/a:-v1":                         "invalid tag",
		"ghcr.io/a:.v1":                         "invalid tag",
		"ghcr.io/a:v 1":                         "invalid tag",
		"ghcr.io/a:v1/b":                        "invalid tag",
		"ghcr.io/a:ѵ1":                          "invalid tag",
		"ghcr.io/a:" + strings.Repeat("x", 129): "invalid tag",
		"ghcr.io/" + strings.Repeat("x", 256) + ":v1": "invalid repository name",
		"ghcr.io/a@":                     "invalid digest",
		"ghcr.io/a@v1":                   "invalid digest",
		"ghcr.io/a@sha256:" + hex256[1:]: "63 hexadecimal digits",
		"ghcr.io/a" + pinned + pinned:    "invalid digest",
		"ghcr.io/a" + pinned + ":v1":     "invalid digest",
		"ghcr.io/a@md5:00":               "unsupported algorithm",
		"http://ghcr.io/a:v1":            `scheme "http" is not one`,
		"s3://bucket/model":              `scheme "s3" is not one`,
		"hf://acme/llama":                `scheme "hf" is not one`,
		"oci://docker://ghcr.io/a:v1":    `scheme "docker" is not one`,
		"docker://docker://ghcr.io/a:v1": `scheme "docker" is not one`,
		"OCI://ghcr.io/a:v1":             "",
		"oci://":                         "no registry",
		"oci-layout:":                    `no path after "oci-layout:"`,
		"oci-layout::v1":                 `no path after "oci-layout:"`,
		"oci-layout:" + pinned:           `no path after "oci-layout:"`,
		"oci-layout:x:":                  "invalid tag",
		"oci-layout:x@latest":            "invalid digest",
		"dir:":                           `no path after "dir:"`,
		"dir:a\x00b":                     "control character at byte 5",
		"dir:\x1b[2J":                    "control character at byte 4",
		"dir:a\nb":                       "control character",
		"dir:a\u0085b":                   "control character",
		"dir:\xff":                       "control character",
		"ghcr.io/a:v1\n":                 "control character",
		"\tghcr.io/a:v1":                 "control character at byte 0",
		" ghcr.io/a:v1":                  "invalid registry host",
		"ghcr.io/a:v1 ":                  "invalid tag",
	} {
		t.Run(in, func(t *testing.T) {
			r, err := artifact.ParseReference(in)
			if !errors.Is(err, artifact.ErrBadReference) || !strings.Contains(err.Error(), want) {
				t.Fatalf("%v, %v, want %q", r, err, want)
			}
			if r != (artifact.Reference{}) || r.String() != "" {
				t.Errorf("and yet it names %q", r)
			}
			if strings.ContainsFunc(err.Error(), func(c rune) bool { return c < 0x20 || c == 0x7f }) {
				t.Errorf("the message carries control characters: %q", err)
			}
		})
	}
}

func TestWithDigest(t *testing.T) {
	d := artifact.SumSHA256(nil)
	for in, want := range map[string]string{
		"ghcr.io/a:v1":    "ghcr.io/a" + pinned,
		"oci-layout:x:v1": "oci-layout:x" + pinned,
	} {
		r, err := artifact.ParseReference(in)
		if err != nil || r.WithDigest(d).String() != want || r.Tag() != "v1" {
			t.Errorf("%s: %v, %v", in, r.WithDigest(d), err)
		}
	}
}

// What is read is written back as something that reads the same.
func FuzzParseReference(f *testing.F) {
	for _, s := range []string{"ghcr.io/acme/llama:v1" + pinned, "oci-layout:/a@b:c/d:v1", "dir:x", "[::1]:5000/a:b", "oci://GHCR.io/a:b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := artifact.ParseReference(s)
		if err != nil {
			if r.Place() != artifact.Nowhere || !errors.Is(err, artifact.ErrBadReference) {
				t.Fatalf("%v, %v", r, err)
			}
			return
		}
		again, err := artifact.ParseReference(r.String())
		if err != nil || again != r {
			t.Fatalf("%q is written as %q, which reads as %+v (%v)", s, r, again, err)
		}
		if r.Place() == artifact.Registry && (r.Host() == "" || r.Repository() == "" || r.Tag() == "" && r.Digest().IsZero()) {
			t.Fatalf("%q names only %+v", s, r)
		}
	})
}
