package inspect

import (
	"bytes"
	"encoding/binary"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/safetensors"
)

// magics are the formats that say their name in their first bytes. The first
// that matches counts.
var magics = [...]struct{ format, prefix string }{
	{FormatGGUF, "GGUF"},
	{FormatNPY, "\x93NUMPY"},
	{FormatELF, "\x7fELF"},
	{FormatMachO, "\xfe\xed\xfa\xce"}, {FormatMachO, "\xfe\xed\xfa\xcf"},
	{FormatMachO, "\xce\xfa\xed\xfe"}, {FormatMachO, "\xcf\xfa\xed\xfe"},
	{FormatMachO, "\xca\xfe\xba\xbe"}, // fat binaries; also Java classes, which are code too
	{FormatGzip, "\x1f\x8b"},
	{FormatZstd, "\x28\xb5\x2f\xfd"},
	{FormatXZ, "\xfd7zXZ\x00"},
	{Format7z, "7z\xbc\xaf\x27\x1c"},
	{FormatZip, "PK\x03\x04"}, {FormatZip, "PK\x05\x06"}, {FormatZip, "PK\x07\x08"},
	{FormatHDF5, hdf5Magic},
	{FormatImage, "\x89PNG\r\n\x1a\n"}, {FormatImage, "\xff\xd8\xff"},
	{FormatImage, "GIF87a"}, {FormatImage, "GIF89a"},
	{FormatPDF, "%PDF-"},
	{FormatMedia, "ID3"}, {FormatMedia, "OggS"}, {FormatMedia, "fLaC"}, {FormatMedia, "\x1a\x45\xdf\xa3"}, // the last: Matroska
	{FormatParquet, "PAR1"}, {FormatArrow, "ARROW1\x00\x00"},
	{FormatTensorRT, "ftrt"}, {FormatTensorRT, "ptrt"}, // plans of both generations of its runtime
	{FormatShebang, "#!"},
}

const hdf5Magic = "\x89HDF\r\n\x1a\n"

// identify names the format of a file of size bytes that begins with head.
// What the name says is used only among texts, which do not say it themselves.
func identify(name string, size int64, head []byte) string {
	for _, m := range magics {
		if bytes.HasPrefix(head, []byte(m.prefix)) {
			if m.format == FormatShebang && extension(name) == ".py" {
				return FormatPython
			}
			return m.format
		}
	}
	switch {
	case isPE(head):
		return FormatPE
	case bytes.HasPrefix(head, []byte("BZh")) && len(head) > 9 && bytes.HasPrefix(head[4:], []byte("\x31\x41\x59\x26\x53\x59")):
		return FormatBzip2
	case bytes.HasPrefix(head, []byte("RIFF")) && len(head) > 12 && string(head[8:12]) == "WEBP":
		return FormatImage
	case bytes.HasPrefix(head, []byte("RIFF")) && len(head) > 12 && string(head[8:12]) == "WAVE", len(head) > 12 && string(head[4:8]) == "ftyp":
		return FormatMedia
	case isSafetensors(size, head):
		return FormatSafetensors
	case isHDF5(head):
		return FormatHDF5
	case isTar(head):
		return FormatTar
	case len(head) > 2 && head[0] == 0x80 && head[1] >= 2 && head[1] <= 5:
		return FormatPickle
	case len(head) > 8 && string(head[4:8]) == "TFL3": // FlatBuffers' file identifier
		return FormatTFLite
	case extension(name) == ".onnx" && isONNX(head):
		return FormatONNX
	case path.Base(name) == "saved_model.pb" && len(head) > 1 && (head[0] == 0x08 || head[0] == 0x12):
		return FormatSavedModel // SavedModel's only two fields
	case isSentences(name, head):
		return FormatSentences
	case isText(head, int64(len(head)) == size):
		return textFormat(name, head)
	}
	return FormatUnknown
}

// isPE wants the DOS stub's pointer to lead to a PE header, or the magic of a
// file that is a Windows program and a shell script at once (llamafile's APE).
func isPE(head []byte) bool {
	if bytes.HasPrefix(head, []byte("MZqFpD='")) {
		return true
	}
	if len(head) < 64 || head[0] != 'M' || head[1] != 'Z' {
		return false
	}
	at := binary.LittleEndian.Uint32(head[60:])
	return uint64(at)+4 <= uint64(len(head)) && string(head[at:at+4]) == "PE\x00\x00"
}

