package registry

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
)

// dockerHub is the key under which Docker and its helpers keep Docker Hub's
// credentials, for historical reasons.
const dockerHub = "https://index.docker.io/v1/"

// An environment holds what decides where credentials files lie. This is the
// only place of the package that reads environment variables by itself (the
// proxy variables are net/http's).
type environment struct {
	dockerConfig     string // DOCKER_CONFIG, a folder
	registryAuthFile string // REGISTRY_AUTH_FILE
	runtimeDir       string // XDG_RUNTIME_DIR
	configHome       string // XDG_CONFIG_HOME, or ~/.config
	home             string
}

func hostEnvironment() *environment {
	home, _ := os.UserHomeDir() // none: the files below it do not exist
	e := &environment{
		dockerConfig:     os.Getenv("DOCKER_CONFIG"),
		registryAuthFile: os.Getenv("REGISTRY_AUTH_FILE"),
		runtimeDir:       os.Getenv("XDG_RUNTIME_DIR"),
		configHome:       os.Getenv("XDG_CONFIG_HOME"),
		home:             home,
	}
	if e.configHome == "" && home != "" {
		e.configHome = filepath.Join(home, ".config")
	}
	return e
}

// files lists where credentials may lie, in the order of asking: what a
// variable names for this very purpose, then Docker's, then Podman's.
func (e environment) files() []string {
	var list []string
	if e.registryAuthFile != "" {
		list = append(list, e.registryAuthFile)
	}
	switch {
	case e.dockerConfig != "":
		list = append(list, filepath.Join(e.dockerConfig, "config.json"))
	case e.home != "":
		list = append(list, filepath.Join(e.home, ".docker", "config.json"))
	}
	for _, dir := range []string{e.runtimeDir, e.configHome} {
		if dir != "" {
			list = append(list, filepath.Join(dir, "containers", "auth.json"))
		}
	}
	return list
}

// A keychain finds credentials. Files are read when a registry asks for
// credentials, not before: a broken one is no reason to fail where access is
// anonymous.
type keychain struct{ files []string }

func newKeychain(only string, env environment) (*keychain, error) {
	if only == "" {
		return &keychain{files: env.files()}, nil
	}
	if _, err := os.Stat(only); err != nil {
		return nil, fmt.Errorf("reading credentials: %w", err)
	}
	return &keychain{files: []string{only}}, nil
}

// An authFile is Docker's config.json or Podman's auth.json, as far as it is
// about credentials (docker/cli configfile; containers-auth.json(5)).
type authFile struct {
	Auths       map[string]authEntry `json:"auths"`
	CredHelpers map[string]string    `json:"credHelpers"`
	CredsStore  string               `json:"credsStore"`
}

type authEntry struct {
	Auth          string `json:"auth"`
	Username      string `json:"username"`
	Password      string `json:"password"`
	IdentityToken string `json:"identitytoken"`
	RegistryToken string `json:"registrytoken"`
}

// find returns the credentials for a repository, the empty credential if
// nobody has any. The first file that has some wins; within a file the longest
// of host/a/b, host/a, host (containers-auth.json(5), §FORMAT).
func (k *keychain) find(ctx context.Context, host, repository string) (auth.Credential, error) {
	for _, name := range k.files {
		f, err := readAuthFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return auth.EmptyCredential, fmt.Errorf("reading credentials: %w", err)
		}
		c, err := f.find(ctx, host, repository)
		if err != nil {
			return auth.EmptyCredential, fmt.Errorf("credentials for %q in %q: %w", host, name, err)
		}
		if c != auth.EmptyCredential {
			return c, nil
		}
	}
	return auth.EmptyCredential, nil
}

func readAuthFile(name string) (*authFile, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	f := new(authFile)
	if len(strings.TrimSpace(string(data))) == 0 {
		return f, nil
	}
	// The user's own file, which other tools accept with all its liberties.
	// The decoder's message is left out: it may quote a secret.
	if json.Unmarshal(data, f) != nil {
		return nil, fmt.Errorf("%q is not a credentials file", name)
	}
	return f, nil
}

func (f *authFile) find(ctx context.Context, host, repository string) (auth.Credential, error) {
	auths := make(map[string]authEntry, len(f.Auths))
	for key, entry := range f.Auths {
		name := normalKey(key)
		if _, exact := f.Auths[name]; exact && name != key {
			continue // the modern spelling wins over the one with scheme or path
		}
		auths[name] = entry
	}
	for key := host + "/" + repository; ; key = key[:strings.LastIndexByte(key, '/')] {
		if helper := f.CredHelpers[key]; helper != "" {
			return ask(ctx, helper, key)
		}
		if entry, ok := auths[key]; ok && entry != (authEntry{}) {
			return entry.credential()
		}
		if key == host {
			break
		}
	}
	if f.CredsStore != "" {
		return ask(ctx, f.CredsStore, host)
	}
	return auth.EmptyCredential, nil
}

// ask runs docker-credential-HELPER.
func ask(ctx context.Context, helper, key string) (auth.Credential, error) {
	if key == "docker.io" {
		key = dockerHub
	}
	return credentials.NewNativeStore(helper).Get(ctx, key)
}

// normalKey turns the keys that Docker has written over the years
// ("https://host/v1/") into those of today ("host").
func normalKey(key string) string {
	key = strings.TrimPrefix(strings.TrimPrefix(key, "https://"), "http://")
	key = strings.TrimSuffix(key, "/")
	key = strings.TrimSuffix(strings.TrimSuffix(key, "/v1"), "/v2")
	if key == "index.docker.io" || key == "registry-1.docker.io" {
		return "docker.io"
	}
	return key
}

func (e authEntry) credential() (auth.Credential, error) {
	c := auth.Credential{Username: e.Username, Password: e.Password, RefreshToken: e.IdentityToken, AccessToken: e.RegistryToken}
	if e.Auth == "" {
		return c, nil
	}
	plain, err := base64.StdEncoding.DecodeString(e.Auth)
	if err != nil {
		return auth.EmptyCredential, errors.New(`"auth" is not base64`)
	}
	user, password, ok := strings.Cut(string(plain), ":")
	if !ok {
		return auth.EmptyCredential, errors.New(`"auth" is not USER:PASSWORD in base64`)
	}
	// Docker pads some old entries with NUL bytes.
	c.Username, c.Password = user, strings.TrimRight(password, "\x00")
	return c, nil
}
