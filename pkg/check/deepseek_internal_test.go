package check

import (
	"flag"
	"os"
	"slices"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// Records says to write testdata/records anew: the records that tests of
// package policy judge.
var Records = flag.Bool("records", false, "write testdata/records anew")

// WriteRecord writes one of testdata/records.
func WriteRecord(t testing.TB, name string, m *provenance.Manifest) {
	t.Helper()
	data, err := provenance.Encode(m)
	if err == nil {
		err = os.WriteFile("../../testdata/records/"+name, data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestRecordOfDeepSeekV3 records the layout of 163 shards with its published
// shapes beside the real documents. The headers are real; of the 689 GB of
// data behind them nobody hashes a byte here, so the digests of the shards are
// made up, and what a watcher would have seen of each is put in its place.
func TestRecordOfDeepSeekV3(t *testing.T) {
	p, err := policy.Build(policy.Settings{AllowUnsigned: true})
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Config{Policy: p, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	ref, err := artifact.ParseReference("dir:.")
	if err != nil {
		t.Fatal(err)
	}
	e := c.begin(ref)
	e.gallery = e.newGallery()
	seen := map[string]*watcher{}
	e.gallery.proved[artifact.Digest{}] = seen
	add := func(name string, body []byte, size int64) {
		w := &watcher{left: size, sink: inspect.New(name, size), text: body}
		_, _ = w.sink.Write(body)
		w.facts, w.sink = w.sink.Facts(), nil
		seen[name] = w
		e.total += size
		e.treeFiles = append(e.treeFiles, artifact.File{Path: name, Digest: artifact.SumSHA256(append([]byte(name), body...)), Size: size})
	}
	for name, body := range fixtures.DeepSeekV3Documents(t) {
		add(name, body, int64(len(body)))
	}
	shards, sizes, index := fixtures.DeepSeekV3().Shards(163)
	for name, header := range shards {
		add(name, header, sizes[name])
	}
	add("model.safetensors.index.json", []byte(index), int64(len(index)))
	if err := e.record(); err != nil {
		t.Fatal(err)
	}
	m := e.report.Manifest
	if *Records {
		WriteRecord(t, "deepseek-v3-163-shards.json", m)
	}
	if len(m.Weights) != 1 {
		t.Fatalf("%+v", m.Weights)
	}
	w := m.Weights[0]
	if w.Files != 163 || w.Tensors != 91_991 || w.Stored != 684_531_386_000 || w.Main != 671_026_419_200 || w.Bytes != 688_574_839_360 ||
		w.ByDType["F8_E4M3"] != 680_571_043_840 || w.ByDType["BF16"] != 3_918_786_560 || w.ByDType["F32"] != 41_555_600 || w.Family != "deepseek_v3" || w.Unchecked != 0 {
		t.Errorf("%+v", w)
	}
	definitions := w.Definitions()
	if len(definitions) < 2 || !slices.Contains(definitions, "parameters of the main model") || !slices.Contains(definitions, "all stored elements, with scales") {
		t.Errorf("%q of %+v", definitions, w.Stated)
	}
	if m.Loading.Class != provenance.LoadCodeOnLoad || !slices.ContainsFunc(m.Loading.Loaders, func(l provenance.Loader) bool { return slices.Contains(l.Rules, "MC-CONFIG-AUTO-MAP") }) {
		t.Errorf("%+v", m.Loading)
	}
	for id, want := range map[string]provenance.State{
		"runtime.remoteCode": provenance.StateVerified, "model.parameters.stored": provenance.StateVerified, "model.parameters.main": provenance.StateVerified,
		"model.shards": provenance.StateVerified, "model.precision.mix": provenance.StateVerified, "model.parameters.total": provenance.StateDeclared,
	} {
		i := slices.IndexFunc(m.Claims, func(c provenance.Claim) bool { return c.ID == id })
		if i < 0 || m.Claims[i].State != want {
			t.Errorf("%s: %+v", id, m.Claims[max(i, 0)])
		}
	}
	for _, f := range m.Findings {
		if f.ID == provenance.CodeFormatMalformed || f.Facts["rule"] == "MC-CODE-MISSING" || f.Facts["rule"] == "MC-SHAPE-CONFIG" {
			t.Errorf("%+v", f)
		}
	}
	for _, s := range w.Stated {
		t.Logf("%q at %s:%v counts %q (%d)", s.Text, s.Path, s.Lines, s.Counts, s.Measured)
	}
}
