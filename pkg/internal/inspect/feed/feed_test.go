package feed

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// script asks for one piece of every kind and notes what comes.
func script(got *[]string) *Feed {
	var f Feed
	note := func(what string, b []byte) { *got = append(*got, fmt.Sprintf("%s %q %d", what, b, f.Offset())) }
	f.Take(3, func(b []byte) {
		note("take", b)
		f.Line(4, func(b []byte) {
			note(fmt.Sprint("line ", f.Cut()), b)
			f.Take(0, func(b []byte) {
				note("nothing", b)
				f.Skip(5, func([]byte) {
					note("skip", nil)
					f.Line(4, func(b []byte) {
						note(fmt.Sprint("line ", f.Cut()), b)
						var n int
						var some Some
						some = func(b []byte) int {
							if i := slices.Index(b, '!'); i >= 0 {
								note("stream", []byte{byte('0' + n + i)})
								f.Take(2, func(b []byte) { note("take", b) })
								return i
							}
							n += len(b)
							f.Stream(some)
							return len(b)
						}
						f.Stream(some)
					})
				})
			})
		})
	})
	return &f
}

func TestPiecesDoNotMatter(t *testing.T) {
	text := "abclong line\n12345ok\nstrea!xrest"
	want := []string{`take "abc" 3`, `line true "long" 13`, `nothing "" 13`, `skip "" 18`, `line false "ok" 21`}
	for piece := 1; piece <= len(text); piece++ {
		var got []string
		f := script(&got)
		for c := range slices.Chunk([]byte(text), piece) {
			if n, err := f.Write(c); n != len(c) || err != nil {
				t.Fatal(n, err)
			}
		}
		if len(got) != 7 || !slices.Equal(got[:5], want) || !strings.HasPrefix(got[5], `stream "5"`) || got[6] != `take "!x" 28` {
			t.Errorf("pieces of %d: %q", piece, got)
		}
		if !f.Stopped() || f.End() != nil || f.Seen() != int64(len(text)) || f.Offset() != 28 {
			t.Errorf("pieces of %d: end %v at %d of %d", piece, f.End(), f.Offset(), f.Seen())
		}
	}
}

func TestEndTellsWhatIsMissing(t *testing.T) {
	var got []string
	f := script(&got)
	_, _ = f.Write([]byte("ab"))
	if err := f.End(); !errors.Is(err, ErrTruncated) {
		t.Errorf("%v", err)
	}
}

func TestTooMuchIsRefused(t *testing.T) {
	var f Feed
	f.Take(MaxTake+1, func([]byte) { t.Error("called") })
	_, _ = f.Write(make([]byte, 10))
	if err := f.End(); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%v", err)
	}
	first := errors.New("first")
	f = Feed{}
	f.Fail(first)
	f.Fail(errors.New("second"))
	if !errors.Is(f.End(), first) || !f.Stopped() {
		t.Errorf("%v", f.End())
	}
}

// TestSkipAllocatesNothing holds what lengths of strangers may cost.
func TestSkipAllocatesNothing(t *testing.T) {
	var f Feed
	f.Skip(1<<62, func([]byte) {})
	b := make([]byte, 1<<16)
	if n := testing.AllocsPerRun(100, func() { _, _ = f.Write(b) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
