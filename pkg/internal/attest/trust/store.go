package trust

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// maxFile bounds every file that is read here. The public-good root has 7 kB,
// its TUF metadata 15 kB; package attest has the same bound for a root.
const maxFile = 4 << 20

// ErrNotInstalled is wrapped by errors about a name under which no root lies.
var ErrNotInstalled = errors.New("no trusted root of this name is installed")

// Config says what New needs. Dir is required.
type Config struct {
	Dir       string           // where roots lie; made when the first one is installed
	UserAgent string           // for TUF mirrors; default: "modelcheck"
	Now       func() time.Time // default: time.Now
	Log       *slog.Logger     // default: nothing is logged
}

// A Store is the folder of named roots. It may be used by several goroutines
// and processes at once: what is read is always whole.
type Store struct {
	dir       string
	userAgent string
	now       func() time.Time
	log       *slog.Logger
}

// New returns the store in cfg.Dir, which need not exist.
func New(cfg Config) (*Store, error) {
	if cfg.Dir == "" {
		return nil, errors.New("trust: no folder")
	}
	s := &Store{dir: cfg.Dir, userAgent: cfg.UserAgent, now: cfg.Now, log: cfg.Log}
	if s.userAgent == "" {
		s.userAgent = "modelcheck"
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s, nil
}

// A Root is a trusted root as it lies on disk. Its content was not judged.
type Root struct {
	Name   string // "" for a file that is not installed
	Path   string
	JSON   []byte
	Digest artifact.Digest
	// Sidecar says where the bytes came from and when; nil where nobody knows.
	// Note says why a sidecar that is there was not believed.
	Sidecar *Sidecar
	Note    string
}

// FetchedAt is when the bytes were obtained from their source, the zero time
// where nobody knows.
func (r Root) FetchedAt() time.Time {
	if r.Sidecar == nil {
		return time.Time{}
	}
	return r.Sidecar.FetchedAt
}

// Load returns the root that is installed under name. Its error wraps ErrName,
// ErrNotInstalled, or says why the file cannot be read.
func (s *Store) Load(name string) (Root, error) {
	if err := CheckName(name); err != nil {
		return Root{}, err
	}
	r, err := ReadFile(s.path(name, rootSuffix))
	if errors.Is(err, fs.ErrNotExist) {
		return Root{}, fmt.Errorf("%w: %q", ErrNotInstalled, name)
	}
	r.Name = name
	return r, err
}

// ReadFile returns the root in any file, with the sidecar that lies beside it
// and is about these very bytes: so a root that is carried to another machine
// together with its sidecar keeps its age.
func ReadFile(path string) (Root, error) {
	data, err := read(path)
	if err != nil {
		return Root{}, err
	}
	r := Root{Path: path, JSON: data, Digest: artifact.SumSHA256(data)}
	side, err := readSidecar(sidecarPath(path))
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		r.Note = err.Error()
	case side.Digest != r.Digest:
		// A crash between two renames, or a file that somebody edited.
		r.Note = fmt.Sprintf("its sidecar is about other bytes (%v)", side.Digest)
	default:
		r.Sidecar = side
	}
	return r, nil
}

// List returns the installed roots by name. A folder that does not exist holds
// none.
func (s *Store) List() ([]Root, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing trusted roots: %w", err)
	}
	var out []Root
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), rootSuffix)
		if !ok || !IsName(name) {
			continue
		}
		r, err := s.Load(name)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Root) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// SigningConfig returns the signing configuration that the last update of name
// brought along: which services to sign with. Its error wraps ErrNotInstalled
// where there is none.
func (s *Store) SigningConfig(name string) ([]byte, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	data, err := read(s.path(name, signingSuffix))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w, or it came without a signing configuration: %q", ErrNotInstalled, name)
	}
	return data, err
}

// read returns a file of at most maxFile bytes.
func read(path string) (data []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, fmt.Errorf("reading %q: it is a folder", path)
	}
	data, err = io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		return nil, fmt.Errorf("reading %q: more than %d bytes", path, maxFile)
	}
	return data, err
}
