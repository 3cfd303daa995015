package trust

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
)

// The ways in which a root comes into the store.
const (
	FromTUF    = "tuf"
	FromImport = "import"
)

const sidecarVersion = "1"

// A Sidecar is what is known about a root beside its bytes. It lies in
// NAME.meta.json and counts only for the bytes whose digest it names.
type Sidecar struct {
	SchemaVersion string          `json:"schemaVersion"`
	Digest        artifact.Digest `json:"digest"`          // SHA-256 of the root
	Source        string          `json:"source"`          // FromTUF or FromImport
	Mirror        string          `json:"mirror,omitzero"` // URL of the TUF repository
	// FetchedAt is when the bytes were obtained from their source: by TUF, or
	// as the person who imported them said. Zero where nobody said.
	FetchedAt     time.Time       `json:"fetchedAt,omitzero"`
	InstalledAt   time.Time       `json:"installedAt"`
	TUF           *TUF            `json:"tuf,omitzero"`
	SigningConfig artifact.Digest `json:"signingConfig,omitzero"`
}

// TUF says which metadata vouched for a root.
type TUF struct {
	Anchor    artifact.Digest `json:"anchor"` // SHA-256 of the TUF root that trust began with
	Root      Role            `json:"root"`
	Timestamp Role            `json:"timestamp"`
	Snapshot  Role            `json:"snapshot"`
	Targets   Role            `json:"targets"`
}

// A Role is one document of TUF metadata.
type Role struct {
	Version int64     `json:"version"`
	Expires time.Time `json:"expires"`
}

// Expires is when the first of the documents expires: until then the
// repository says that its content is current.
func (t *TUF) Expires() time.Time {
	first := t.Root.Expires
	for _, r := range []Role{t.Timestamp, t.Snapshot, t.Targets} {
		if r.Expires.Before(first) {
			first = r.Expires
		}
	}
	return first
}

func readSidecar(path string) (*Sidecar, error) {
	data, err := read(path)
	if err != nil {
		return nil, err
	}
	var s Sidecar
	if err := strictjson.Decode(data, &s); err != nil {
		return nil, fmt.Errorf("its sidecar cannot be read: %w", err)
	}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("its sidecar cannot be used: %w", err)
	}
	return &s, nil
}

func (s *Sidecar) check() error {
	switch {
	case s.SchemaVersion != sidecarVersion:
		return fmt.Errorf("version %q, want %q", s.SchemaVersion, sidecarVersion)
	case s.Digest.IsZero():
		return errors.New("it names no digest")
	case s.Source == FromTUF && (s.TUF == nil || s.Mirror == "" || s.FetchedAt.IsZero()):
		return errors.New("a root from TUF without mirror, versions or time")
	case s.Source != FromTUF && s.Source != FromImport:
		return fmt.Errorf("unknown source %q", s.Source)
	}
	return nil
}

// encode writes what lies on disk beside a root, for people to read as well.
func encode(v any) ([]byte, error) {
	data, err := json.Marshal(v, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		return nil, fmt.Errorf("encoding: %w", err)
	}
	return append(data, '\n'), nil
}