// isSafetensors wants a header length that can be true and an object behind
// it; whether it is well formed is the parser's question.
func isSafetensors(size int64, head []byte) bool {
	if len(head) < 9 {
		return false
	}
	n := binary.LittleEndian.Uint64(head)
	return n <= safetensors.MaxHeader && int64(n) <= size-8 && len(bytes.TrimLeft(head[8:], " \t\r\n")) > 0 && bytes.TrimLeft(head[8:], " \t\r\n")[0] == '{'
}

// isHDF5 looks behind user blocks, which are powers of two from 512 bytes on
// (HDF5 file format 3.0, §II.A).
func isHDF5(head []byte) bool {
	for at := 512; at+len(hdf5Magic) <= len(head); at *= 2 {
		if string(head[at:at+len(hdf5Magic)]) == hdf5Magic {
			return true
		}
	}
	return false
}

// isTar wants POSIX's or GNU's magic, or for the oldest tars a checksum that
// is right (POSIX.1-2017, pax, §ustar Interchange Format).
func isTar(head []byte) bool {
	if len(head) < 512 {
		return false
	}
	if string(head[257:262]) == "ustar" {
		return true
	}
	field := strings.Trim(string(head[148:156]), " \x00")
	want, err := strconv.ParseUint(field, 8, 32)
	if err != nil || head[0] == 0 {
		return false
	}
	sum := uint64(8 * ' ')
	for i, c := range head[:512] {
		if i < 148 || i >= 156 {
			sum += uint64(c)
		}
	}
	return sum == want
}

// isONNX wants ModelProto's first field, ir_version, below 64, and a known
// field behind it (onnx.proto, message ModelProto).
func isONNX(head []byte) bool {
	return len(head) > 3 && head[0] == 0x08 && head[1] > 0 && head[1] < 64 &&
		(head[2] == 0x12 || head[2] == 0x1a || head[2] == 0x22 || head[2] == 0x28 || head[2] == 0x32 || head[2] == 0x3a || head[2] == 0x42)
}

// isSentences wants the name of a tokenizer's model and, as its first field,
// the first piece of ModelProto (sentencepiece_model.proto).
func isSentences(name string, head []byte) bool {
	return (extension(name) == ".model" || extension(name) == ".spm") && len(head) > 4 && head[0] == 0x0a && head[2] == 0x0a
}

// isText says whether head is UTF-8 without control characters that texts do
// not have; whole says that nothing follows it.
func isText(head []byte, whole bool) bool {
	if len(head) == 0 {
		return false
	}
	if !whole { // the window may cut a rune
		for i := 0; i < utf8.UTFMax-1 && len(head) > 0 && !utf8.RuneStart(head[len(head)-1]); i++ {
			head = head[:len(head)-1]
		}
		if n := len(head); n > 0 && head[n-1] >= utf8.RuneSelf {
			head = head[:n-1]
		}
	}
	if !utf8.Valid(head) {
		return false
	}
	for _, c := range head {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1b {
			return false
		}
	}
	return true
}

func textFormat(name string, head []byte) string {
	switch extension(name) {
	case ".yaml", ".yml":
		return FormatYAML
	case ".py", ".pyi":
		return FormatPython
	case ".jinja", ".jinja2", ".j2":
		return FormatJinja
	}
	body := bytes.TrimSpace(head)
	switch {
	case len(body) == 0:
		return FormatText
	case body[0] == '{' && looksLikeObject(body), body[0] == '[' && extension(name) == ".json":
		return FormatJSON
	case extension(name) == ".json" && (body[0] == '"' || bytes.Contains([]byte("-0123456789tfn"), body[:1])):
		return FormatJSON
	}
	return FormatText
}

// looksLikeObject tells a JSON object from a text that begins with a brace,
// such as a template.
func looksLikeObject(body []byte) bool {
	rest := bytes.TrimLeft(body[1:], " \t\r\n")
	return len(rest) > 0 && (rest[0] == '"' || rest[0] == '}')
}

func extension(name string) string { return strings.ToLower(path.Ext(name)) }
