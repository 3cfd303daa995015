package inspect

import (
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// Facts is what was seen in one file.
type Facts struct {
	Format       string // one of the Format constants, "" unknown
	Class        Class  // what loading the file can do, at most
	Findings     []provenance.Finding
	Observations []provenance.ClaimObservation
	Tensors      Tensors    // of this file alone: a model may have many shards
	Templates    []Template // every prompt template, as it stands in the file
	Code         *Code      // of source code, nil otherwise
	part                    // what Model needs of it
}

// Tensors counts what a file holds. Elements are stored numbers, so that a
// quantised tensor counts what it was quantised from, and scales count too.
type Tensors struct {
	Count    int
	Elements uint64
	ByDType  map[string]uint64 // elements by the format's own dtype names
}

// A Class says what loading a file can do at most, in the order of harm. The
// zero value is unknown, which a policy must treat as the worst: use Worse to
// compare.
type Class uint8

// The classes (model-files §6.3).
const (
	ClassUnknown    Class = iota // not understood, or not examined
	ClassInert                   // data only
	ClassDiscloses               // inert, and holds texts beyond weights
	ClassTemplate                // holds a template that a runtime renders
	ClassFileRead                // makes a loader read other files
	ClassEgress                  // makes a loader ask a network
	ClassCode                    // source code that runs when somebody starts it
	ClassCodeOnLoad              // runs code when loaded
	ClassNative                  // machine code
)

var classNames = [...]string{"unknown", "inert", "discloses", "template", "file-read", "egress", "code", "code-on-load", "native"}

// String returns the word used in reports.
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return classNames[ClassUnknown]
}

// MarshalText writes the word of String.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Worse returns the class that allows more. Code that was found outranks what
// is unknown; unknown outranks everything that does not run code.
func (c Class) Worse(d Class) Class {
	if c.rank() >= d.rank() {
		return c
	}
	return d
}

func (c Class) rank() int {
	if c == ClassUnknown || int(c) >= len(classNames) {
		return int(ClassCodeOnLoad)*2 - 1
	}
	return int(c) * 2
}

// The formats that are told apart by content.
const (
	FormatUnknown     = ""
	FormatSafetensors = "safetensors"
	FormatGGUF        = "gguf"
	FormatZip         = "zip"
	FormatTorchZip    = "torch-zip" // a zip with a data.pkl
	FormatPickle      = "pickle"
	FormatTar         = "tar"
	FormatNPY         = "npy"
	FormatHDF5        = "hdf5"
	FormatONNX        = "onnx"
	FormatKeras       = "keras"      // a zip with a config.json and a metadata.json
	FormatSavedModel  = "savedmodel" // TensorFlow's saved_model.pb
	FormatTFLite      = "tflite"
	FormatTensorRT    = "tensorrt"
	FormatELF         = "elf"
	FormatPE          = "pe"
	FormatMachO       = "macho"
	FormatShebang     = "shebang" // a script that names its interpreter
	FormatGzip        = "gzip"
	FormatZstd        = "zstd"
	FormatXZ          = "xz"
	FormatBzip2       = "bzip2"
	Format7z          = "7z"
	FormatJSON        = "json"
	FormatYAML        = "yaml"
	FormatPython      = "python"
	FormatJinja       = "jinja"
	FormatText        = "text"
	FormatImage       = "image" // PNG, JPEG, GIF, WebP
	FormatPDF         = "pdf"
)
