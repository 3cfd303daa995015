package packaging

import (
	"archive/tar"
	"fmt"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// merged puts tar layers together.
func merged(t testing.TB, p Packaging, layers ...[]item) Contents {
	t.Helper()
	m := &Image{Packaging: p}
	var sinks []*Sink
	for _, items := range layers {
		b := tarOf(t, items...)
		m.Layers = append(m.Layers, layerOf(b, Tar))
		sinks = append(sinks, feed(t, NewSink(layerOf(b, Tar), nil), b))
	}
	c, err := Merge(m, nil, sinks)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := artifact.ContentIdentity(c.Files); err != nil && !has(c.Findings, provenance.CodeEmptyArtifact) {
		t.Error(err)
	}
	return c
}

func file(names ...string) (items []item) {
	for _, name := range names {
		items = append(items, item{name: name, body: name})
	}
	return items
}

// TestMerge: what the layers make together, and what is told of it. Findings
// are "code subject".
func TestMerge(t *testing.T) {
	link := func(name, target string) item { return item{name: name, kind: tar.TypeSymlink, link: target} }
	dir := func(name string) item { return item{name: name + "/", kind: tar.TypeDir} }
	const dup, unsafe, linked = provenance.CodeDuplicateName + " ", provenance.CodeUnsafeEntry + " ", provenance.CodeLinkEntry + " "
	tests := []struct {
		name   string
		kind   Packaging
		layers [][]item
		files  string
		found  string
	}{
		{"two layers", Container, [][]item{file("a", "d/b"), file("c")}, "a c d/b", ""},
		{"replaced", Container, [][]item{file("a", "b"), {{name: "a", body: "new"}}}, "a b", ""},
		{"whiteout", Container, [][]item{file("a", "d/b"), file("d/.wh.b")}, "a", ""},
		{"whiteout of a directory", Container, [][]item{file("a", "d/b", "d/e/c"), file(".wh.d")}, "a", ""},
		{"whiteout of nothing", Container, [][]item{file("a"), file(".wh.x", "d/.wh.y")}, "a", ""},
		{"whiteout and new file in one layer", Container, [][]item{file("a"), file("a", ".wh.a")}, "a", ""},
		{"opaque", Container, [][]item{file("a", "d/b", "d/e/c"), file("d/n", "d/.wh..wh..opq")}, "a d/n", ""},
		{"opaque root", Container, [][]item{file("a", "d/b"), file(".wh..wh..opq", "n")}, "n", ""},
		{"aufs bookkeeping", Container, [][]item{file("a"), file(".wh..wh.plnk")}, "a", ""},
		{"whiteout of ..", Container, [][]item{file("d/a"), file("d/.wh...")}, "d/a", provenance.CodeUnsafeName + " d/.wh..."},
		{"whiteout that is a link", Container, [][]item{file("a"), {link(".wh.a", "b")}}, "", unsafe + ".wh.a, " + provenance.CodeEmptyArtifact + " "},
		{"no whiteouts in artifacts", ModelPack, [][]item{file("a"), file(".wh.a")}, ".wh.a a", ""},
		{"file replaced by directory", Container, [][]item{file("a"), {dir("a")}, file("b")}, "b", ""},
		{"directory replaced by file", Container, [][]item{file("a/b", "a/c"), file("a")}, "a", ""},
		{"directory replaced by link", Container, [][]item{file("a/b", "c"), {link("a", "c")}}, "c", linked + "a"},
		{"file made a directory by what is below", Container, [][]item{file("a"), file("a/b")}, "a/b", ""},
		{"file and directory in one layer", Container, [][]item{file("a", "a/b")}, "a", dup + "a/b"},
		{"twice in one layer", Container, [][]item{{{name: "a", body: "1"}, {name: "a", body: "2"}}}, "a", dup + "a"},
		{"through a link", Container, [][]item{{link("d", "e")}, file("d/a", "e/x")}, "e/x", unsafe + "d/a, " + linked + "d"},
		{"case twins", Container, [][]item{file("README.md"), file("readme.md")}, "README.md readme.md", dup + "readme.md"},

		{"claimed twice", ModelPack, [][]item{file("a"), {{name: "a", body: "other"}}}, "a", dup + "a"},
		{"claimed twice with one content", ModelKit, [][]item{file("a", "b"), file("a")}, "a b", dup + "a"},
		{"claimed twice by ./", ModelKit, [][]item{file("a"), file("./a")}, "a", dup + "a"},
		{"file and directory", ModelKit, [][]item{file("a"), file("a/b")}, "a", dup + "a/b"},
		{"directory and file", ModelKit, [][]item{file("a/b"), file("a")}, "a/b", dup + "a"},
		{"file and empty directory", ModelKit, [][]item{file("a"), {dir("a")}}, "a", dup + "a"},
		{"directory twice", ModelKit, [][]item{{dir("a")}, {dir("a")}, file("a/b")}, "a/b", ""},
		{"twins in case", ModelKit, [][]item{file("d/LICENSE"), file("D/license")}, "D/license d/LICENSE", dup + "d/LICENSE"},
		{"twins in composition", ModelKit, [][]item{file("caf\u00e9"), file("cafe\u0301")}, "cafe\u0301 caf\u00e9", dup + "caf\u00e9"},
		{"no twins", ModelKit, [][]item{file("LICENSE"), file("LICENSE.md", "licence")}, "LICENSE LICENSE.md licence", ""},

		{"link inside", ModelKit, [][]item{append(file("a/b"), link("c", "a/b"))}, "a/b", linked + "c"},
		{"link by .. inside", ModelKit, [][]item{append(file("a/b"), link("d/c", "../a/b"))}, "a/b", linked + "d/c"},
		{"link out", ModelKit, [][]item{append(file("a/b"), link("d/c", "../../a/b"))}, "a/b", unsafe + "d/c"},
		{"absolute link", ModelKit, [][]item{append(file("a/b"), link("c", "/a/b"))}, "a/b", unsafe + "c"},
		{"link to a bad name", ModelKit, [][]item{append(file("a"), link("c", `d\e`))}, "a", unsafe + "c"},
		{"file by link", ModelKit, [][]item{append(file("a/b"), link("c", "a"), item{name: "c", body: "x"})}, "a/b", dup + "c, " + linked + "c"},
		{"hard link", ModelKit, [][]item{append(file("a"), item{name: "b", kind: tar.TypeLink, link: "a"})}, "a b", ""},

		{"links and devices of the system", Container, [][]item{{link("bin", "/usr/bin"), link("x", "../../y"), {name: "null", kind: tar.TypeChar}, {name: "A", body: "A"}, {name: "a", body: "a"}}, file("models/m")}, "A a models/m", ""},
		{"link out of the model", Container, [][]item{file("etc/passwd", "models/m"), {link("models/c", "../etc/passwd")}}, "etc/passwd models/m", unsafe + "models/c"},
		{"link in the model", Container, [][]item{file("models/m"), {link("models/c", "m")}}, "models/m", linked + "models/c"},
		{"device in the model", Container, [][]item{append(file("models/m"), item{name: "models/c", kind: tar.TypeChar})}, "models/m", unsafe + "models/c"},
		{"the model is a link", Container, [][]item{file("models/m", "x"), {link("models", "x")}}, "x", unsafe + "models, " + provenance.CodeEmptyArtifact + " "},
		{"a bad name is nobody's system", Container, [][]item{file("models/m", "../x")}, "models/m unnamed/HEX/2", provenance.CodeUnsafeName + " ../x"},
		{"all removed", Container, [][]item{file("models/m", "etc/x"), file("models/.wh.m")}, "etc/x", provenance.CodeEmptyArtifact + " "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := merged(t, tt.kind, tt.layers...)
			var found []string
			for _, f := range c.Findings {
				found = append(found, f.ID+" "+f.Subject)
			}
			if got := strings.Join(found, ", "); got != tt.found {
				t.Errorf("found %q, want %q", got, tt.found)
			}
			want := strings.Replace(tt.files, "HEX", artifact.SumSHA256(tarOf(t, tt.layers[0]...)).Hex()[:12], 1)
			if got := paths(c.Files); got != want {
				t.Errorf("files %q, want %q", got, want)
			}
		})
	}
}

