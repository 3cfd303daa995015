//go:build e2e

package main_test

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// results is what a run of the benchmark measured.
type results struct {
	tables []table
	small  table
	growth []table
	sparse table
}

// A table is what the commands took on one artifact.
type table struct {
	name, what string
	bytes      int64
	rows       []row
}

type row struct {
	name string
	runs []usage
}

// median is that of wall time, of CPU time and of peak memory, each by itself.
func (r row) median() usage {
	return usage{
		elapsed: middle(r.runs, func(u usage) time.Duration { return u.elapsed }),
		cpu:     middle(r.runs, func(u usage) time.Duration { return u.cpu }),
		peak:    middle(r.runs, func(u usage) int64 { return u.peak }),
	}
}

func middle[T int64 | time.Duration](runs []usage, of func(usage) T) T {
	var values []T
	for _, u := range runs {
		values = append(values, of(u))
	}
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

// find returns the median of the row whose name begins so, false where there is none.
func (t table) find(begin string) (usage, bool) {
	for _, r := range t.rows {
		if strings.HasPrefix(r.name, begin) {
			return r.median(), true
		}
	}
	return usage{}, false
}

func (r results) markdown(machine []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Benchmarks\n\nWritten by `make bench`. Figures are medians of %d alternating runs (of %d below 64 MiB), after one that is not counted;\nthose of crane, regctl, skopeo and sha256sum, and of the files of zeros, are of one run. Absolute\n"+
		"figures move with the machine; ratios hold better. CPU and peak memory are those of the command and of what it starts,\n"+
		"as the kernel counts them, without the registry's.\n\n", *benchRounds, rounds(0))
	if *benchScale != 1 {
		fmt.Fprintf(&b, "**Sizes were divided by %d: no result to quote.**\n\n", *benchScale)
	}
	for _, line := range machine {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	b.WriteString(commandsMarkdown)
	r.marks(&b)
	for _, t := range r.tables {
		t.markdown(&b, "oras pull", true)
	}
	if len(r.small.rows) > 0 {
		r.small.markdown(&b, "cosign verify, by key", false)
	}
	for _, t := range r.growth {
		t.growth(&b)
	}
	if len(r.sparse.rows) > 0 {
		r.sparse.markdown(&b, "", false)
	}
	return b.String()
}

const commandsMarkdown = `
Run it with ` + "`make bench`" + `; ` + "`make bench BENCHFLAGS='-scale 16 -rounds 3'`" + ` is a short one. The commands, for an artifact REF and an empty
folder DIR (exactly: [e2e_bench_test.go](../cmd/modelcheck/e2e_bench_test.go)):

` + "```" + `
modelcheck verify -q --key KEY REF                     modelcheck pull -q --key KEY REF DIR
oras pull --plain-http --no-tty -o DIR REF             crane pull --insecure --format oci REF DIR
regctl artifact get -o DIR REF                         skopeo copy --src-tls-verify=false docker://REF oci:DIR:v1
cosign verify --key KEY --insecure-ignore-tlog REF     find DIR -type f -print0 | xargs -0 sha256sum
` + "```" + `

The bare loop ([bare](../.ci/bench/bare/main.go)) reads the same blobs over HTTP and hashes them, as many at a time as there are
processors, and does nothing else: the floor. Where it takes more of ` + "`oras pull`" + `'s time than a mark of ` + "`verify`" + ` allows, that
mark is out of reach of whoever hashes with the same SHA-256 on that machine.
`

func (t table) markdown(b *strings.Builder, base string, rate bool) {
	fmt.Fprintf(b, "\n## %s: %s\n\n| command | wall s | CPU s | peak MiB |", t.name, t.what)
	columns := 4
	if rate {
		b.WriteString(" GB/s |")
		columns++
	}
	than, relative := t.find(base)
	if relative = relative && base != ""; relative {
		fmt.Fprintf(b, " wall × `%s` | CPU × |", base)
		columns += 2
	}
	b.WriteString("\n|" + strings.Repeat("---|", columns) + "\n")
	for _, r := range t.rows {
		m := r.median()
		fmt.Fprintf(b, "| `%s` | %.3f | %.3f | %.0f |", r.name, m.elapsed.Seconds(), m.cpu.Seconds(), mib(m.peak))
		if rate {
			fmt.Fprintf(b, " %.2f |", float64(t.bytes)/m.elapsed.Seconds()/1e9)
		}
		if relative {
			fmt.Fprintf(b, " %.2f | %.2f |", ratio(m.elapsed, than.elapsed), ratio(m.cpu, than.cpu))
		}
		b.WriteString("\n")
	}
}

func (t table) growth(b *strings.Builder) {
	fmt.Fprintf(b, "\n## `modelcheck verify` by %s\n\n| %[1]s | wall s | CPU s | peak MiB | ms each, beyond the row above |\n|---|---|---|---|---|\n", t.name)
	var before usage
	n, last := 0, 0
	for _, r := range t.rows {
		m := r.median()
		each := "–"
		last = n
		_, _ = fmt.Sscan(r.name, &n) // names are the numbers
		if last > 0 {
			each = fmt.Sprintf("%.2f", float64((m.elapsed-before.elapsed).Microseconds())/1000/float64(n-last))
		}
		fmt.Fprintf(b, "| %s | %.3f | %.3f | %.0f | %s |\n", r.name, m.elapsed.Seconds(), m.cpu.Seconds(), mib(m.peak), each)
		before = m
	}
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

func ratio(a, b time.Duration) float64 { return a.Seconds() / b.Seconds() }

// marks says of each mark what was measured.
func (r results) marks(b *strings.Builder) {
	b.WriteString("\n## Marks\n\n| mark | shape | wanted | measured | reached |\n|---|---|---|---|---|\n")
	for _, t := range r.tables {
		t.marks(b)
	}
	if version, ok := r.small.find("modelcheck version"); ok {
		mark(b, "`modelcheck version`, ms", "–", version.elapsed.Seconds()*1000, 40, false)
		for _, by := range []string{"by key", "by identity"} {
			ours, _ := r.small.find("modelcheck verify, " + by)
			cosign, _ := r.small.find("cosign verify, " + by)
			mark(b, "`verify` of five small files "+by+": wall × `cosign verify`", "small", ratio(ours.elapsed, cosign.elapsed), 1, false)
		}
	}
}

func (t table) marks(b *strings.Builder) {
	oras, ok := t.find("oras pull")
	verify, vok := t.find("modelcheck verify")
	pull, pok := t.find("modelcheck pull")
	large := t.name == "typical" || t.name == "one-big"
	if ok && vok && large {
		mark(b, "`verify`: wall × `oras pull`", t.name, ratio(verify.elapsed, oras.elapsed), 0.6, false)
	}
	if today, ok := t.find("cosign verify && "); ok && vok && large {
		mark(b, "`verify`: wall × `cosign verify && oras pull && sha256sum`", t.name, ratio(verify.elapsed, today.elapsed), 0.2, false)
	}
	if bare, ok := t.find("bare"); ok && vok && large {
		mark(b, "`verify`: throughput × bare loop", t.name, ratio(bare.elapsed, verify.elapsed), 0.9, true)
	}
	if ok && pok && large {
		mark(b, "`pull`: wall × `oras pull`", t.name, ratio(pull.elapsed, oras.elapsed), 0.8, false)
		mark(b, "`pull`: CPU × `oras pull`", t.name, ratio(pull.cpu, oras.cpu), 0.7, false)
	} else if ok && pok {
		mark(b, "`pull`: wall × `oras pull`", t.name, ratio(pull.elapsed, oras.elapsed), 1, false)
	}
	if vok {
		mark(b, "`verify`: peak MiB", t.name, mib(verify.peak), 64, false)
	}
	if pok {
		mark(b, "`pull`: peak MiB", t.name, mib(pull.peak), 96, false)
	}
}

func mark(b *strings.Builder, what, where string, got, want float64, least bool) {
	sign, reached := "≤", got <= want
	if least {
		sign, reached = "≥", got >= want
	}
	word := map[bool]string{true: "yes", false: "no"}[reached]
	fmt.Fprintf(b, "| %s | %s | %s %g | %.2f | %s |\n", what, where, sign, want, got, word)
}
