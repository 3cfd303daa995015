package feed

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
)

// A request is one step of a script: what is asked for, and how much.
type request struct {
	mode mode
	n    int
}

func requests(script []byte) []request {
	var out []request
	for c := range slices.Chunk(script[:len(script)/2*2], 2) {
		out = append(out, request{take + mode(c[0])%4, int(c[1])})
	}
	return out
}

// fed runs the script on data that come in pieces, and notes what is handed
// over, how far the feed came, and how it ended.
func fed(list []request, data []byte, piece int) (got []string) {
	var f Feed
	var next func(i int)
	next = func(i int) {
		if i == len(list) {
			return
		}
		r := list[i]
		note := func(b []byte) {
			got = append(got, fmt.Sprintf("%q %v %d", b, r.mode == line && f.Cut(), f.Offset()))
			next(i + 1)
		}
		switch r.mode {
		case take:
			f.Take(uint64(r.n), note)
		case line:
			f.Line(r.n, note)
		case skip:
			f.Skip(uint64(r.n), note)
		default:
			left := r.n
			var some Some
			some = func(b []byte) int {
				n := min(left, len(b))
				if left -= n; left > 0 {
					f.Stream(some)
				} else {
					next(i + 1)
				}
				return n
			}
			f.Stream(some)
		}
	}
	next(0)
	for c := range slices.Chunk(data, piece) {
		_, _ = f.Write(c)
	}
	return append(got, fmt.Sprint(f.Stopped(), errors.Is(f.End(), ErrTruncated), f.Seen()))
}

// read is what fed must see, read off the whole data.
func read(list []request, data []byte) (got []string) {
	at, cut := 0, false
	for _, r := range list {
		rest := data[at:]
		var b []byte
		switch r.mode {
		case take, skip:
			if len(data) == 0 || len(rest) < r.n {
				return append(got, fmt.Sprint(false, true, len(data)))
			}
			if at += r.n; r.mode == take {
				b = rest[:r.n]
			}
		case line:
			i := bytes.IndexByte(rest, '\n')
			if i < 0 {
				return append(got, fmt.Sprint(false, true, len(data)))
			}
			cut = i > r.n
			at, b = at+i+1, rest[:min(i, r.n)]
		default:
			if len(rest) < max(r.n, 1) {
				return append(got, fmt.Sprint(false, true, len(data)))
			}
			at += r.n
			continue
		}
		got = append(got, fmt.Sprintf("%q %v %d", b, r.mode == line && cut, at))
	}
	return append(got, fmt.Sprint(true, false, len(data)))
}

// FuzzFeed holds: whatever the pieces, steps are handed what lies in the data
// where they ask for it; and no more is allocated than what arrived.
func FuzzFeed(f *testing.F) {
	f.Add([]byte{0, 3, 1, 4, 0, 0, 2, 5, 1, 4, 3, 5, 0, 2}, []byte("abclong line\n12345ok\nstrea!xrest"))
	f.Add([]byte{3, 0, 0, 255}, []byte("xy"))
	f.Add([]byte{1, 0, 1, 1}, []byte("\n\nab\n"))
	f.Fuzz(func(t *testing.T, script, data []byte) {
		list := requests(script)
		want := read(list, data)
		for _, piece := range []int{1, 3, len(data) + 1} {
			var got []string
			fixtures.Bounded(t, len(data), uint64(64*len(data)+2048*len(list)+4096), func() { got = fed(list, data, piece) })
			if !slices.Equal(got, want) {
				t.Fatalf("pieces of %d: %q\nnot %q", piece, got, want)
			}
		}
	})
}
