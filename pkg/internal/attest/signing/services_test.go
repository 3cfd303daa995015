package signing

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

func config(parts string) []byte {
	return fmt.Appendf(nil, `{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json"%s}`, parts)
}

func service(url string, version int, from, until string) string {
	end := ""
	if until != "" {
		end = fmt.Sprintf(`,"end":%q`, until)
	}
	return fmt.Sprintf(`{"url":%q,"majorApiVersion":%d,"validFor":{"start":%q%s},"operator":"o-%s"}`, url, version, from, end, url)
}

// Services are picked by version, time and selector.
func TestParseServices(t *testing.T) {
	const old, before, later = "2024-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"
	logs := `,"rekorTlogUrls":[` + service("https://v1", 1, old, "") + "," + service("https://v2", 2, before, "") + "," +
		service("https://ended", 2, old, before) + "," + service("https://later", 2, later, "") + "]"
	tsas := `,"tsaUrls":[` + service("https://t1", 1, before, "") + "," + service("https://t2", 1, old, "") + "]"
	for name, tc := range map[string]struct {
		config string
		want   Services
	}{
		"nothing":              {"", Services{}},
		"cosign's empty":       {`,"rekorTlogConfig":{},"tsaConfig":{}`, Services{}},
		"the newest version":   {logs + `,"rekorTlogConfig":{"selector":"ANY"}`, Services{Logs: []Log{{"https://v2", 2}}}},
		"all of that version":  {logs + `,"rekorTlogConfig":{"selector":"ALL"}`, Services{Logs: []Log{{"https://v2", 2}}}},
		"all":                  {tsas + `,"tsaConfig":{"selector":"ALL"}`, Services{Timestamps: []string{"https://t1", "https://t2"}}},
		"authority and issuer": {`,"caUrls":[` + service("https://ca", 1, old, "") + `],"oidcUrls":[` + service("https://id", 1, old, "") + "]", Services{Authority: "https://ca", Issuer: "https://id"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := must(ParseServices(config(tc.config), now))(t)
			if got.Authority != tc.want.Authority || got.Issuer != tc.want.Issuer || !slices.Equal(got.Logs, tc.want.Logs) || !slices.Equal(got.Timestamps, tc.want.Timestamps) {
				t.Errorf("%+v, want %+v", got, tc.want)
			}
		})
	}
	for name, data := range map[string][]byte{
		"not JSON":           []byte("x"),
		"another type":       []byte(`{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`),
		"unknown field":      config(`,"more":1`),
		"no selector":        config(logs),
		"too many wanted":    config(tsas + `,"tsaConfig":{"selector":"EXACT","count":3}`),
		"none is valid now":  config(`,"caUrls":[` + service("https://ca", 1, later, "") + "]"),
		"an unknown version": config(`,"caUrls":[` + service("https://ca", 9, old, "") + "]"),
		"in the clear":       config(`,"caUrls":[` + service("http://ca.example", 1, old, "") + "]"),
		"no address":         config(`,"caUrls":[` + service("ca", 1, old, "") + "]"),
		"huge":               config(strings.Repeat(" ", maxServices)),
	} {
		if s, err := ParseServices(data, now); !errors.Is(err, ErrServices) {
			t.Errorf("%s: %+v, %v, want ErrServices", name, s, err)
		}
	}
}

func TestWords(t *testing.T) {
	for in, want := range map[string]string{
		`{"code":3,"message":"no such\nthing","details":[]}`: "no such thing",
		"<html>\n<b>502</b>":                "<html> <b>502</b>",
		"a\xff":                             "a\uFFFD",
		strings.Repeat("ä", maxWords):       strings.Repeat("ä", maxWords/2) + "…",
		`{"message":""}`:                    `{"message":""}`,
		`{"message":"one","message":"two"}`: `{"message":"one","message":"two"}`,
		"":                                  "",
	} {
		if got := words([]byte(in)); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzReadClaims(f *testing.F) {
	f.Add(`{"iss":"i","sub":"s","aud":"sigstore","exp":1}`)
	f.Add(`{"iss":"i","sub":"s","aud":["a","b"],"exp":1e300}`)
	f.Fuzz(func(t *testing.T, payload string) {
		c, err := ReadClaims(jwt(payload))
		if (err == nil) != (c.Issuer != "" && c.Subject != "") {
			t.Errorf("%+v, %v", c, err)
		}
	})
}

func FuzzParseKey(f *testing.F) {
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"))
	f.Add([]byte("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		key, err := ParseKey(data, nil)
		if (key == nil) == (err == nil) || (err != nil && !errors.Is(err, ErrKey)) {
			t.Errorf("%v, %v", key, err)
		}
	})
}
