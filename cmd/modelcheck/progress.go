package main

import (
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/render"
)

// A progress line on stderr, on a terminal only.
type progress struct {
	s       streams
	on      bool
	mu      sync.Mutex
	started time.Time
	last    time.Time
	shown   bool
}

// redraw is how often the line changes; faster only flickers.
const redraw = 100 * time.Millisecond

func newProgress(s streams, p placeFlags) *progress {
	on := !p.quiet && !p.verbose && !p.noProgress && terminal(s.err) && s.env("TERM") != "dumb" && s.env("CI") == ""
	return &progress{s: s, on: on, started: time.Now()}
}

// update is called by several goroutines. Sizes are in bytes.
func (p *progress) update(done, total int64) {
	if !p.on {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if now.Sub(p.last) < redraw {
		return
	}
	p.last, p.shown = now, true
	rate := float64(done) / max(now.Sub(p.started).Seconds(), 0.001)
	left := "?"
	if rate > 0 {
		left = time.Duration(float64(total-done) / rate * float64(time.Second)).Round(time.Second).String()
	}
	fmt.Fprintf(p.s.err, "\r\x1b[K%s of %s hashed, %s/s, %s left", render.Bytes(done), render.Bytes(total), render.Bytes(int64(rate)), left)
}

func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown {
		fmt.Fprint(p.s.err, "\r\x1b[K")
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