// TestMergeWins: in an image the last one counts, in an artifact the first is
// listed.
func TestMergeWins(t *testing.T) {
	for kind, want := range map[Packaging]string{Container: "new", ORAS: "old"} {
		c := merged(t, kind, []item{{name: "a", body: "old"}}, []item{{name: "a", body: "new"}})
		if len(c.Files) != 1 || c.Files[0].Digest != artifact.SumSHA256([]byte(want)) {
			t.Errorf("%s: %v", kind, c.Files)
		}
	}
	c := merged(t, Container, []item{{name: "a", body: "old"}, {name: "a", body: "new"}})
	if c.Files[0].Digest != artifact.SumSHA256([]byte("new")) {
		t.Error("the first of one archive was listed")
	}
}

func TestSystemRole(t *testing.T) {
	for _, f := range merged(t, Container, file("etc/x", "models.txt", "models/m")).Files {
		if want := f.Path != "models/m"; (f.Role == artifact.RoleSystem) != want {
			t.Errorf("%s: %v", f.Path, f.Role)
		}
	}
	for _, p := range []Packaging{Container, ModelPack} {
		for _, f := range merged(t, p, file("etc/x", "y")).Files {
			if f.Role == artifact.RoleSystem {
				t.Errorf("%s %s: %v", p, f.Path, f.Role)
			}
		}
	}
	for _, f := range merged(t, ModelPack, file("x", "models/m")).Files {
		if f.Role == artifact.RoleSystem {
			t.Errorf("%s: %v", f.Path, f.Role)
		}
	}
}

// TestManyFindings: what is left out is counted, and no code is lost.
func TestManyFindings(t *testing.T) {
	var items []item
	for i := range maxFindings * 3 {
		items = append(items, item{name: fmt.Sprintf("../%d", i)})
	}
	items = append(items, item{name: "dev", kind: tar.TypeFifo})
	c := merged(t, ModelKit, items)
	if len(c.Findings) > maxFindings+2 || !has(c.Findings, provenance.CodeUnsafeName) || !has(c.Findings, provenance.CodeUnsafeEntry) {
		t.Errorf("%d findings", len(c.Findings))
	}
}
