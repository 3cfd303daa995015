package inspect

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/internal/fixtures"
)

// TestMemoryIsBounded feeds a sink what asks for the most of it, and weighs
// what it holds.
func TestMemoryIsBounded(t *testing.T) {
	if raceEnabled || testing.Short() {
		t.Skip("heap sizes mean nothing here")
	}
	const limit = 20 << 20
	memo := []byte("\x80\x02N")
	for i := range uint32(1<<20 + 1) {
		memo = binary.LittleEndian.AppendUint32(append(memo, 'r'), i)
	}
	var tensors strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&tensors, `,"%d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`, i)
	}
	header := "{" + tensors.String()[1:]
	gguf := []byte("GGUF\x03\x00\x00\x00")
	gguf = binary.LittleEndian.AppendUint64(gguf, 200_001)
	gguf = binary.LittleEndian.AppendUint64(gguf, 0)
	for i := range 200_000 {
		gguf = binary.LittleEndian.AppendUint64(gguf, 8)
		gguf = fmt.Appendf(gguf, "%08d", i)
		gguf = append(gguf, make([]byte, 16)...) // rank 0 of F32
		binary.LittleEndian.PutUint64(gguf[len(gguf)-8:], uint64(i)*32)
	}
	var tarNames []string
	for i := range 10_000 {
		tarNames = append(tarNames, fmt.Sprintf("%d=", i))
	}
	tar := tarOf(t, tarNames...)
	storages := [][2]string{{"m/data.pkl", "\x80\x02]q\x00." + strings.Repeat("x", 4<<20-16)}}
	for i := range 60_000 {
		storages = append(storages, [2]string{fmt.Sprintf("m/data/%050d", i), ""})
	}
	tests := map[string]struct {
		name string
		body []byte
	}{
		"list of torch":     {"m.pt", fixtures.Zip(t, [2]string{"m/data.pkl", "\x80\x02(" + strings.Repeat("N\x85", 2<<20-8)})},
		"storages of torch": {"m.pt", fixtures.Zip(t, storages...)},
		"stack":             {"m.pkl", bytes.Repeat([]byte("N"), 8<<20)},
		"marks":             {"m.pkl", bytes.Repeat([]byte("("), 8<<20)},
		"memo":              {"m.pkl", memo},
		"imports":           {"m.pkl", bytes.Repeat([]byte("ca\nb\n0"), 1<<20)},
		"line":              {"m.pkl", append([]byte("V"), bytes.Repeat([]byte("x"), 8<<20)...)},
		"tensors":           {"m.safetensors", append(binary.LittleEndian.AppendUint64(nil, 90_000_000), header...)},
		"metadata":          {"m.safetensors", append(binary.LittleEndian.AppendUint64(nil, 90_000_000), `{"__metadata__":{"a":"`+strings.Repeat("x", 32<<20)...)},
		"tensors of GGUF":   {"m.gguf", gguf},
		"shapes":            {"m.safetensors", append(binary.LittleEndian.AppendUint64(nil, 90_000_000), distinctShapes()...)},
		"index":             {"m.safetensors.index.json", bytes.Repeat([]byte(" "), 32<<20)},
		"notebook":          {"n.ipynb", bytes.Repeat([]byte(" "), 32<<20)},
		"locations":         {"m.onnx", locations()},
		"tar":               {"m.tar", tar},
	}
	for what, tt := range tests {
		before := heap()
		s := New(tt.name, 1<<40)
		for at := 0; at < len(tt.body); at += 1 << 20 {
			_, _ = s.Write(tt.body[at:min(at+1<<20, len(tt.body))])
		}
		held := int64(heap()) - int64(before)
		t.Logf("%s: %d kB", what, held>>10)
		if held > limit {
			t.Errorf("%s: holds %d bytes", what, held)
		}
		runtime.KeepAlive(s)
		runtime.KeepAlive(tt.body)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// distinctShapes makes a header whose tensors have nothing in common.
func distinctShapes() []byte {
	var b strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&b, `,"n%d":{"dtype":"U8","shape":[0,%d],"data_offsets":[0,0]}`, i, i)
	}
	return []byte("{" + b.String()[1:])
}

// locations makes an ONNX graph whose tensors lie in ever other files.
func locations() []byte {
	var b strings.Builder
	b.WriteString("\x08\x08\x12\x01p")
	for i := range 20_000 {
		b.WriteString(field(7, field(5, field(13, field(1, "location"), field(2, fmt.Sprintf("%0900d", i))))))
	}
	return []byte(b.String())
}
