package inspect

import "slices"

// promised lists what a file name promises: loaders choose a parser by it.
// Endings that stand for anything (.bin, .model, none) promise nothing.
var promised = map[string][]string{
	".safetensors": {FormatSafetensors},
	".gguf":        {FormatGGUF},
	".npy":         {FormatNPY},
	".npz":         {FormatZip},
	".onnx":        {FormatONNX},
	".engine":      {FormatTensorRT},
	".plan":        {FormatTensorRT, FormatText},
	".tflite":      {FormatTFLite},
	".ipynb":       {FormatJSON},
	".nemo":        {FormatTar, FormatGzip},
	".h5":          {FormatHDF5},
	".hdf5":        {FormatHDF5},
	".keras":       {FormatKeras, FormatHDF5},
	".zip":         {FormatZip, FormatTorchZip, FormatKeras},
	".tar":         {FormatTar},
	".7z":          {Format7z},
	".gz":          {FormatGzip},
	".tgz":         {FormatGzip},
	".zst":         {FormatZstd},
	".xz":          {FormatXZ},
	".bz2":         {FormatBzip2},
	".json":        {FormatJSON},
	".jsonl":       {FormatJSON, FormatText},
	".yaml":        {FormatYAML},
	".yml":         {FormatYAML},
	".py":          {FormatPython, FormatShebang},
	".jinja":       {FormatJinja},
	".jinja2":      {FormatJinja},
	".j2":          {FormatJinja},
	".md":          {FormatText, FormatJSON},
	".txt":         {FormatText, FormatJSON, FormatShebang},
	".rst":         {FormatText},
	".sh":          {FormatShebang, FormatText},
	".pdf":         {FormatPDF},
	".png":         {FormatImage},
	".jpg":         {FormatImage},
	".jpeg":        {FormatImage},
	".gif":         {FormatImage},
	".webp":        {FormatImage},
	".pkl":         {FormatPickle},
	".pickle":      {FormatPickle},
	".pt":          {FormatTorchZip, FormatPickle, FormatZip, FormatTar},
	".pth":         {FormatTorchZip, FormatPickle, FormatZip, FormatTar},
	".ckpt":        {FormatTorchZip, FormatPickle, FormatZip, FormatTar},
}

// mismatch says that a name promises something else than the content is. What
// could not be identified contradicts only names of formats that always can
// be; an empty text file contradicts nothing.
func mismatch(name, format string, size int64) bool {
	want, ok := promised[extension(name)]
	if !ok || slices.Contains(want, format) {
		return false
	}
	if size == 0 {
		return !textual(want[0])
	}
	return true
}

func textual(format string) bool {
	switch format {
	case FormatText, FormatJSON, FormatYAML, FormatPython, FormatJinja:
		return true
	}
	return false
}

func executable(format string) bool {
	return format == FormatELF || format == FormatPE || format == FormatMachO || format == FormatTensorRT
}
