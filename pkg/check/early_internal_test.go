package check

import (
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// A panic while a blob is asked for early ends nothing but that.
func TestEarlyBlobsPanic(t *testing.T) {
	d := artifact.Descriptor{Digest: artifact.SumSHA256([]byte("a")), Size: 1}
	f := &early{blobs: map[artifact.Digest]*earlyBlob{d.Digest: {came: make(chan []byte, 1)}}}
	f.ask(t.Context(), nil, d) // a store that is nil panics
	if !f.blobs[d.Digest].asked {
		t.Error("it was not asked for")
	}
	if r := f.take(d); r != nil {
		t.Error("there are bytes")
	}
}
