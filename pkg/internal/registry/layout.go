package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
)

const (
	// layoutVersion is the only one there is (image-spec 1.1, image-layout.md
	// §oci-layout file).
	layoutVersion = "1.0.0"
	// refName is the annotation that holds a tag in index.json.
	refName = "org.opencontainers.image.ref.name"
	// maxLayoutFile bounds the oci-layout file, which holds one version.
	maxLayoutFile = 4 << 10
	// maxLooks bounds how often a file is looked at that is replaced each time
	// before it could be opened. A writer replaces a file once and waits for
	// the disk; who does it this often does not want it read.
	maxLooks = 32
)

// A layout is a folder in the OCI image layout. Nothing in it is trusted:
// names stay below the folder (os.Root), blobs are regular files, and what is
// returned was hashed.
type layout struct {
	root  *os.Root
	sleep func(context.Context, time.Duration) error

	mu   sync.Mutex
	once func() ([]listed, error) // readIndex; replaced when we write
}

// entries returns what index.json lists. It is read once, so that a tag and its
// referrers are seen at one moment.
func (l *layout) entries() ([]listed, error) {
	l.mu.Lock()
	once := l.once
	l.mu.Unlock()
	return once()
}

// forget has index.json read again.
func (l *layout) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.once = sync.OnceValues(l.readIndex)
}

func openLayout(path string) (*layout, error) {
	root, err := os.OpenRoot(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	if err != nil {
		return nil, err
	}
	l := &layout{root: root, sleep: sleep}
	l.forget()
	if err := l.checkVersion(); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return l, nil
}

func (l *layout) close() error { return l.root.Close() }

func (l *layout) checkVersion() error {
	data, err := l.read("oci-layout", maxLayoutFile)
	if errors.Is(err, ErrNotFound) {
		return fmt.Errorf("%w: not an OCI layout (no oci-layout file)", ErrResponse)
	}
	if err != nil {
		return err
	}
	var v struct {
		Version string `json:"imageLayoutVersion"`
	}
	if err := strictjson.Decode(data, &v); err != nil {
		return fmt.Errorf("%w: oci-layout: %w", ErrResponse, err)
	}
	if v.Version != layoutVersion {
		return refuse("OCI layout version %q, want %q", clip(v.Version), layoutVersion)
	}
	return nil
}

// open opens a regular file. Links are not followed and nothing that could
// block is opened: what was looked at must be what was opened.
func (l *layout) open(name string) (*os.File, error) {
	f, err := openRegular(l.root, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	return f, err
}

// openRegular opens name below root if it is a regular file and still the one
// that was looked at just before. Where another has taken its place meanwhile,
// as happens to index.json and to blobs that several signers write at once, it
// looks again.
func openRegular(root *os.Root, name string) (*os.File, error) {
	var err error
	for range maxLooks {
		var f *os.File
		if f, err = openLookedAt(root, name); !errors.Is(err, ErrChanged) {
			return f, err
		}
	}
	return nil, err
}

func openLookedAt(root *os.Root, name string) (*os.File, error) {
	before, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !before.Mode().IsRegular() {
		return nil, refuse("%q is %s, want a regular file", name, irregular(before.Mode()))
	}
	// Non-blocking, in case that a pipe takes the file's place right now.
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	after, err := f.Stat()
	if err == nil && !(after.Mode().IsRegular() && os.SameFile(before, after)) {
		err = fmt.Errorf("%w: %q was replaced", ErrChanged, name)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (l *layout) read(name string, limit int64) ([]byte, error) {
	f, err := l.open(name)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, &LimitError{What: fmt.Sprintf("size of %q in bytes", name), Limit: limit, Got: int64(len(data))}
	}
	return data, nil
}

func (l *layout) readIndex() ([]listed, error) {
	data, err := l.read("index.json", maxManifest)
	if err != nil {
		return nil, err
	}
	list, err := parseIndex(data)
	if err != nil {
		return nil, fmt.Errorf("index.json: %w", err)
	}
	if len(list) > maxReferrers {
		return nil, &LimitError{What: "entries of index.json", Limit: maxReferrers, Got: int64(len(list))}
	}
	return list, nil
}

func blobPath(d artifact.Digest) string {
	return "blobs/" + d.Algorithm().String() + "/" + d.Hex()
}

func (l *layout) blob(_ context.Context, d artifact.Descriptor) (io.ReadCloser, error) {
	f, err := l.open(blobPath(d.Digest))
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(f, d.Size+1), f}, nil
}

// manifest reads an entry's manifest and checks digest and size.
func (l *layout) manifest(e listed) (artifact.Descriptor, []byte, error) {
	d := artifact.Descriptor{MediaType: e.MediaType, ArtifactType: e.ArtifactType, Size: e.Size}
	var err error
	if d.Digest, err = artifact.ParseDigest(e.Digest); err != nil {
		return artifact.Descriptor{}, nil, fmt.Errorf("%w: index.json: %w", ErrResponse, err)
	}
	if err := checkDescriptor("manifest", d, maxManifest); err != nil {
		return artifact.Descriptor{}, nil, err
	}
	body, err := l.read(blobPath(d.Digest), maxManifest)
	if err != nil {
		return artifact.Descriptor{}, nil, err
	}
	return d, body, verify("manifest", d, body)
}

// byDigest reads a manifest that index.json or one of its indexes lists. Its
// media type is what index.json says, else what the body says of itself.
func (l *layout) byDigest(_ context.Context, want artifact.Digest) (artifact.Descriptor, []byte, error) {
	list, err := l.entries()
	if err != nil {
		return artifact.Descriptor{}, nil, err
	}
	body, err := l.read(blobPath(want), maxManifest)
	if err != nil {
		return artifact.Descriptor{}, nil, err
	}
	d := artifact.Descriptor{Digest: want, Size: int64(len(body))}
	for _, e := range list {
		if e.Digest == want.String() {
			d.MediaType = e.MediaType
			d.ArtifactType = e.ArtifactType
			return d, body, verify("manifest", artifact.Descriptor{Digest: want, Size: e.Size}, body)
		}
	}
	if err := verify("manifest", d, body); err != nil {
		return artifact.Descriptor{}, nil, err
	}
	var m struct {
		MediaType string `json:"mediaType"`
	}
	if strictjson.Decode(body, &m) == nil {
		d.MediaType = m.MediaType
	}
	return d, body, nil
}
