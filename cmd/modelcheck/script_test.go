package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/rogpeppe/go-internal/testscript"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/content/oci"
	"oras.land/oras-go/v2/registry/remote"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"modelcheck": main})
}

// TestScript runs testdata/script: one file per behaviour of the command. The
// environment of a script holds
//
//	DEMO     a copy of the demo layout that the script may damage
//	KEYS     testdata/keys
//	REG      a registry with the referrers API that holds the demo model as models/tiny:v1
//	REGTAG   the same without the API: signatures stand behind the fallback tag
//	DIGEST   the demo model's digest
//	WEIGHTS  the hash of its weights
//	BUNDLE   the hash of its signature bundle
//	HTTP401, HTTP403, HTTP429, HTTP500, HTTPHTML   hosts that always answer so
//	NOHOST   an address where nobody answers
//	GHOST    a registry that lists a repository that it does not have
//	LIAR     one that lists what cannot be a repository
func TestScript(t *testing.T) {
	root := absolute(t, "../..")
	env := map[string]string{
		"KEYS":     filepath.Join(root, "testdata", "keys"),
		"POLICIES": filepath.Join(root, "testdata", "policies"),
		"REG":      serve(t, registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0)))),
		"REGTAG":   serve(t, registry.New(registry.Logger(log.New(io.Discard, "", 0)))),
		"NOHOST":   closedPort(t),
		"GHOST":    serve(t, catalog(`{"repositories":["models/ghost"]}`)),
		"LIAR":     serve(t, catalog(`{"repositories":["models/../../etc/passwd"]}`)),
		"HTTPHTML": serve(t, answer(http.StatusOK, "<html>please log in</html>")),
	}
	for _, status := range []int{401, 403, 429, 500} {
		env["HTTP"+strconv.Itoa(status)] = serve(t, answer(status, ""))
	}
	demo := filepath.Join(root, "testdata", "demo", "layout")
	env["DIGEST"] = push(t, demo, env["REG"]+"/models/tiny")
	push(t, demo, env["REGTAG"]+"/models/tiny")
	for _, name := range []string{"recorded", "unrecorded", "stranger"} {
		push(t, demo, env["REG"]+"/stock/"+name)
	}
	env["WEIGHTS"] = blobThat(t, demo, func(b []byte) bool { return len(b) > 9 && b[7] == 0 && b[8] == '{' })
	env["BUNDLE"] = blobThat(t, demo, func(b []byte) bool { return bytes.Contains(b, []byte("dsseEnvelope")) })
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join(root, "testdata", "script"),
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("DEMO", filepath.Join(e.WorkDir, "demo"))
			for k, v := range env {
				e.Setenv(k, v)
			}
			return os.CopyFS(filepath.Join(e.WorkDir, "demo"), os.DirFS(demo))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"flip": flip, "status": status, "unsign": unsign, "take": take, "tensors": tensors, "pushfile": pushFile, "replay": replay, "pushlayout": pushLayout, "retag": retag, "fill": fill},
	})
}

// flip changes one bit of a file: flip FILE OFFSET.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flip file offset")
	}
	offset, err := strconv.Atoi(args[1])
	ts.Check(err)
	name := ts.MkAbs(args[0])
	data, err := os.ReadFile(name)
	ts.Check(err)
	data[offset] ^= 1
	ts.Check(os.Chmod(name, 0o644))
	ts.Check(os.WriteFile(name, data, 0o644))
}

// take keeps what the group of a pattern matches in what the last command
// printed: take NAME PATTERN [stderr].
func take(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: take name pattern [stderr]")
	}
	from := "stdout"
	if len(args) == 3 {
		from = args[2]
	}
	found := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile(from))
	if len(found) != 2 {
		ts.Fatalf("%q is not in %s", args[1], from)
	}
	ts.Setenv(args[0], found[1])
}

// tensors writes a safetensors file of U8: tensors FILE NAME=DATA…; a number
// over 9999 as data is how many zeros.
func tensors(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: tensors file name=data…")
	}
	header, data := map[string]any{}, []byte{}
	for _, arg := range args[1:] {
		name, text, _ := strings.Cut(arg, "=")
		content := []byte(text)
		if n, err := strconv.Atoi(text); err == nil && n > 9999 {
			content = make([]byte, n)
		}
		header[name] = map[string]any{"dtype": "U8", "shape": []int{len(content)}, "data_offsets": []int{len(data), len(data) + len(content)}}
		data = append(data, content...)
	}
	text, err := json.Marshal(header)
	ts.Check(err)
	name := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(name), 0o755))
	ts.Check(os.WriteFile(name, slices.Concat(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text, data), 0o644))
}

