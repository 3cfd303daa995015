package packaging

import (
	"archive/tar"
	"errors"
	"fmt"
	"hash"
	"io"
	"path"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// What an entry of an archive is.
const (
	fileEntry uint8 = iota
	linkEntry
	dirEntry
)

// An entry is one name in a layer. It is kept small: there may be many.
type entry struct {
	path string
	link string // target of a symbolic link, as written
	sum  [32]byte
	size int64
	kind uint8
}

func (e *entry) file(layer artifact.Digest) artifact.File {
	return artifact.File{Path: e.path, Digest: artifact.DigestOf(artifact.SHA256, e.sum[:]), Size: e.size, Layer: layer}
}

// A walk goes through one archive as it streams.
type walk struct {
	layer    *Layer
	watch    func(path string, size int64) io.Writer
	budget   *budget
	hash     hash.Hash
	buf      []byte
	seen     map[string]int // files by path, for hard links
	number   int            // of the entry, from 1
	entries  []entry
	expanded artifact.Digest
	notes    findings
}

// copyBuffer is the piece in which files are hashed and watched.
const copyBuffer = 64 << 10

func newWalk(l *Layer, watch func(path string, size int64) io.Writer, b *budget) *walk {
	return &walk{layer: l, watch: watch, budget: b, hash: artifact.SHA256.New(), seen: map[string]int{}}
}

// A watchError is a watcher's own failure, which is nobody's finding.
type watchError struct{ err error }

func (e *watchError) Error() string { return fmt.Sprintf("watching a file: %v", e.err) }
func (e *watchError) Unwrap() error { return e.err }

// run reads the archive to its end or to what is wrong with it. What is wrong
// with the bytes is noted; an error is a fault on this side.
func (w *walk) run(r io.Reader) error {
	w.buf = make([]byte, copyBuffer)
	defer func() { w.buf, w.seen = nil, nil }()
	x, err := expand(r, w.layer)
	if err == nil {
		defer x.close()
		err = w.archive(x)
	}
	if err == nil {
		w.expanded = x.digest()
		return nil
	}
	var fault *watchError
	var limit *LimitError
	switch {
	case errors.As(err, &fault):
		return err
	case errors.As(err, &limit):
		w.note(provenance.CodeLimitExceeded, "", fmt.Sprintf("the layer was not read to its end: %v", limit))
	default:
		w.note(provenance.CodeArchiveMalformed, "", fmt.Sprintf("the layer is no sound %v: %v", w.layer.Encoding, err))
	}
	return nil
}

func (w *walk) archive(x *expansion) error {
	t := tar.NewReader(x)
	for {
		h, err := t.Next()
		if err == io.EOF {
			return x.padding()
		}
		if err != nil {
			return err
		}
		w.number++
		if err := w.budget.spend(len(h.Name) + len(h.Linkname)); err != nil {
			return err
		}
		if err := w.entry(h, t); err != nil {
			return err
		}
	}
}

func (w *walk) entry(h *tar.Header, r io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		w.global(h)
		return nil
	}
	name := h.Name
	if h.Typeflag == tar.TypeDir {
		name = strings.TrimSuffix(name, "/")
		if name == "." || name == "" && h.Name == "/" {
			return nil // the root itself
		}
	}
	p, err := cleanName(name)
	if err != nil {
		w.note(provenance.CodeUnsafeName, h.Name, fmt.Sprintf("the name %q of entry %d is refused: %v", h.Name, w.number, err))
		if h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeLink {
			return nil
		}
		p = fmt.Sprintf("%s/%d", standIn(w.layer.Digest.Hex()), w.number)
	} else if root := w.layer.Path; root != "" && p != root && !strings.HasPrefix(p, root+"/") {
		w.note(provenance.CodeUnsafeEntry, p, fmt.Sprintf("entry %q lies outside the layer's directory %q", p, root))
	}
	switch h.Typeflag {
	case tar.TypeReg:
		if sparse(h) {
			w.note(provenance.CodeUnsafeEntry, p, fmt.Sprintf("entry %q is a sparse file, which readers expand differently", p))
			return nil
		}
		return w.file(p, h.Size, r)
	case tar.TypeDir:
		w.entries = append(w.entries, entry{path: p, kind: dirEntry})
	case tar.TypeSymlink:
		w.symlink(p, h.Linkname)
	case tar.TypeLink:
		w.hardlink(p, h.Linkname)
	default:
		w.note(provenance.CodeUnsafeEntry, p, fmt.Sprintf("entry %q is neither file, directory nor link (type %q)", p, h.Typeflag))
	}
	return nil
}

// sparse: the logical size may be anything at no cost, and not every reader
// knows the three formats.
func sparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return h.Typeflag == tar.TypeGNUSparse
}

// global: archive/tar does not apply global records, other readers do. git
// writes a comment, which is harmless.
func (w *walk) global(h *tar.Header) {
	for _, key := range sortedKeys(h.PAXRecords) {
		if key != "comment" {
			w.note(provenance.CodeUnsafeEntry, "", fmt.Sprintf("a global header sets %q for all entries, which readers apply differently", key))
		}
	}
}

func (w *walk) file(p string, size int64, r io.Reader) error {
	w.hash.Reset()
	out := io.Writer(w.hash)
	if watcher := w.watch(p, size); watcher != nil {
		out = &tee{hash: w.hash, watcher: watcher}
	}
	n, err := io.CopyBuffer(out, struct{ io.Reader }{r}, w.buf)
	if err != nil {
		return err
	}
	e := entry{path: p, size: n, kind: fileEntry}
	w.hash.Sum(e.sum[:0])
	w.seen[p] = len(w.entries)
	w.entries = append(w.entries, e)
	return nil
}

// A tee hashes and shows what is written.
type tee struct {
	hash    hash.Hash
	watcher io.Writer
}

func (t *tee) Write(p []byte) (int, error) {
	t.hash.Write(p)
	n, err := t.watcher.Write(p)
	if err == nil && n != len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return n, &watchError{err}
	}
	return len(p), nil
}

// hardlink: another name for a file that stands before it in the layer.
func (w *walk) hardlink(p, target string) {
	clean, err := cleanName(target)
	i, ok := w.seen[clean]
	if err != nil || !ok {
		w.note(provenance.CodeUnsafeEntry, p, fmt.Sprintf("entry %q is a hard link to %q, which is no file before it", p, target))
		return
	}
	e := w.entries[i]
	e.path = p
	w.seen[p] = len(w.entries)
	w.entries = append(w.entries, e)
}

// symlink records a link. What it leads to is not followed: links are told of,
// and are no files.
func (w *walk) symlink(p, target string) {
	delete(w.seen, p)
	w.entries = append(w.entries, entry{path: p, link: target, kind: linkEntry})
}

// linkTarget resolves a symbolic link's target inside the root, or says why it
// cannot be.
func linkTarget(p, target string) (string, error) {
	switch {
	case target == "":
		return "", errNameEmpty
	case strings.HasPrefix(target, "/"):
		return "", errNameAbsolute
	}
	t := path.Join(path.Dir(p), target)
	if t == "." {
		return "", nil
	}
	if t == ".." || strings.HasPrefix(t, "../") {
		return "", errors.New("it leads out of the model")
	}
	return cleanName(t)
}

func (w *walk) note(code, subject, detail string) {
	if subject == "" {
		subject = w.layer.Digest.String()
	}
	w.notes.add(provenance.Finding{ID: code, Subject: subject, Detail: detail, Digest: w.layer.Digest})
}
