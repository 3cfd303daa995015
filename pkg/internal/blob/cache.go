package blob

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// A Cache keeps blobs for the next time in a folder in the OCI image layout,
// whose index names nothing. Any number of processes may share it. Nothing in
// it is believed: what comes out is hashed like what comes from a registry.
//
//	oci-layout, index.json
//	blobs/sha256/HEX       whole blobs; the time of modification is that of the last use
//	ingest/sha256-HEX      blobs on their way in, locked by who writes them
type Cache struct {
	root *os.Root
	pool *pool
}

const ingest = "ingest"

// The two documents that make the folder an OCI image layout.
var layoutDocuments = [][2]string{
	{"oci-layout", `{"imageLayoutVersion":"1.0.0"}`},
	{"index.json", `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`},
}

// OpenCache opens the folder, or makes it, for its owner alone. A folder that
// holds something else is refused. Workers is as in Config. Errors wrap
// ErrStore.
func OpenCache(dir string, workers int) (*Cache, error) {
	c, err := openCache(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the cache %q: %w: %w", dir, ErrStore, err)
	}
	c.pool = newPool(workers)
	return c, nil
}

func openCache(dir string) (*Cache, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	c := &Cache{root: root}
	if err := c.settleIn(); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return c, nil
}

// settleIn makes the layout in an empty folder, and finds its own in another.
func (c *Cache) settleIn() error {
	names, err := listNames(c.root, ".")
	if err != nil {
		return err
	}
	if _, err := c.root.Lstat(layoutDocuments[0][0]); errors.Is(err, fs.ErrNotExist) && len(names) > 0 {
		return errors.New("there are other things in the folder")
	}
	for _, dir := range []string{"blobs", "blobs/sha256", "blobs/sha512", ingest} {
		if err := c.root.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		if info, err := c.root.Lstat(dir); err != nil || !info.IsDir() {
			return errors.Join(err, fmt.Errorf("%q is no folder", dir))
		}
	}
	for _, doc := range layoutDocuments {
		f, err := c.root.OpenFile(doc[0], os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err == nil {
			_, err = io.WriteString(f, doc[1])
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Close lets go of the folder. All fills must have ended.
func (c *Cache) Close() error {
	c.pool.drop()
	return c.root.Close()
}

func cachePath(d artifact.Digest) string {
	return "blobs/" + d.Algorithm().String() + "/" + d.Hex()
}

// Open gives the bytes of a blob from an offset on, nil where it is not here in
// the size that was named. They are not verified.
func (c *Cache) Open(d artifact.Descriptor, offset int64) io.ReadCloser {
	f := c.open(d, offset)
	if f == nil {
		return nil
	}
	now := time.Now()
	_ = c.root.Chtimes(cachePath(d.Digest), now, now) // who uses another's cache may be unable to
	return f
}

func (c *Cache) open(d artifact.Descriptor, offset int64) *os.File {
	name := cachePath(d.Digest)
	before, err := c.root.Lstat(name)
	if err != nil || !before.Mode().IsRegular() || before.Size() != d.Size || offset > d.Size {
		return nil
	}
	f, err := c.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	after, err := f.Stat()
	if err == nil && os.SameFile(before, after) {
		_, err = f.Seek(offset, io.SeekStart)
	} else {
		err = errors.Join(err, fs.ErrInvalid)
	}
	if err != nil {
		_ = f.Close() // it is fetched instead
		return nil
	}
	return f
}

// Drop removes a blob that was found damaged.
func (c *Cache) Drop(d artifact.Digest) error { return c.root.Remove(cachePath(d)) }

// A Fill is a blob on its way into the cache. Where the disk fails it only
// takes no more: what is not in the cache is fetched again.
type Fill struct {
	cache *Cache
	want  artifact.Descriptor
	name  string
	file  *os.File
	disk  *disk // of a large blob
	at    int64
	err   error
}

// Fill begins to keep a blob; nil where it is here, another process is at it, or
// the disk does not take it. It must be closed.
func (c *Cache) Fill(want artifact.Descriptor) *Fill {
	if there := c.open(want, 0); there != nil {
		_ = there.Close()
		return nil
	}
	f := &Fill{cache: c, want: want, name: path.Join(ingest, want.Digest.Algorithm().String()+"-"+want.Digest.Hex())}
	if err := f.open(); err != nil {
		if f.file != nil {
			_ = f.file.Close()
		}
		return nil
	}
	return f
}

func (f *Fill) open() error {
	flags, direct := os.O_WRONLY|os.O_CREATE|syscall.O_NONBLOCK, false
	if info, err := f.cache.root.Lstat(f.name); err == nil && !info.Mode().IsRegular() {
		if err := f.cache.root.Remove(f.name); err != nil {
			return err
		}
	}
	var err error
	if f.want.Size >= smallFile {
		f.file, err = f.cache.root.OpenFile(f.name, flags|directFlag, 0o600)
		direct = err == nil && directFlag != 0
	}
	if f.want.Size < smallFile || errors.Is(err, syscall.EINVAL) {
		f.file, err = f.cache.root.OpenFile(f.name, flags, 0o600)
	}
	if err != nil {
		return err
	}
	if !lockFolder(f.file) || !f.mine() {
		return errors.New("another process writes it")
	}
	if err := f.file.Truncate(0); err != nil || f.want.Size < smallFile {
		return err
	}
	if err := allocate(f.file, f.want.Size); err != nil {
		return err
	}
	f.disk = newDisk(f.file, direct, nil)
	return nil
}

// mine says whether the file that is locked is still the one of that name:
// whoever held the lock before may have renamed it.
func (f *Fill) mine() bool {
	opened, err := f.file.Stat()
	there, lerr := f.cache.root.Lstat(f.name)
	return err == nil && lerr == nil && os.SameFile(opened, there)
}

// Write takes the blob's next bytes, of a large one in blocks.
func (f *Fill) Write(b []byte) (int, error) {
	switch {
	case f.err != nil:
	case f.disk != nil:
		f.err = f.disk.write(b, f.at)
	default:
		_, f.err = f.file.Write(b)
	}
	f.at += int64(len(b))
	return len(b), nil
}

// Close puts the blob in its place where err is nil, which is said after size
// and digest matched; else it is forgotten.
func (f *Fill) Close(err error) error {
	if f.disk != nil {
		f.err = errors.Join(f.err, f.disk.finish(f.at))
	}
	if err != nil || f.at != f.want.Size {
		f.err = errors.Join(f.err, err, io.ErrUnexpectedEOF)
	}
	if f.err == nil { // not synced: what a power cut takes is found missing by its hash
		f.err = f.cache.root.Rename(f.name, cachePath(f.want.Digest))
	}
	if f.err != nil {
		f.err = errors.Join(f.err, f.cache.root.Remove(f.name))
	}
	return errors.Join(f.err, f.file.Close()) // which unlocks it
}

// A Cached is a blob in a cache.
type Cached struct {
	Digest artifact.Digest
	Size   int64 // bytes
	Used   time.Time
}

// Blobs lists what is there, the least recently used first.
func (c *Cache) Blobs() ([]Cached, error) {
	var out []Cached
	for _, algorithm := range []artifact.Algorithm{artifact.SHA256, artifact.SHA512} {
		dir := "blobs/" + algorithm.String()
		names, err := listNames(c.root, dir)
		if err != nil {
			return nil, fmt.Errorf("listing the cache: %w: %w", ErrStore, err)
		}
		for _, name := range names {
			d, err := artifact.ParseDigest(algorithm.String() + ":" + name)
			if err != nil {
				continue // none of ours
			}
			if info, err := c.root.Lstat(path.Join(dir, name)); err == nil {
				out = append(out, Cached{Digest: d, Size: info.Size(), Used: info.ModTime()})
			}
		}
	}
	slices.SortFunc(out, func(a, b Cached) int {
		return cmp.Or(a.Used.Compare(b.Used), strings.Compare(a.Digest.Hex(), b.Digest.Hex()))
	})
	return out, nil
}

// Prune removes the least recently used blobs until at most limit bytes are
// left, and what interrupted processes left half written. It returns what it
// removed. Who is reading a removed blob reads on.
func (c *Cache) Prune(limit int64) ([]Cached, error) {
	list, err := c.Blobs()
	if err != nil {
		return nil, err
	}
	var total int64
	for _, b := range list {
		total += b.Size
	}
	var removed []Cached
	for _, b := range list {
		if total <= limit {
			break
		}
		if err := c.Drop(b.Digest); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return removed, fmt.Errorf("pruning the cache: %w: %w", ErrStore, err)
		}
		total -= b.Size
		removed = append(removed, b)
	}
	return removed, c.tidy()
}

// tidy removes files that are on their way in and nobody writes.
func (c *Cache) tidy() error {
	names, err := listNames(c.root, ingest)
	for _, name := range names {
		name = path.Join(ingest, name)
		f, oerr := c.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
		if oerr != nil {
			continue
		}
		if lockFolder(f) && (&Fill{cache: c, name: name, file: f}).mine() {
			err = errors.Join(err, c.root.Remove(name))
		}
		err = errors.Join(err, f.Close())
	}
	return err
}

// Verify hashes every blob, removes those that are not what their name says,
// and returns how many are well and which were removed.
func (c *Cache) Verify(ctx context.Context, cfg Config) (well int, removed []Cached, err error) {
	list, err := c.Blobs()
	if err != nil {
		return 0, nil, err
	}
	jobs := make([]Job, len(list))
	for i, b := range list {
		want := artifact.Descriptor{Digest: b.Digest, Size: b.Size}
		jobs[i] = Job{Want: want, Open: func(context.Context) (io.ReadCloser, error) {
			if f := c.open(want, 0); f != nil {
				return f, nil
			}
			return nil, artifact.ErrSizeMismatch // gone, or no regular file
		}}
	}
	for i, failed := range Stream(ctx, cfg, jobs) {
		switch {
		case failed == nil:
			well++
		case errors.Is(failed, artifact.ErrDigestMismatch), errors.Is(failed, artifact.ErrSizeMismatch):
			if derr := c.Drop(list[i].Digest); derr != nil && !errors.Is(derr, fs.ErrNotExist) {
				err = errors.Join(err, fmt.Errorf("removing %v from the cache: %w: %w", list[i].Digest, ErrStore, derr))
			}
			removed = append(removed, list[i])
		default:
			err = errors.Join(err, failed)
		}
	}
	return well, removed, err
}

func listNames(root *os.Root, dir string) ([]string, error) {
	f, err := root.Open(dir)
	if err != nil {
		return nil, err
	}
	names, err := f.Readdirnames(-1)
	return names, errors.Join(err, f.Close())
}
