package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/render"
	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
)

// The ways of showing progress, all on stderr.
const (
	progressAuto  = "auto" // bars on a terminal, lines elsewhere
	progressBars  = "bars"
	progressPlain = "plain"
	progressJSON  = "json"
	progressNone  = "none"
)

// How often each of them says something. Bars that change faster only flicker;
// lines stand in logs.
var progressEvery = map[string]time.Duration{
	progressBars:  100 * time.Millisecond,
	progressPlain: 10 * time.Second,
	progressJSON:  time.Second,
}

// maxBars is how many blobs have a bar of their own.
const maxBars = 8

// A progress shows how far the reading is. It is told by several goroutines.
type progress struct {
	s   streams
	how string

	mu     sync.Mutex
	last   time.Time
	told   int64 // bytes, when something was last said
	rate   float64
	lines  int // on the terminal now
	active []*blobProgress
}

// A blobProgress is one blob that is being read.
type blobProgress struct {
	digest     artifact.Digest
	name       string
	done, size int64
}

func newProgress(s streams, p placeFlags) *progress {
	how := p.progress
	if how == progressAuto {
		how = progressPlain
		if terminal(s.err) && s.env("TERM") != "dumb" && s.env("CI") == "" {
			how = progressBars
		}
	}
	if p.quiet || p.verbose || p.noProgress || how == "" {
		how = progressNone
	}
	return &progress{s: s, how: how, last: time.Now()}
}

// blob is told of a blob that begins, goes on or ends.
func (p *progress) blob(b check.BlobProgress) {
	if p.how == progressNone {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.active, func(a *blobProgress) bool { return a.digest == b.Digest })
	switch {
	case b.Ended && i >= 0:
		p.active = slices.Delete(p.active, i, i+1)
	case b.Ended:
	case i >= 0:
		p.active[i].done = b.Done
	default:
		p.active = append(p.active, &blobProgress{digest: b.Digest, name: b.Name, done: b.Done, size: b.Size})
	}
}

// update is told of the whole. Sizes are in bytes.
func (p *progress) update(done, total int64) {
	if p.how == progressNone {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	passed := now.Sub(p.last)
	if passed < progressEvery[p.how] {
		return
	}
	rate := float64(done-p.told) / passed.Seconds()
	if p.rate > 0 { // the last second or so counts, and it does not jump
		weight := min(passed.Seconds(), 0.5)
		rate = weight*rate + (1-weight)*p.rate
	}
	p.last, p.told, p.rate = now, done, rate
	switch p.how {
	case progressBars:
		p.draw(done, total)
	case progressJSON:
		p.tell(done, total)
	default:
		fmt.Fprintf(p.s.err, "modelcheck: %s\n", p.summary(done, total))
	}
}

func (p *progress) summary(done, total int64) string {
	return fmt.Sprintf("%s of %s hashed, %d%%, %s/s, %s left", render.Bytes(done), render.Bytes(total), percent(done, total), render.Bytes(int64(p.rate)), p.left(done, total))
}

func (p *progress) left(done, total int64) string {
	if p.rate < 1 {
		return "?"
	}
	return time.Duration(float64(total-done) / p.rate * float64(time.Second)).Round(time.Second).String()
}

func percent(done, total int64) int64 {
	if total == 0 {
		return 100
	}
	return int64(float64(done) / float64(total) * 100)
}

// draw writes over what it wrote before.
func (p *progress) draw(done, total int64) {
	width := 80
	if f, ok := p.s.err.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			width = w
		}
	}
	var b strings.Builder
	b.WriteString(p.erase())
	p.lines = 0
	for i, a := range p.active {
		if i == maxBars {
			b.WriteString(fit(fmt.Sprintf("  … %d more", len(p.active)-i), width))
			p.lines++
			break
		}
		b.WriteString(fit(bar(a, width), width))
		p.lines++
	}
	b.WriteString(fit(p.summary(done, total), width))
	p.lines++
	fmt.Fprint(p.s.err, b.String())
}

// bar is one line: name, bar, how much of how much.
func bar(a *blobProgress, width int) string {
	const cells = 20
	full := int(percent(a.done, a.size)) * cells / 100
	end := fmt.Sprintf(" [%s%s] %3d%% of %s", strings.Repeat("=", full), strings.Repeat(" ", cells-full), percent(a.done, a.size), render.Bytes(a.size))
	room := max(width-len(end)-1, 8)
	name := printable(a.name)
	if len(name) > room {
		name = "…" + strings.ToValidUTF8(name[len(name)-room+3:], "")
	}
	return fmt.Sprintf("%-*s%s", room, name, end)
}

// fit keeps a line from being broken into two, which could not be erased.
func fit(line string, width int) string {
	if r := []rune(line); len(r) >= width {
		line = string(r[:width-1])
	}
	return line + "\n"
}

// erase goes back to the first of our lines and clears all below.
func (p *progress) erase() string {
	if p.lines == 0 {
		return ""
	}
	return fmt.Sprintf("\x1b[%dA\x1b[J", p.lines)
}

// tell writes one line of JSON.
func (p *progress) tell(done, total int64) {
	type one struct {
		Digest string `json:"digest"`
		Name   string `json:"name,omitempty"`
		Done   int64  `json:"done"`
		Size   int64  `json:"size"`
	}
	line := struct {
		Event string `json:"event"`
		Done  int64  `json:"done"`
		Total int64  `json:"total"`
		Rate  int64  `json:"bytesPerSecond"`
		Blobs []one  `json:"blobs"`
	}{"progress", done, total, int64(p.rate), []one{}}
	for _, a := range p.active {
		line.Blobs = append(line.Blobs, one{a.digest.String(), a.name, a.done, a.size})
	}
	_ = json.NewEncoder(p.s.err).Encode(line) // what cannot be shown is no fault of the model
}

// clear takes the bars away, before something else is written.
func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lines > 0 {
		fmt.Fprint(p.s.err, p.erase())
		p.lines = 0
	}
}

func terminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// style follows NO_COLOR (no-color.org) and colours nothing but terminals.
func style(s streams) render.Style {
	st := render.Style{Width: 100}
	f, ok := s.out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return st
	}
	st.Colour = s.env("NO_COLOR") == "" && s.env("TERM") != "dumb"
	if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 40 {
		st.Width = w
	}
	return st
}
