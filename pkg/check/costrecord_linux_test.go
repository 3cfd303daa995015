package check_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/internal/blob"
	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
)

// BenchmarkRecord measures by turns what the record of a model of 1 GiB with
// DeepSeek-V3's documents costs: everything that verify does beside hashing the
// same bytes is inspecting, reading the documents, and writing the record down.
// The target is 5 %. Processor time is told beside time, since other work on
// the machine does not count in it.
func BenchmarkRecord(b *testing.B) {
	const size, tensors = 512 << 20, 64
	docs := fixtures.Dir(b, "models", "deepseek-v3")
	dir := b.TempDir()
	if err := os.CopyFS(dir, os.DirFS(docs)); err != nil {
		b.Fatal(err)
	}
	for k := range 2 {
		var h strings.Builder
		for i := range tensors {
			fmt.Fprintf(&h, `,"model.layers.%d.%d.w":{"dtype":"BF16","shape":[%d,1024],"data_offsets":[%d,%d]}`, k, i, size/tensors/2048, i*(size/tensors), (i+1)*(size/tensors))
		}
		header := "{" + h.String()[1:] + "}"
		name := filepath.Join(dir, fmt.Sprintf("model-%05d-of-00002.safetensors", k+1))
		if err := os.WriteFile(name, append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...), 0o644); err != nil {
			b.Fatal(err)
		}
		if err := os.Truncate(name, int64(8+len(header)+size)); err != nil {
			b.Fatal(err)
		}
	}
	var jobs []blob.SumJob
	entries, err := os.ReadDir(dir)
	if err != nil {
		b.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			b.Fatal(err)
		}
		name := filepath.Join(dir, e.Name())
		jobs = append(jobs, blob.SumJob{Name: name, Size: info.Size(), Open: func(context.Context) (io.ReadCloser, error) { return os.Open(name) }})
	}
	ref := refTo(b, "dir:"+dir)
	var wall, spent []float64
	for b.Loop() {
		began, used := time.Now(), processor(b)
		if _, errs := blob.Sum(b.Context(), blob.Config{}, jobs); len(errs) != len(jobs) {
			b.Fatal(errs)
		}
		hashed, hashing := time.Since(began), processor(b)-used
		began, used = time.Now(), processor(b)
		c, err := check.New(check.Config{Policy: unsigned(b), Version: "test"})
		if err != nil {
			b.Fatal(err)
		}
		r, err := c.Examine(b.Context(), ref)
		if err != nil || r.Bytes.Hashed < 2*size || len(r.ManifestBytes()) < 10_000 {
			b.Fatalf("%+v %v", r, err)
		}
		wall = append(wall, time.Since(began).Seconds()/hashed.Seconds())
		spent = append(spent, (processor(b)-used)/hashing)
	}
	b.ReportMetric(median(wall), "×time")
	b.ReportMetric(median(spent), "×processor")
}

// processor is how many seconds processors have worked for this process.
func processor(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}
