package registry

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// attach writes blobs and manifest, which no reader looks for yet, and then the
// list. A process that dies in between leaves a layout that is as valid as it
// was, perhaps with blobs that nothing names.
func (l *layout) attach(ctx context.Context, p *parcel) (Attached, error) {
	got := Attached{Digest: p.digest, Layout: layoutIndex}
	err := p.walk(ctx, step{"blobs", func(context.Context) error {
		for _, b := range p.blobs {
			if err := l.putBlob(b.Descriptor.Digest, b.Content); err != nil {
				return fmt.Errorf("writing blob %v: %w", b.Descriptor.Digest, err)
			}
		}
		return nil
	}}, step{"manifest", func(context.Context) error {
		if err := l.putBlob(p.digest, p.body); err != nil {
			return fmt.Errorf("writing the manifest: %w", err)
		}
		return nil
	}}, step{"listing", func(ctx context.Context) error {
		var err error
		if got.Existed, err = l.list(ctx, p.entry); err != nil {
			return fmt.Errorf("listing the manifest in index.json: %w", err)
		}
		return nil
	}})
	return got, err
}

// putBlob writes a blob that is not there, or not whole, and reads it back.
func (l *layout) putBlob(d artifact.Digest, content []byte) error {
	name := blobPath(d)
	for _, dir := range []string{"blobs", path.Dir(name)} {
		if err := l.folder(dir); err != nil {
			return err
		}
	}
	there, err := l.read(name, int64(len(content)))
	switch {
	case err == nil && bytes.Equal(there, content):
		return nil
	case err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrLimit):
		return err
	}
	if err := l.replace(name, content, 0o644); err != nil {
		return err
	}
	if there, err = l.read(name, int64(len(content))); err != nil || !bytes.Equal(there, content) {
		return fmt.Errorf("%w: %q: %w", ErrReadBack, name, errors.Join(err, ErrChanged))
	}
	return nil
}

// folder makes a folder, or sees that it is one and not a link to one.
func (l *layout) folder(name string) error {
	info, err := l.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		if err = l.root.Mkdir(name, 0o755); err == nil {
			return l.syncFolder(path.Dir(name))
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		info, err = l.root.Lstat(name) // somebody else made it
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return refuse("%q is %s, want a folder", name, irregular(info.Mode()))
	}
	return nil
}

// replace puts content under name in one instant: readers see what was there or
// all of what is new, also after a loss of power. A link under that name is
// replaced and not followed.
func (l *layout) replace(name string, content []byte, mode fs.FileMode) error {
	temp := path.Join(path.Dir(name), ".tmp-"+rand.Text())
	return l.replaceBy(temp, name, l.create(temp, content, mode))
}

// replaceFrom is replace with content that is read to its end.
func (l *layout) replaceFrom(name string, content io.Reader) error {
	temp := path.Join(path.Dir(name), ".tmp-"+rand.Text())
	return l.replaceBy(temp, name, l.createFrom(temp, content, 0o644))
}

func (l *layout) replaceBy(temp, name string, err error) error {
	if err == nil {
		err = l.root.Rename(temp, name)
	}
	if err != nil {
		if rerr := l.root.Remove(temp); !errors.Is(rerr, fs.ErrNotExist) {
			err = errors.Join(err, rerr)
		}
		return err
	}
	if err := l.syncFolder(path.Dir(name)); err != nil {
		return fmt.Errorf("%w: %q may not last: %w", ErrReadBack, name, err)
	}
	return nil
}

func (l *layout) create(name string, content []byte, mode fs.FileMode) error {
	return l.createFrom(name, bytes.NewReader(content), mode)
}

func (l *layout) createFrom(name string, content io.Reader, mode fs.FileMode) error {
	f, err := l.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{f}, content, make([]byte, 1<<20))
	if err == nil {
		err = f.Chmod(mode) // whatever the umask: as it was, for whom it was
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (l *layout) syncFolder(name string) error {
	f, err := l.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(syncFolder(f), f.Close())
}

// list adds an entry to index.json while nobody else of our kind does. Programs
// that know nothing of the lock may still write over it; then the read-back
// fails, or they came later than we can see.
func (l *layout) list(ctx context.Context, e listed) (existed bool, err error) {
	// In index.json this annotation is a tag (image-spec 1.1, image-layout.md
	// §index.json file): a manifest does not name itself.
	e.Annotations = maps.Clone(e.Annotations)
	delete(e.Annotations, refName)
	return l.edit(ctx, func(doc *document) ([]byte, error) {
		if doc.holds(e) {
			return nil, nil
		}
		return doc.with(e)
	})
}

// name lists a manifest and takes the tag, if there is one, from whatever had it.
func (l *layout) name(ctx context.Context, e listed, tag string) error {
	_, err := l.edit(ctx, func(doc *document) ([]byte, error) {
		if tag == "" && doc.holds(e) {
			return nil, nil
		}
		return doc.without(tag, e).with(e)
	})
	return err
}

// edit changes index.json; nil leaves it as it is.
func (l *layout) edit(ctx context.Context, change func(*document) ([]byte, error)) (existed bool, err error) {
	unlock, err := l.lock(ctx)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	defer l.forget()
	body, err := l.read("index.json", maxManifest)
	if err != nil {
		return false, err
	}
	doc, err := parseDocument(body)
	if err != nil {
		return false, err
	}
	body, err = change(doc)
	if err != nil || body == nil {
		return err == nil, err
	}
	info, err := l.root.Lstat("index.json")
	if err == nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		err = l.replace("index.json", body, info.Mode().Perm())
	}
	if err != nil {
		return false, err
	}
	if now, err := l.read("index.json", maxManifest); err != nil || !bytes.Equal(now, body) {
		return false, fmt.Errorf("%w: index.json: %w", ErrReadBack, errors.Join(err, ErrChanged))
	}
	return false, nil
}
