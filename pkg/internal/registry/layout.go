package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"

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
)

// A layout is a folder in the OCI image layout. Nothing in it is trusted:
// names stay below the folder (os.Root), blobs are regular files, and what is
// returned was hashed.
type layout struct {
	root *os.Root
	// entries returns what index.json lists. It is read once, so that a tag
	// and its referrers are seen at one moment.
	entries func() ([]listed, error)
}

func openLayout(path string) (*layout, error) {
	root, err := os.OpenRoot(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	if err != nil {
		return nil, err
	}
	l := &layout{root: root}
	l.entries = sync.OnceValues(l.readIndex)
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
// that was looked at before.
func openRegular(root *os.Root, name string) (*os.File, error) {
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

// byTag finds the entry of index.json that carries the tag; without a tag, the
// only artifact of the layout.
func (l *layout) byTag(_ context.Context, tag string) (artifact.Descriptor, []byte, error) {
	list, err := l.entries()
	if err != nil {
		return artifact.Descriptor{}, nil, err
	}
	if tag == "" {
		return l.only(list)
	}
	tagged := slices.DeleteFunc(slices.Clone(list), func(e listed) bool { return e.Annotations[refName] != tag })
	switch len(tagged) {
	case 1:
		return l.manifest(tagged[0])
	case 0:
		return artifact.Descriptor{}, nil, fmt.Errorf("%w: no tag %q in index.json (it has %s)", ErrNotFound, tag, tags(list))
	default:
		return artifact.Descriptor{}, nil, refuse("tag %q stands %d times in index.json", tag, len(tagged))
	}
}

func (l *layout) only(list []listed) (artifact.Descriptor, []byte, error) {
	var (
		d    artifact.Descriptor
		body []byte
		n    int
	)
	for _, e := range list {
		ed, eb, err := l.manifest(e)
		if err != nil {
			return artifact.Descriptor{}, nil, err
		}
		a, err := parseReferrer(eb)
		if err == nil && (a.subject != "" || reSupplement.MatchString(e.Annotations[refName])) {
			continue
		}
		if n == 0 || ed.Digest != d.Digest { // one artifact may carry several tags
			d, body = ed, eb
			n++
		}
	}
	switch n {
	case 1:
		return d, body, nil
	case 0:
		return artifact.Descriptor{}, nil, fmt.Errorf("%w: no artifact in index.json", ErrNotFound)
	default:
		return artifact.Descriptor{}, nil, fmt.Errorf("%w: %d artifacts in index.json, name a tag or digest (it has %s)", ErrAmbiguous, n, tags(list))
	}
}

// tags lists what a user could have written.
func tags(list []listed) string {
	var names []string
	for _, e := range list {
		if t := e.Annotations[refName]; t != "" && !reSupplement.MatchString(t) {
			names = append(names, fmt.Sprintf("%q", clip(t)))
		}
	}
	if len(names) == 0 {
		return "no tags"
	}
	slices.Sort(names)
	if extra := len(names) - 10; extra > 0 {
		return fmt.Sprintf("tags %s and %d more", strings.Join(names[:10], ", "), extra)
	}
	return "tags " + strings.Join(names, ", ")
}

// reSupplement is what tags look like that hold something about another
// artifact: the referrers tag schema, and cosign's older tags.
var reSupplement = regexp.MustCompile(`^sha(256|512)-[0-9a-f]{64}(\.(sig|att|sbom))?$`)

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
