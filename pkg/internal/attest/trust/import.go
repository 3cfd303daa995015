package trust

import (
	"errors"
	"fmt"
	"time"
)

// ErrConflict is wrapped by errors about a name whose root came from elsewhere
// than the one that is to take its place.
var ErrConflict = errors.New("the name is taken")

// An Import is a root that a person brings.
type Import struct {
	Name      string    // default: DefaultName
	JSON      []byte    // the trusted_root.json
	FetchedAt time.Time // when it was obtained from its source; zero: unknown
	Replace   bool      // also in place of a root that TUF keeps
}

// Installed says what Import or Update did.
type Installed struct {
	Root
	Previous Root // the zero Root where there was none
}

// Changed says whether the name means other bytes than before.
func (i Installed) Changed() bool { return i.Digest != i.Previous.Digest }

// Import checks that verification could use the root, and installs it. A name
// that TUF keeps is not overwritten unless Replace says so: the next update
// would be a surprise, and its protection against older metadata lost.
func (s *Store) Import(in Import) (Installed, error) {
	if in.Name == "" {
		in.Name = DefaultName
	}
	if err := CheckName(in.Name); err != nil {
		return Installed{}, err
	}
	if _, err := Describe(in.JSON); err != nil {
		return Installed{}, fmt.Errorf("importing: %w", err)
	}
	now := s.now().UTC().Truncate(time.Second)
	if in.FetchedAt.After(now.Add(maxAhead)) {
		return Installed{}, fmt.Errorf("importing: it is said to be fetched at %s, and now it is %s", stamp(in.FetchedAt), stamp(now))
	}
	unlock, err := s.lock()
	if err != nil {
		return Installed{}, err
	}
	defer unlock()
	previous, err := s.previous(in.Name)
	if err != nil {
		return Installed{}, err
	}
	if !in.Replace {
		st, err := s.readState(in.Name)
		if err != nil {
			return Installed{}, err
		}
		if st != nil {
			return Installed{}, fmt.Errorf("%w: %q is kept by TUF from %s", ErrConflict, in.Name, st.Mirror)
		}
	}
	side := &Sidecar{
		SchemaVersion: sidecarVersion, Digest: sum(in.JSON), Source: FromImport,
		FetchedAt: in.FetchedAt.UTC(), InstalledAt: now,
	}
	if in.FetchedAt.IsZero() {
		side.FetchedAt = time.Time{}
	}
	if err := s.commit(in.Name, change{root: in.JSON, sidecar: side}); err != nil {
		return Installed{}, err
	}
	r, err := s.Load(in.Name)
	return Installed{Root: r, Previous: previous}, err
}

// previous is what lies under a name before it is written.
func (s *Store) previous(name string) (Root, error) {
	r, err := s.Load(name)
	if errors.Is(err, ErrNotInstalled) {
		return Root{}, nil
	}
	return r, err
}

// maxAhead is how far a time may lie in the future: clocks differ.
const maxAhead = 15 * time.Minute

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
