package check_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/internal/blob"
)

// BenchmarkCost measures by turns, on a safetensors model of 4 GiB in eight
// shards, what verify costs beside hashing alone: the targets are 1.15 times
// with inspection and 2.2 times with --tensors. The files are sparse, so that
// no disk is measured.
func BenchmarkCost(b *testing.B) {
	const shards, tensors, size = 8, 64, 512 << 20
	dir := b.TempDir()
	var jobs []blob.SumJob
	for k := range shards {
		var h strings.Builder
		for i := range tensors {
			fmt.Fprintf(&h, `,"model.layers.%d.%d.w":{"dtype":"BF16","shape":[%d,1024],"data_offsets":[%d,%d]}`, k, i, size/tensors/2048, i*(size/tensors), (i+1)*(size/tensors))
		}
		header := "{" + h.String()[1:] + "}"
		name := filepath.Join(dir, fmt.Sprintf("model-%05d-of-%05d.safetensors", k+1, shards))
		all := int64(8 + len(header) + size)
		if err := os.WriteFile(name, append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...), 0o644); err != nil {
			b.Fatal(err)
		}
		if err := os.Truncate(name, all); err != nil {
			b.Fatal(err)
		}
		jobs = append(jobs, blob.SumJob{Name: name, Size: all, Open: func(context.Context) (io.ReadCloser, error) { return os.Open(name) }})
	}
	ref := refTo(b, "dir:"+dir)
	var runs [3][]float64
	for b.Loop() {
		for way := range runs {
			began := time.Now()
			if way == 0 {
				if _, errs := blob.Sum(b.Context(), blob.Config{}, jobs); slices.ContainsFunc(errs, func(err error) bool { return err != nil }) {
					b.Fatal(errs)
				}
			} else {
				c, err := check.New(check.Config{Policy: unsigned(b), Version: "test", Tensors: way == 2})
				if err != nil {
					b.Fatal(err)
				}
				r, err := c.Examine(b.Context(), ref)
				if err != nil || r.Bytes.Hashed < shards*size || way == 2 && r.Tensors.Count != shards*tensors {
					b.Fatalf("%+v %v", r, err)
				}
			}
			runs[way] = append(runs[way], time.Since(began).Seconds())
		}
	}
	var ratios [3][]float64 // of each turn: the machine's load drifts
	for i := range runs[0] {
		for way := range runs {
			ratios[way] = append(ratios[way], runs[way][i]/runs[0][i])
		}
	}
	b.ReportMetric(median(runs[0]), "s-hash")
	b.ReportMetric(median(ratios[1]), "×inspect")
	b.ReportMetric(median(ratios[2]), "×tensors")
	b.ReportMetric(peak(), "MB-peak")
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

// peak is the most memory that the process had, in MB; 0 where it is not told.
func peak() float64 {
	text, err := os.ReadFile("/proc/self/status")
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(text)
	if runtime.GOOS != "linux" || err != nil || found == nil {
		return 0
	}
	var kb float64
	_, _ = fmt.Sscan(string(found[1]), &kb)
	return kb / 1024
}
