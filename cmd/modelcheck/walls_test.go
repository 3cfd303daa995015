package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// This is a statement of policy; do not change this data to make a build pass.
// Where a wall stands in the wrong place, move it in docs/ARCHITECTURE.md
// first, with the reason.

const module = "github.com/modelcheck/modelcheck"

// floors: a package may import own packages of lower floors only, and of its
// own floor only as listed in sideways.
var floors = map[string]int{
	"pkg/artifact":                   1,
	"pkg/internal/strictjson":        1, // stands on nothing; every reader of strangers' JSON uses it
	"schemas":                        1,
	"cmd/modelcheck/internal/heap":   1, // stands on nothing, so that it is initialised early
	"pkg/provenance":                 2,
	"pkg/policy":                     3,
	"pkg/internal/license":           4,
	"pkg/internal/registry":          4,
	"pkg/internal/packaging":         4,
	"pkg/internal/blob":              4,
	"pkg/internal/attest":            4,
	"pkg/internal/inspect":           4,
	"pkg/internal/disclose":          4,
	"pkg/internal/dossier":           4,
	"pkg/check":                      5,
	"pkg/admission":                  6,
	"cmd/modelcheck/internal/render": 6,
	"cmd/modelcheck/internal/export": 6,
	"cmd/modelcheck":                 7,
}

// sideways: imports within one floor that are meant.
var sideways = map[string][]string{
	"pkg/internal/disclose":          {"pkg/internal/license"},
	"cmd/modelcheck/internal/export": {"cmd/modelcheck/internal/render"}, // one way of making strangers' text harmless
}

// The head and the hands do not know each other.
var strangers = map[string][]string{
	"pkg/internal/registry":  {"pkg/policy", "pkg/provenance"},
	"pkg/internal/blob":      {"pkg/policy", "pkg/provenance"},
	"pkg/internal/license":   {"pkg/policy", "pkg/provenance"},
	"pkg/internal/dossier":   {"pkg/policy", "pkg/provenance"},
	"pkg/internal/packaging": {"pkg/policy"},
	"pkg/internal/attest":    {"pkg/policy"},
	"pkg/internal/inspect":   {"pkg/policy"},
	"pkg/internal/disclose":  {"pkg/policy"},
	"cmd/modelcheck":         {"pkg/internal"},
}

// doors: only these rooms may import modules below the prefix.
var doors = map[string][]string{
	"oras.land/oras-go":              {"pkg/internal/registry"},
	"github.com/sigstore":            {"pkg/internal/attest"},
	"github.com/google/cel-go":       {"pkg/policy"},
	"k8s.io":                         {"pkg/admission"},
	"github.com/spf13/cobra":         {"cmd/modelcheck"},
	"github.com/google/licensecheck": {"pkg/internal/license"},
	"github.com/prometheus":          {"pkg/admission"},
	"github.com/klauspost/compress":  {"pkg/internal/packaging", "pkg/internal/inspect"},
	"net/http":                       {"pkg/internal/registry", "pkg/internal/attest/signing", "pkg/internal/attest/trust", "pkg/admission"},
}

// pure rooms can do nothing to the world.
var pure = []string{"pkg/internal/inspect", "pkg/internal/disclose", "pkg/internal/license", "pkg/internal/dossier", "pkg/policy", "pkg/provenance", "pkg/artifact", "pkg/internal/packaging"}

var worldly = []string{"net", "net/http", "os", "os/exec", "os/signal", "syscall", "unsafe", "reflect", "plugin", "math/rand", "math/rand/v2"}

// pureExceptions: a standard package that a pure room may import, and why.
var pureExceptions = map[string][]string{
	"pkg/artifact": {"net"}, // net.ParseIP only: no connection can be made with an address
}

type listed struct {
	ImportPath string
	Imports    []string
}

func TestWalls(t *testing.T) {
	for _, p := range ownPackages(t) {
		own := strings.TrimPrefix(p.ImportPath, module+"/")
		t.Run(own, func(t *testing.T) {
			if testOnly(own) {
				return
			}
			if floor(own) == 0 {
				t.Fatalf("%s stands on no floor: give it one in docs/ARCHITECTURE.md and here", own)
			}
			for _, imp := range p.Imports {
				checkOwn(t, own, imp)
				checkDoors(t, own, imp)
				checkPure(t, own, imp)
			}
		})
	}
}

// testRooms are imported by tests alone; checkOwn refuses them elsewhere.
var testRooms = []string{"pkg/internal/fixtures", "pkg/internal/attest/sigstoretest", "pkg/internal/attest/signing/signingtest"}

func testOnly(own string) bool {
	return slices.Contains(testRooms, own) || strings.HasPrefix(own, "testdata/")
}

func checkOwn(t *testing.T, own, imp string) {
	target, ok := strings.CutPrefix(imp, module+"/")
	if !ok {
		return
	}
	if testOnly(target) {
		t.Errorf("%s imports %s, which is for tests", own, target)
	}
	for room, forbidden := range strangers {
		if !within(own, room) {
			continue
		}
		for _, f := range forbidden {
			if within(target, f) && !within(target, room) {
				t.Errorf("%s may not know %s", own, target)
			}
		}
	}
	if sameRoom(own, target) {
		return
	}
	switch a, b := floor(own), floor(target); {
	case b < a:
	case b == a && slices.Contains(sideways[own], target):
	default:
		t.Errorf("%s (floor %d) imports %s (floor %d): every arrow points down", own, a, target, b)
	}
}

func checkDoors(t *testing.T, own, imp string) {
	for prefix, rooms := range doors {
		if within(imp, prefix) && !slices.ContainsFunc(rooms, func(r string) bool { return within(own, r) }) {
			t.Errorf("%s imports %s; only %v may", own, imp, rooms)
		}
	}
}

func checkPure(t *testing.T, own, imp string) {
	for _, room := range pure {
		if within(own, room) && slices.Contains(worldly, imp) && !slices.Contains(pureExceptions[room], imp) {
			t.Errorf("%s imports %s: this room can do nothing to the world", own, imp)
		}
	}
}

func within(name, prefix string) bool {
	return name == prefix || strings.HasPrefix(name, prefix+"/")
}

// floor finds the floor of the nearest room that holds the package.
func floor(own string) int {
	for p := own; p != "."; p = path.Dir(p) {
		if f := floors[p]; f != 0 {
			return f
		}
	}
	return 0
}

func sameRoom(a, b string) bool {
	for room := range floors {
		if room != "cmd/modelcheck" && within(a, room) && within(b, room) {
			return true
		}
	}
	return false
}

func ownPackages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", module+"/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 10 {
		t.Fatalf("go list found %d packages: the walls were not checked", len(all))
	}
	return all
}
