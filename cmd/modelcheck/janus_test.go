package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// torchFile makes a checkpoint as torch.save writes it: a stored zip with the
// pickle of a state dictionary and one storage for each tensor of 2 × 2
// BFloat16. more stands in the dictionary's pickle behind the tensors.
func torchFile(t *testing.T, path, more string, names ...string) {
	t.Helper()
	var p strings.Builder
	text := func(s string) { fmt.Fprintf(&p, "X%c\x00\x00\x00%s", len(s), s) }
	p.WriteString("\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01(")
	for i, name := range names {
		text(name)
		p.WriteString("ctorch._utils\n_rebuild_tensor_v2\n((")
		text("storage")
		p.WriteString("ctorch\nBFloat16Storage\n")
		text(fmt.Sprint(i))
		text("cpu")
		p.WriteString("K\x04tQK\x00K\x02K\x02\x86K\x02K\x01\x86\x89ccollections\nOrderedDict\n)RtR")
	}
	p.WriteString("u" + more + ".")
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	add := func(name, body string) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err == nil {
			_, err = w.Write([]byte(body))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	add("model/data.pkl", p.String())
	add("model/byteorder", "little")
	for i := range names {
		add(fmt.Sprintf("model/data/%d", i), "\x00\x3f\x80\x3f\x00\x40\x40\x40")
	}
	add("model/version", "3\n")
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// janus lays out a model as Janus-Pro is published: two pickled shards with an
// index, no safetensors.
func janus(t *testing.T, more string) string {
	t.Helper()
	dir := t.TempDir()
	const first, second = "pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"
	torchFile(t, filepath.Join(dir, first), "", "aligner.layers.0.weight", "language_model.lm_head.weight")
	torchFile(t, filepath.Join(dir, second), more, "vision_model.pos_embed")
	for name, body := range map[string]string{
		"pytorch_model.bin.index.json": `{"metadata":{"total_size":24},"weight_map":{"aligner.layers.0.weight":"` + first + `","language_model.lm_head.weight":"` + first + `","vision_model.pos_embed":"` + second + `"}}`,
		"config.json":                  `{"model_type":"multi_modality","architectures":["MultiModalityCausalLM"],"torch_dtype":"bfloat16"}`,
		"README.md":                    "# Janus\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// examined is what this test reads of a report.
type examined struct {
	Verdict  struct{ Outcome string }
	Manifest struct {
		Loading struct {
			Class   string
			Loaders []struct {
				Name  string
				Rules []string
			}
		}
		Files    []struct{ Path, Format, Class string }
		Findings []struct {
			ID, Subject string
			Facts       map[string]string
		}
	}
}

func (e examined) class(path string) string {
	for _, f := range e.Manifest.Files {
		if f.Path == path {
			return f.Format + " " + f.Class
		}
	}
	return "not there"
}

func examineFolder(t *testing.T, dir string, want int) examined {
	t.Helper()
	var out bytes.Buffer
	if code := run(t.Context(), []string{"verify", "dir:" + dir, "--allow-unsigned", "--output", "json"}, streams{out: &out, err: os.Stderr, env: os.Getenv}); code != want {
		t.Fatalf("exit %d, want %d\n%s", code, want, out.String())
	}
	var e examined
	if err := json.Unmarshal(out.Bytes(), &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// TestJanusPro: pickles that hold tensors alone pass as such, with the loader
// shown; with one call of os.system in one of them, loading runs code, and the
// import is named and holds.
func TestJanusPro(t *testing.T) {
	const second = "pytorch_model-00002-of-00002.bin"
	plain := examineFolder(t, janus(t, ""), exitAllow)
	if plain.Manifest.Loading.Class != "inert" || plain.class(second) != "torch-zip inert" {
		t.Errorf("%+v", plain.Manifest)
	}
	if l := plain.Manifest.Loading.Loaders; len(l) != 1 || l[0].Name != "torch.load, pickle.load" || strings.Join(l[0].Rules, " ") != "MC-PICKLE-TENSORS" {
		t.Errorf("loaders %+v", l)
	}
	// Beyond the profile, but of libraries that training state is made of: noted.
	examineFolder(t, janus(t, "cnumpy\ndtype\nX\x02\x00\x00\x00f4\x85R0"), exitAllow)
	for _, call := range []string{"cos\nsystem\nX\x02\x00\x00\x00id\x85R0", "cposix\nsystem\n(X\x02\x00\x00\x00idtR0", "(X\x02\x00\x00\x00idios\nsystem\n0"} {
		bad := examineFolder(t, janus(t, call), exitHold)
		if bad.Manifest.Loading.Class != "code-on-load" || bad.class(second) != "torch-zip code-on-load" || bad.class("pytorch_model-00001-of-00002.bin") != "torch-zip inert" {
			t.Errorf("%q: %+v", call, bad.Manifest.Files)
		}
		named, held := "", false
		for _, f := range bad.Manifest.Findings {
			held = held || f.ID == "reaches-system" && f.Facts["rule"] == "MC-PICKLE-REACH" && f.Subject == second
			if f.Facts["rule"] == "MC-PICKLE-IMPORT" && f.Subject == second {
				named = f.Facts["profile"] + ": " + f.Facts["imports"] + " at " + f.Facts["offset"] + " of " + f.Facts["member"]
			}
		}
		if !held || !strings.Contains(named, "code-capable") || !strings.Contains(named, ".system") && !strings.Contains(named, "os.system") || strings.Contains(named, "at  of") || !strings.HasSuffix(named, "model/data.pkl") {
			t.Errorf("%q: named %q", call, named)
		}
	}
}
