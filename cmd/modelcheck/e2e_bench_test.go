//go:build e2e

package main_test

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The flags of `make bench BENCHFLAGS=…`.
var (
	benchScale  = flag.Int64("scale", 1, "divide the sizes of the benchmark's blobs by this")
	benchRounds = flag.Int("rounds", 5, "runs of each of the benchmark's commands, alternating")
	benchShapes = flag.String("shapes", "typical,one-big,many-small,many-layers,small,growth", "what to measure")
	benchOnly   = flag.String("commands", "", "measure only these commands, by the beginnings of their names")
	benchOut    = flag.String("out", "", "write the results to this file, Markdown")
	benchSparse = flag.Int64("sparse", 0, "also verify and pull one file of zeros of this many GiB")
)

// TestBench measures modelcheck beside what others use, all from one registry on
// loopback. It is no part of `make e2e`: what it says depends on the machine.
func TestBench(t *testing.T) {
	b := startBench(t)
	var out results
	for _, s := range shapes(*benchScale) {
		if measuring(s.name) {
			out.tables = append(out.tables, b.shape(t, s))
		}
	}
	if measuring("small") {
		out.small = b.small(t)
	}
	if measuring("growth") {
		out.growth = b.growth(t)
	}
	if *benchSparse > 0 {
		out.sparse = b.sparse(t)
	}
	text := out.markdown(b.machine(t))
	t.Log("\n" + text)
	if *benchOut != "" {
		if err := os.WriteFile(*benchOut, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// A bench is a bed whose distribution registry is filled past its API: what
// lies in its storage need not be sent to it first.
type bench struct {
	*bed
	user    user
	key     keyPair
	bare    string // path of the bare loop
	skopeo  string // path, empty where there is none
	storage string
	host    string
	// keep leaves what the commands wrote until all have run: for minutes after
	// many files were deleted, ext4 looks long for an inode that it may use again.
	keep bool
	runs int
}

func startBench(t *testing.T) *bench {
	t.Helper()
	bed := startBed(t)
	b := &bench{bed: bed, user: newUser(t, bed.workshop), key: bed.newKey(t, "publisher")}
	b.host, b.storage = bed.registries[0].host, bed.path("distribution", "docker/registry/v2")
	b.bare = b.path("bare")
	goBuild(t, b.bare, "../../.ci/bench/bare")
	b.skopeo, _ = exec.LookPath("skopeo")
	b.write(t, "docker/config.json", []byte("{}"))
	return b
}

// A command is one of the rows of a table.
type command struct {
	name string
	line []string
	once bool // it may take minutes, and its ratio is far from a mark
}

// commands lists what is measured of one artifact.
func (b *bench) commands(p published, layers []layer) []command {
	ref := p.pinned()
	oras := []string{b.tool("oras"), "pull", "--plain-http", "--no-tty", "-o", "%DIR", ref}
	cosign := []string{b.tool("cosign"), "verify", "--allow-http-registry", "--insecure-ignore-tlog", "--key", b.key.public, ref}
	bare := []string{b.bare}
	for _, l := range layers {
		bare = append(bare, "http://"+b.host+"/v2/"+strings.TrimPrefix(p.repository, b.host+"/")+"/blobs/"+l.Digest)
	}
	sum := "find %DIR -type f -print0 | xargs -0 sha256sum"
	list := []command{
		{name: "oras pull", line: oras},
		{name: "modelcheck verify", line: []string{b.user.binary, "verify", "-q", "--key", b.key.public, ref}},
		{name: "modelcheck pull", line: []string{b.user.binary, "pull", "-q", "--key", b.key.public, ref, "%DIR/model"}},
		{name: "bare loop: read and hash", line: bare},
		{name: "crane pull --format oci", line: []string{b.tool("crane"), "pull", "--insecure", "--format", "oci", ref, "%DIR"}, once: true},
		{name: "regctl artifact get", line: []string{b.tool("regctl"), "--host", "reg=" + b.host + ",tls=disabled", "artifact", "get", "-o", "%DIR", ref}, once: true},
		{name: "oras pull && sha256sum", line: shell(quoted(oras) + " && " + sum), once: true},
		{name: "cosign verify && oras pull && sha256sum", line: shell(quoted(cosign) + " && " + quoted(oras) + " && " + sum), once: true},
	}
	if b.skopeo != "" {
		list = append(list, command{name: "skopeo copy oci:", once: true,
			line: []string{b.skopeo, "copy", "--insecure-policy", "--src-tls-verify=false", "docker://" + ref, "oci:%DIR/model:v1"}})
	}
	return slices.DeleteFunc(list, func(c command) bool { return !wanted(c.name) })
}

func (b *bench) tool(name string) string { return filepath.Join(b.tools, name) }

func shell(script string) []string {
	return []string{"/bin/sh", "-c", "{ " + script + "; } >/dev/null"}
}

// quoted is for a shell; no argument here holds a quotation mark.
func quoted(line []string) string { return "'" + strings.Join(line, "' '") + "'" }

func measuring(shape string) bool { return slices.Contains(strings.Split(*benchShapes, ","), shape) }

func wanted(name string) bool {
	if *benchOnly == "" {
		return true
	}
	return slices.ContainsFunc(strings.Split(*benchOnly, ","), func(begin string) bool { return strings.HasPrefix(name, begin) })
}

// shape measures all commands on artifacts of one shape.
func (b *bench) shape(t *testing.T, s shape) table {
	t.Helper()
	p, layers := b.publish(t, s)
	b.keep = s.blobs >= 100
	out := b.alternate(t, rounds(s.size*int64(s.blobs)), b.commands(p, layers))
	b.keep = false
	b.clear(t, b.path("targets"))
	for _, l := range layers {
		out.bytes += l.Size
	}
	out.name, out.what = s.name, s.what
	b.unpublish(t, layers)
	return out
}

// rounds is how often a command runs that moves so many bytes: what is short is
// disturbed more.
func rounds(bytes int64) int {
	if bytes < 64<<20 {
		return 4 * *benchRounds
	}
	return *benchRounds
}

// alternate runs the commands one after the other, and all of that as often as
// there are rounds, after one round that is not counted and fills the caches.
func (b *bench) alternate(t *testing.T, rounds int, list []command) table {
	t.Helper()
	out := table{rows: make([]row, len(list))}
	for round := range rounds + 1 {
		for i, c := range list {
			if c.once && round != 1 {
				continue
			}
			u := b.runOnce(t, c)
			t.Logf("round %d: %-40s wall %.2f s, CPU %.2f s, %.0f MiB", round, c.name, u.elapsed.Seconds(), u.cpu.Seconds(), float64(u.peak)/(1<<20))
			out.rows[i].name = c.name
			if round > 0 {
				out.rows[i].runs = append(out.rows[i].runs, u)
			}
		}
	}
	return out
}

// runOnce runs a command in an empty folder on a disk with nothing left to write.
func (b *bench) runOnce(t *testing.T, c command) usage {
	t.Helper()
	b.runs++
	dir := b.path("targets", fmt.Sprint(b.runs))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	line := slices.Clone(c.line)
	for i := range line {
		line[i] = strings.ReplaceAll(line[i], "%DIR", dir)
	}
	syscall.Sync()
	exit, u, folder := b.user.measureLine(t, line)
	if exit != 0 {
		t.Fatalf("%s: exit %d\n%s%s", c.name, exit, readFile(t, folder+"/stdout"), readFile(t, folder+"/stderr"))
	}
	b.clear(t, folder)
	if !b.keep {
		b.clear(t, dir)
	}
	return u
}

func (b *bench) clear(t *testing.T, dir string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
}

// hashRate is how much one core hashes, in 10⁹ bytes per second.
func hashRate() float64 {
	h, buf, start := sha256.New(), make([]byte, 256<<10), time.Now()
	const total = 1 << 30
	for range total / len(buf) {
		h.Write(buf)
	}
	return total / time.Since(start).Seconds() / 1e9
}

// machine says on what and with what was measured.
func (b *bench) machine(t *testing.T) []string {
	t.Helper()
	shell := func(script string) string {
		out, err := exec.CommandContext(t.Context(), "/bin/sh", "-c", script).Output()
		if err != nil {
			return "unknown"
		}
		return strings.TrimSpace(string(out))
	}
	version := func(name string) string {
		return shell("go version -m '" + b.tool(name) + "' | awk '$1==\"mod\" {print $3}'")
	}
	lines := []string{
		fmt.Sprintf("%s, %s processors, Linux %s", shell("sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1"), shell("nproc"), shell("uname -r")),
		fmt.Sprintf("%s of memory, %s on the disk", shell("awk '/MemTotal/ {printf \"%.0f GiB\", $2/1048576}' /proc/meminfo"), shell("stat -f -c %T '"+b.dir+"'")),
		fmt.Sprintf("SHA-256 by Go's standard library: %.2f GB/s on one core", hashRate()),
		"registry (distribution) " + version("registry") + " on loopback, without TLS, blobs in its page cache",
		fmt.Sprintf("oras %s, crane %s, regctl %s, cosign %s, %s", version("oras"), version("crane"), version("regctl"), version("cosign"), shell("sha256sum --version | head -1")),
	}
	if b.skopeo == "" {
		return append(lines, "skopeo was not installed and is not measured; no Go module of it can be built from the module proxy")
	}
	return append(lines, shell("'"+b.skopeo+"' --version")+", as the system has it")
}
