package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
)

// shown is what a progress of one kind says of a blob in the middle and one at
// its end, a second after it began.
func shown(t *testing.T, how string, place placeFlags) string {
	t.Helper()
	var stderr bytes.Buffer
	place.progress = how
	p := newProgress(streams{err: &stderr, env: func(string) string { return "" }}, place)
	a, b := artifact.SumSHA256([]byte("a")), artifact.SumSHA256([]byte("b"))
	p.blob(check.BlobProgress{Digest: a, Name: "evil\x1b[2J.safetensors", Done: 50e6, Size: 200e6})
	p.blob(check.BlobProgress{Digest: b, Name: "config.json", Done: 10, Size: 10})
	p.blob(check.BlobProgress{Digest: b, Name: "config.json", Done: 10, Size: 10, Ended: true})
	p.last = p.last.Add(-10 * time.Second)
	p.update(50e6, 200e6)
	p.update(51e6, 200e6) // too soon after
	p.clear()
	return stderr.String()
}

func TestProgress(t *testing.T) {
	line := "modelcheck: 50.0 MB of 200 MB hashed, 25%, 5.00 MB/s, 30s left\n"
	for how, want := range map[string]string{progressPlain: line, progressAuto: line, progressNone: "", "": ""} {
		if got := shown(t, how, placeFlags{}); got != want {
			t.Errorf("%q: %q, want %q", how, got, want)
		}
	}
	for _, place := range []placeFlags{{quiet: true}, {verbose: true}, {noProgress: true}} {
		if got := shown(t, progressBars, place); got != "" {
			t.Errorf("%+v: %q", place, got)
		}
	}
	bars := shown(t, progressBars, placeFlags{})
	if strings.Contains(bars, "\x1b[2J") || strings.Contains(bars, "config.json") || !strings.Contains(bars, "[=====               ]  25% of 200 MB\n") || !strings.HasSuffix(bars, "left\n\x1b[2A\x1b[J") {
		t.Errorf("bars: %q", bars)
	}
	var told struct {
		Event          string
		Done, Total    int64
		BytesPerSecond int64
		Blobs          []struct{ Name string }
	}
	if err := json.Unmarshal([]byte(shown(t, progressJSON, placeFlags{})), &told); err != nil {
		t.Fatal(err)
	}
	if told.Event != "progress" || told.Done != 50e6 || told.Total != 200e6 || told.BytesPerSecond < 4.9e6 || len(told.Blobs) != 1 {
		t.Errorf("%+v", told)
	}
}

func TestSizeFlag(t *testing.T) {
	for s, want := range map[string]int64{"0": 0, "17": 17, "1kB": 1000, "50MB": 50e6, "2G": 2e9, "200GiB": 200 << 30, "1TiB": 1 << 40} {
		var got int64
		if err := (sizeFlag{&got}).Set(s); err != nil || got != want {
			t.Errorf("%q: %d, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "GB", "-1", "1.5GB", "1 GB", "1XB", "9999999999TiB", "1gb", "1BB"} {
		var got int64
		if err := (sizeFlag{&got}).Set(s); err == nil {
			t.Errorf("%q: %d", s, got)
		}
	}
}