// pushFile pushes an artifact of files, each a layer, and sets POLICY to its
// reference with the digest: pushfile HOST/REPOSITORY FILE….
func pushFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: pushfile host/repository file…")
	}
	repo, err := remote.NewRepository(args[0])
	ts.Check(err)
	repo.PlainHTTP = true
	ctx := context.Background()
	var layers []ocispec.Descriptor
	for _, name := range args[1:] {
		layer, err := oras.PushBytes(ctx, repo, "application/vnd.modelcheck.policy.v1+yaml", []byte(ts.ReadFile(name)))
		ts.Check(err)
		layers = append(layers, layer)
	}
	desc, err := oras.PackManifest(ctx, repo, oras.PackManifestVersion1_1, "application/vnd.modelcheck.policy.v1+yaml", oras.PackManifestOptions{Layers: layers})
	ts.Check(err)
	ts.Setenv("POLICY", args[0]+"@"+desc.Digest.String())
}

// replay attaches what is attached to one artifact to another one of the same
// repository too: replay HOST/REPOSITORY FROM TO.
func replay(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: replay host/repository from to")
	}
	repo, err := remote.NewRepository(args[0])
	ts.Check(err)
	repo.PlainHTTP = true
	ctx := context.Background()
	from, err := repo.Resolve(ctx, args[1])
	ts.Check(err)
	to, err := repo.Resolve(ctx, args[2])
	ts.Check(err)
	n := 0
	ts.Check(repo.Referrers(ctx, from, "", func(list []ocispec.Descriptor) error {
		for _, d := range list {
			body, err := content.FetchAll(ctx, repo, d)
			if err != nil {
				return err
			}
			var m ocispec.Manifest
			if err := json.Unmarshal(body, &m); err != nil {
				return err
			}
			m.Subject = &to
			if body, err = json.Marshal(m); err != nil {
				return err
			}
			if _, err := oras.PushBytes(ctx, repo.Manifests(), m.MediaType, body); err != nil {
				return err
			}
			n++
		}
		return nil
	}))
	if n == 0 {
		ts.Fatalf("nothing is attached to %s", args[1])
	}
}

// unsign drops everything without a tag from a layout's index: unsign DIR.
func unsign(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: unsign dir")
	}
	name := filepath.Join(ts.MkAbs(args[0]), "index.json")
	data, err := os.ReadFile(name)
	ts.Check(err)
	var index ocispec.Index
	ts.Check(json.Unmarshal(data, &index))
	all := len(index.Manifests)
	index.Manifests = slices.DeleteFunc(index.Manifests, func(d ocispec.Descriptor) bool {
		return d.Annotations[ocispec.AnnotationRefName] == ""
	})
	if len(index.Manifests) == all {
		ts.Fatalf("%s holds no signature to drop", name)
	}
	data, err = json.Marshal(index)
	ts.Check(err)
	ts.Check(os.WriteFile(name, data, 0o644))
}

// status runs a command and compares its exit status: status 3 modelcheck ….
// It also says that nothing which claims success was printed beside a failure.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status code command…")
	}
	err := ts.Exec(args[1], args[2:]...)
	want := args[0]
	got := "0"
	if err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != want {
		ts.Fatalf("exit status %s, want %s", got, want)
	}
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func answer(status int, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
		}
		if status == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", "86400")
		}
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	})
}

// catalog lists repositories, and has none.
func catalog(list string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path != "/v2/_catalog" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		fmt.Fprint(w, list)
	})
}

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// push copies the demo layout with its signatures to HOST/REPOSITORY:v1 and
// returns its digest.
func push(t *testing.T, layout, repository string) string {
	t.Helper()
	src, err := oci.NewFromFS(t.Context(), os.DirFS(layout))
	if err != nil {
		t.Fatal(err)
	}
	repo, err := remote.NewRepository(repository)
	if err != nil {
		t.Fatal(err)
	}
	repo.PlainHTTP = true
	desc, err := oras.ExtendedCopy(context.WithoutCancel(t.Context()), src, "v1", repo, "v1", oras.DefaultExtendedCopyOptions)
	if err != nil {
		t.Fatal(err)
	}
	return desc.Digest.String()
}

// blobThat returns the hash of the blob of a layout that is so.
func blobThat(t *testing.T, layout string, is func([]byte) bool) string {
	t.Helper()
	blobs, err := filepath.Glob(layout + "/blobs/sha256/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range blobs {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if is(data) {
			return filepath.Base(name)
		}
	}
	t.Fatal("the demo layout has no such blob")
	return ""
}

func absolute(t *testing.T, name string) string {
	t.Helper()
	abs, err := filepath.Abs(name)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}
