package oms

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
)

// A doc is a statement that a test can break before it is written.
type doc map[string]any

type line struct {
	Name      string `json:"name"`
	Algorithm string `json:"algorithm"`
	Digest    string `json:"digest"`
}

func sha(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// of lists name and content in turn, under sha256.
func of(pairs ...string) []line {
	var list []line
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, line{pairs[i], "sha256", sha(pairs[i+1])})
	}
	return list
}

// signed is a statement by files with the right root digest for its list, as
// one that was signed again after every edit.
func signed(list []line) doc {
	return doc{
		"_type":         "https://in-toto.io/Statement/v1",
		"subject":       []any{map[string]any{"name": "model", "digest": map[string]any{"sha256": rootOf(list)}}},
		"predicateType": PredicateType,
		"predicate": map[string]any{
			"serialization": map[string]any{"method": "files", "hash_type": "sha256", "allow_symlinks": false},
			"resources":     list,
		},
	}
}

// inShards is the same by shards.
func inShards(size any, list []line) doc {
	d := signed(list)
	d.serialization()["method"] = "shards"
	d.serialization()["shard_size"] = size
	return d
}

func rootOf(list []line) string {
	h := sha256.New()
	for _, r := range list {
		sum, _ := hex.DecodeString(r.Digest)
		h.Write(sum)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (d doc) predicate() map[string]any { return d["predicate"].(map[string]any) }

func (d doc) serialization() map[string]any {
	return d.predicate()["serialization"].(map[string]any)
}

func (d doc) subject() map[string]any { return d["subject"].([]any)[0].(map[string]any) }

func (d doc) bytes(t testing.TB) []byte {
	t.Helper()
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (d doc) parse(t testing.TB) *Statement {
	t.Helper()
	s, err := Parse(d.bytes(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// file is a file of a model, hashed as a statement needs it.
func file(t testing.TB, s *Statement, path, content string) File {
	t.Helper()
	f := plain(path, content)
	if f.Hashed = s.Needs(path, f.Size); f.Hashed != nil {
		write(t, f.Hashed, content)
	}
	return f
}

// plain is a file of which the SHA-256 alone is known.
func plain(path, content string) File {
	return File{Path: path, Size: int64(len(content)), SHA256: artifact.SumSHA256([]byte(content))}
}

// write feeds uneven pieces, so that shards end inside of them.
func write(t testing.TB, h *Hasher, content string) {
	t.Helper()
	for i := 0; i < len(content); i += 3 {
		if _, err := h.Write([]byte(content[i:min(i+3, len(content))])); err != nil {
			t.Fatal(err)
		}
	}
}

// fixture reads a signature and its model from the fixtures.
func fixture(t testing.TB, name string) ([]byte, []File) {
	t.Helper()
	dir := fixtures.Dir(t, "oms", name)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var payload []byte
	var files []File
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, plain(e.Name(), string(b)))
		if e.Name() == "model.sig" {
			var bundle struct {
				DsseEnvelope struct{ Payload []byte }
			}
			if err := json.Unmarshal(b, &bundle); err != nil {
				t.Fatal(err)
			}
			payload = bundle.DsseEnvelope.Payload
		}
	}
	return payload, files
}
