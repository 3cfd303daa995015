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

// A Class says what loading a file can do at most. The zero value is unknown.
type Class = provenance.LoadClass

// The classes (model-files §6.3), by their short names here.
const (
	ClassUnknown    = provenance.LoadUnknown
	ClassInert      = provenance.LoadInert
	ClassDiscloses  = provenance.LoadDiscloses
	ClassTemplate   = provenance.LoadTemplate
	ClassFileRead   = provenance.LoadFileRead
	ClassEgress     = provenance.LoadEgress
	ClassCode       = provenance.LoadCode
	ClassCodeOnLoad = provenance.LoadCodeOnLoad
	ClassNative     = provenance.LoadNative
)

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
	FormatMedia       = "media" // audio and video
	FormatParquet     = "parquet"
	FormatArrow       = "arrow"
	FormatSentences   = "sentencepiece" // its tokenizer models
	FormatPDF         = "pdf"
)
