package trust

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// What can go wrong with an update, by whom it is to be asked about.
var (
	// ErrExpired: the repository was not renewed in time, somebody holds back
	// its newer metadata, or this computer's clock is wrong.
	ErrExpired = errors.New("expired TUF metadata, or a wrong clock")
	// ErrRollback: the mirror has older metadata than the last update saw.
	ErrRollback = errors.New("older TUF metadata than before")
	// ErrUnverified: signatures, hashes or sizes are not what the trusted
	// metadata says: the root of another repository, or tampering.
	ErrUnverified = errors.New("TUF metadata that cannot be verified")
	// ErrUnreachable: no answer, or not all of it.
	ErrUnreachable = errors.New("mirror not reached")
	// ErrState: what the last update left behind is damaged.
	ErrState = errors.New("damaged TUF state")
)

// explain sorts the TUF client's errors. What is neither the world's fault nor
// of a kind that it names is something in the metadata that cannot be read.
func (s *Store) explain(ctx context.Context, st *state, t *transfer, err error) error {
	var (
		expired *metadata.ErrExpiredMetadata
		version *metadata.ErrBadVersionNumber
		status  *metadata.ErrDownloadHTTP
		disk    *fs.PathError
	)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", ErrUnreachable, ctx.Err())
	case errors.As(err, &expired):
		return fmt.Errorf("%w: %s", ErrExpired, s.expired(st, t))
	case errors.As(err, &version):
		return fmt.Errorf("%w: %w", ErrRollback, version)
	case errors.As(err, &status):
		return fmt.Errorf("%w: %s: status %d", ErrUnreachable, status.URL, status.StatusCode)
	case errors.Is(err, ErrUnreachable), errors.Is(err, ErrUnverified), errors.As(err, &disk):
		return err
	default:
		return fmt.Errorf("%w: %w", ErrUnverified, err)
	}
}

// expired names what has expired and both times, so that a wrong clock shows.
func (s *Store) expired(st *state, t *transfer) string {
	now := s.now()
	documents := map[string][]byte{metadata.ROOT: st.Root}
	maps.Copy(documents, t.seen)
	var out []string
	for role, data := range documents {
		if r, err := roleIn(data); err == nil && !r.Expires.After(now) {
			out = append(out, fmt.Sprintf("%s version %d expired at %s", role, r.Version, stamp(r.Expires)))
		}
	}
	slices.Sort(out)
	out = append(out, "now it is "+stamp(now))
	return strings.Join(out, ", ")
}
