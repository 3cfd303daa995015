package inspect

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"
)

// BenchmarkCost measures, on the same bytes and by turns, what inspection and
// tensor hashes cost beside hashing a safetensors model of 4 GiB: the targets
// are 1.15 and 2.2 times hashing alone.
func BenchmarkCost(b *testing.B) {
	const chunk, size, tensors = 1 << 20, 4 << 30, 256
	header := "{"
	for i := range tensors {
		header += fmt.Sprintf(`%s"model.layers.%d.w":{"dtype":"U8","shape":[%d],"data_offsets":[%d,%d]}`, map[bool]string{true: "", false: ","}[i == 0], i, size/tensors, i*(size/tensors), (i+1)*(size/tensors))
	}
	head := safetensorsOf(header+"}", "")
	data := make([]byte, chunk)
	for i := range data {
		data[i] = byte(i * 7919 >> 3)
	}
	var alone, inspected, hashed time.Duration
	for b.Loop() {
		h, s, t := sha256.New(), New("m.safetensors", int64(len(head)+size)), NewTensorSink("m", int64(len(head)+size), NewTensorBudget(MaxTensorTable))
		step := func(p []byte) {
			began := time.Now()
			h.Write(p)
			one := time.Now()
			_, _ = s.Write(p)
			two := time.Now()
			_, _ = t.Write(p)
			alone, inspected, hashed = alone+one.Sub(began), inspected+two.Sub(one), hashed+time.Since(two)
		}
		step(head)
		for range size / chunk {
			step(data)
		}
		if f := s.Facts(); f.Class != ClassInert || f.Tensors.Count != tensors {
			b.Fatalf("%+v", f)
		}
		if d, err := t.Tensors(); err != nil || len(d) != tensors {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(alone+inspected)/float64(alone), "×inspect")
	b.ReportMetric(float64(alone+inspected+hashed)/float64(alone), "×tensors")
	b.ReportMetric(float64(inspected.Milliseconds())/float64(b.N)/4, "ms/GiB-inspect")
	b.ReportMetric(float64(alone.Milliseconds())/float64(b.N)/4, "ms/GiB-hash")
}
