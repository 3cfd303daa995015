package trust

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/sigstore/sigstore-go/pkg/tuf"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
)

// A state is the metadata that the last update verified. The next one begins
// with it: so a mirror can neither go back to older versions nor to the keys of
// a root that was replaced (TUF specification §5.2, §5.4.3, §5.5.5). It lies in
// NAME.tuf.json, and a name that has one is kept by TUF.
type state struct {
	SchemaVersion string          `json:"schemaVersion"`
	Mirror        string          `json:"mirror"`
	Anchor        artifact.Digest `json:"anchor"` // SHA-256 of the TUF root that trust began with
	Root          []byte          `json:"root"`
	Timestamp     []byte          `json:"timestamp"`
	Snapshot      []byte          `json:"snapshot"`
	Targets       []byte          `json:"targets"`
}

// readState returns the state of a name, nil where it has none. One that cannot
// be read is an error: to go on without would drop the protection that it is.
func (s *Store) readState(name string) (*state, error) {
	data, err := read(s.path(name, stateSuffix))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var st state
	if err := strictjson.Decode(data, &st); err != nil {
		return nil, fmt.Errorf("%w: %q: %w", ErrState, name, err)
	}
	if st.SchemaVersion != sidecarVersion || st.Anchor.IsZero() || len(st.Root) == 0 {
		return nil, fmt.Errorf("%w: %q: version, anchor or root is missing", ErrState, name)
	}
	return &st, nil
}

// seed puts the documents where the TUF client looks for those that it had.
func (st *state) seed(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for role, data := range st.documents() {
		if len(*data) == 0 || role == metadata.ROOT {
			continue // the client writes its root itself
		}
		if err := os.WriteFile(filepath.Join(dir, role+".json"), *data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// collect reads what the TUF client verified.
func (st *state) collect(dir string) (err error) {
	for role, data := range st.documents() {
		if *data, err = read(filepath.Join(dir, role+".json")); err != nil {
			return fmt.Errorf("reading verified metadata: %w", err)
		}
	}
	return nil
}

func (st *state) documents() map[string]*[]byte {
	return map[string]*[]byte{
		metadata.ROOT: &st.Root, metadata.TIMESTAMP: &st.Timestamp,
		metadata.SNAPSHOT: &st.Snapshot, metadata.TARGETS: &st.Targets,
	}
}

// versions says what the documents are, for the sidecar.
func (st *state) versions() (*TUF, error) {
	t := &TUF{Anchor: st.Anchor}
	for data, role := range map[*[]byte]*Role{
		&st.Root: &t.Root, &st.Timestamp: &t.Timestamp, &st.Snapshot: &t.Snapshot, &st.Targets: &t.Targets,
	} {
		r, err := roleIn(*data)
		if err != nil {
			return nil, err
		}
		*role = r
	}
	return t, nil
}

// newer says whether the state is of later metadata than t.
func (st *state) newer(t *TUF) (bool, error) {
	own, err := st.versions()
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrState, err)
	}
	return own.Root.Version > t.Root.Version || own.Timestamp.Version > t.Timestamp.Version, nil
}

// roleIn reads version and expiry of a TUF document without verifying it.
func roleIn(data []byte) (Role, error) {
	var doc struct {
		Signed struct {
			Version int64     `json:"version"`
			Expires time.Time `json:"expires"`
		} `json:"signed"`
	}
	if err := strictjson.Decode(data, &doc); err != nil {
		return Role{}, fmt.Errorf("reading TUF metadata: %w", err)
	}
	return Role(doc.Signed), nil
}

// hasTarget says whether the top-level targets role lists a file. Delegated
// roles are not asked.
func (st *state) hasTarget(name string) (bool, error) {
	targets, err := metadata.Targets().FromBytes(st.Targets)
	if err != nil {
		return false, fmt.Errorf("reading TUF metadata: %w", err)
	}
	_, ok := targets.Signed.Targets[name]
	return ok, nil
}

// folderOf is where the TUF client of a mirror keeps its metadata.
func folderOf(cache, mirror string) string { return filepath.Join(cache, tuf.URLToPath(mirror)) }
