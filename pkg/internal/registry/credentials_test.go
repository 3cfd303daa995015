package registry

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oras.land/oras-go/v2/registry/remote/auth"
)

func authFileOf(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "auth.json")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestKeychain(t *testing.T) {
	// YTox = a:1, and so on
	docker := authFileOf(t, `{"auths":{
		"https://index.docker.io/v1/":{"auth":"YTox"},
		"https://old.example/v2/":{"auth":"Yjoy"},
		"reg.example":{"auth":"Yzoz"},
		"https://reg.example/v1/":{"auth":"eDp5"},
		"http://reg.example/v2/":{"auth":"eDp5"},
		"https://reg.example":{"auth":"eDp5"},
		"reg.example/org/private":{"auth":"ZDo0"},
		"only.example/org/private":{"auth":"ZTo1"},
		"token.example":{"identitytoken":"refresh"},
		"broken.example":{"auth":"%%%"},
		"colon.example":{"auth":"c2VjcmV0"}
	},"experimental":"enabled"}`)
	second := authFileOf(t, `{"auths":{"reg.example":{"auth":"Zjo2"},"podman.example/org":{"auth":"Zzo3"}}}`)
	k := &keychain{files: []string{filepath.Join(t.TempDir(), "none.json"), docker, authFileOf(t, " \n"), second}}
	for _, tc := range []struct {
		host, repo string
		want       auth.Credential
		err        string
	}{
		{"docker.io", "library/x", auth.Credential{Username: "a", Password: "1"}, ""},
		{"old.example", "x", auth.Credential{Username: "b", Password: "2"}, ""},
		{"reg.example", "org/other", auth.Credential{Username: "c", Password: "3"}, ""},
		{"reg.example", "org/private", auth.Credential{Username: "d", Password: "4"}, ""},
		{"reg.example", "org/private/deep", auth.Credential{Username: "d", Password: "4"}, ""},
		{"reg.example", "org/privateer", auth.Credential{Username: "c", Password: "3"}, ""},
		{"only.example", "org/other", auth.EmptyCredential, ""}, // another repository's are not used
		{"token.example", "x", auth.Credential{RefreshToken: "refresh"}, ""},
		{"podman.example", "org/x", auth.Credential{Username: "g", Password: "7"}, ""},
		{"podman.example", "organ/x", auth.EmptyCredential, ""},
		{"unknown.example", "x", auth.EmptyCredential, ""},
		{"broken.example", "x", auth.EmptyCredential, "base64"},
		{"colon.example", "x", auth.EmptyCredential, "USER:PASSWORD"},
	} {
		got, err := k.find(t.Context(), tc.host, tc.repo)
		if got != tc.want {
			t.Errorf("%s/%s: %+v, want %+v", tc.host, tc.repo, got, tc.want)
		}
		if (err == nil) != (tc.err == "") || (err != nil && (!strings.Contains(err.Error(), tc.err) || strings.Contains(err.Error(), "secret"))) {
			t.Errorf("%s/%s: error %v, want one with %q and without the secret", tc.host, tc.repo, err, tc.err)
		}
	}
}

// A helper is found on PATH and asked with Docker's own keys.
func TestKeychainHelper(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\nread key\ncase $key in\n" +
		"helped.example|https://index.docker.io/v1/) echo \"{\\\"Username\\\":\\\"u\\\",\\\"Secret\\\":\\\"$key\\\"}\" ;;\n" +
		"token.example) echo '{\"Username\":\"<token>\",\"Secret\":\"r\"}' ;;\n" +
		"*) echo 'credentials not found in native keychain'; exit 1 ;;\nesac\n"
	if err := os.WriteFile(filepath.Join(dir, "docker-credential-fake"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	store := &keychain{files: []string{authFileOf(t, `{"credsStore":"fake","auths":{"helped.example":{}}}`)}}
	helpers := &keychain{files: []string{authFileOf(t, `{"credHelpers":{"helped.example":"fake","gone.example":"missing"}}`)}}
	for _, tc := range []struct {
		k    *keychain
		host string
		want auth.Credential
		ok   bool
	}{
		{store, "helped.example", auth.Credential{Username: "u", Password: "helped.example"}, true},
		{store, "docker.io", auth.Credential{Username: "u", Password: "https://index.docker.io/v1/"}, true},
		{store, "token.example", auth.Credential{RefreshToken: "r"}, true},
		{store, "nobody.example", auth.EmptyCredential, true},
		{helpers, "helped.example", auth.Credential{Username: "u", Password: "helped.example"}, true},
		{helpers, "other.example", auth.EmptyCredential, true},
		{helpers, "gone.example", auth.EmptyCredential, false},
	} {
		got, err := tc.k.find(t.Context(), tc.host, repo)
		if got != tc.want || (err == nil) != tc.ok {
			t.Errorf("%s: %+v, error %v", tc.host, got, err)
		}
	}
}

func TestEnvironmentFiles(t *testing.T) {
	for _, tc := range []struct {
		env  environment
		want []string
	}{
		{environment{}, nil},
		{environment{home: "/h", configHome: "/h/.config"}, []string{"/h/.docker/config.json", "/h/.config/containers/auth.json"}},
		{environment{home: "/h", dockerConfig: "/d", registryAuthFile: "/r.json", runtimeDir: "/run", configHome: "/c"},
			[]string{"/r.json", "/d/config.json", "/run/containers/auth.json", "/c/containers/auth.json"}},
	} {
		if got := tc.env.files(); !slices.Equal(got, tc.want) {
			t.Errorf("%+v: %q, want %q", tc.env, got, tc.want)
		}
	}
	t.Setenv("DOCKER_CONFIG", "/d")
	t.Setenv("XDG_CONFIG_HOME", "")
	t.Setenv("HOME", "/h")
	if e := hostEnvironment(); e.dockerConfig != "/d" || e.configHome != "/h/.config" {
		t.Errorf("%+v", e)
	}
}

// A file that was named must exist; one that is found by itself need not even
// be readable as long as nobody asks for credentials.
func TestRegistryConfig(t *testing.T) {
	cfg := testConfig(nil)
	cfg.RegistryConfig = filepath.Join(t.TempDir(), "none")
	if _, err := New(cfg); err == nil {
		t.Error("a missing credentials file is accepted")
	}
	f := newFake(t)
	f.putManifest("v1", typeOCIManifest, []byte("{}"))
	cfg.RegistryConfig = authFileOf(t, `{"auths":{"x":{"auth":"c2VjcmV0"`)
	s := openStore(t, cfg, f.host()+"/"+repo+":v1")
	if _, err := s.Resolve(t.Context()); err != nil {
		t.Errorf("anonymous access with a broken credentials file: %v", err)
	}
	f.fault = challengeBasic
	_, err := s.Resolve(t.Context())
	if !errors.Is(err, ErrUnauthorized) || !strings.Contains(err.Error(), "is not a credentials file") {
		t.Errorf("error %v", err)
	}
}
