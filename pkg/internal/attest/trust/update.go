package trust

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/tuf"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// PublicGood is the TUF repository of the public Sigstore instance, whose first
// root is part of this program.
const PublicGood = tuf.DefaultMirror

// The targets that every Sigstore TUF repository has, and may have.
const (
	rootTarget    = "trusted_root.json"
	signingTarget = "signing_config.v0.2.json"
)

// An Update says which repository to ask. For a name that was updated before,
// the zero value of the rest means: the same one.
type Update struct {
	Name        string // default: DefaultName
	Mirror      string // URL; default: the last one, or PublicGood
	Root        []byte // TUF root.json that trust begins with; default: the last one, or PublicGood's
	Authorities []byte // PEM, to trust for TLS beside the system's
	Replace     bool   // in place of what came from another source
}

// Update fetches the trusted root through TUF, verifies it and installs it.
// Nothing is written unless all of it was verified, and no failure leaves the
// caller with something else than what was asked for. Its errors wrap
// ErrExpired, ErrRollback, ErrUnverified, ErrUnreachable, ErrUnusable, ErrState,
// ErrConflict or ErrMirror.
//
// Expiry of TUF metadata is judged by the system's clock.
func (s *Store) Update(ctx context.Context, u Update) (Installed, error) {
	if u.Name == "" {
		u.Name = DefaultName
	}
	if err := CheckName(u.Name); err != nil {
		return Installed{}, err
	}
	if u.Mirror != "" {
		mirror, err := checkMirror(u.Mirror)
		if err != nil {
			return Installed{}, err
		}
		u.Mirror = mirror
	}
	if err := s.prepare(); err != nil {
		return Installed{}, err
	}
	_, st, err := s.begin(u)
	if err != nil {
		return Installed{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, updateTimeout)
	defer cancel()
	f, err := s.fetch(ctx, st, u.Authorities)
	if err != nil {
		return Installed{}, fmt.Errorf("updating trusted root %q from %s: %w", u.Name, st.Mirror, err)
	}
	return s.install(ctx, u, f)
}

// begin finds what trust begins with: the state of the last update, or the root
// that the caller gives, or the built-in one.
func (s *Store) begin(u Update) (previous Root, st *state, err error) {
	if previous, err = s.previous(u.Name); err != nil {
		return Root{}, nil, err
	}
	if !u.Replace {
		if st, err = s.readState(u.Name); err != nil {
			return Root{}, nil, err
		}
	}
	switch {
	case st != nil && u.Root != nil && st.Anchor != artifact.SumSHA256(u.Root):
		return Root{}, nil, fmt.Errorf("%w: %q follows another TUF root, %v", ErrConflict, u.Name, st.Anchor)
	case st != nil:
		if u.Mirror != "" {
			st.Mirror = u.Mirror
		}
		return previous, st, nil
	case previous.JSON != nil && !u.Replace:
		return Root{}, nil, fmt.Errorf("%w: %q was installed from a file", ErrConflict, u.Name)
	case u.Root != nil && u.Mirror == "":
		return Root{}, nil, fmt.Errorf("%w: a TUF root of one's own needs its mirror", ErrMirror)
	}
	st = &state{SchemaVersion: sidecarVersion, Mirror: u.Mirror, Root: u.Root}
	if st.Mirror == "" {
		st.Mirror = PublicGood
	}
	if st.Root == nil {
		st.Root = tuf.DefaultRoot()
	}
	st.Anchor = artifact.SumSHA256(st.Root)
	return previous, st, nil
}

// fetched is what an update brought, all of it verified.
type fetched struct {
	root, signing []byte
	state         *state
	versions      *TUF
}

// fetch runs the TUF client in a folder that lives no longer than the update.
func (s *Store) fetch(ctx context.Context, st *state, authorities []byte) (f fetched, err error) {
	cache, err := os.MkdirTemp("", "modelcheck-trust-*")
	if err != nil {
		return fetched{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(cache)) }()
	dir := folderOf(cache, st.Mirror)
	if err := st.seed(dir); err != nil {
		return fetched{}, err
	}
	t, err := s.newTransfer(ctx, st.Mirror, authorities)
	if err != nil {
		return fetched{}, err
	}
	f = fetched{state: st}
	if err := f.run(cache, t); err != nil {
		return fetched{}, s.explain(ctx, st, t, err)
	}
	if f.versions, err = st.versions(); err != nil {
		return fetched{}, err
	}
	if _, err := Describe(f.root); err != nil {
		return fetched{}, err
	}
	if f.signing != nil {
		if _, err := root.NewSigningConfigFromJSON(f.signing); err != nil {
			return fetched{}, fmt.Errorf("%w: its signing configuration: %w", ErrUnusable, err)
		}
	}
	return f, nil
}

// run is the TUF client's part. What a mirror sends must not end the program:
// go-tuf has panicked on malformed metadata before (CVE-2026-23991).
func (f *fetched) run(cache string, t *transfer) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: metadata that breaks the reader: %v", ErrUnverified, p)
		}
	}()
	client, err := tuf.New(&tuf.Options{Root: f.state.Root, CachePath: cache, RepositoryBaseURL: f.state.Mirror, Fetcher: t})
	if err != nil {
		return err
	}
	if f.root, err = client.GetTarget(rootTarget); err != nil {
		return err
	}
	if err := f.state.collect(folderOf(cache, f.state.Mirror)); err != nil {
		return err
	}
	has, err := f.state.hasTarget(signingTarget)
	if err != nil || !has {
		return err
	}
	f.signing, err = client.GetTarget(signingTarget)
	return err
}

// install writes what was fetched, unless another process was faster with
// something newer.
func (s *Store) install(ctx context.Context, u Update, f fetched) (Installed, error) {
	unlock, err := s.lock()
	if err != nil {
		return Installed{}, err
	}
	defer unlock()
	again := u
	again.Root = nil // the first look compared it
	previous, now, err := s.begin(again)
	if err != nil {
		return Installed{}, err
	}
	if !u.Replace && previous.JSON != nil {
		if now.Anchor != f.state.Anchor {
			return Installed{}, fmt.Errorf("%w: %q was given another source during the update", ErrConflict, u.Name)
		}
		newer, err := now.newer(f.versions)
		if err != nil {
			return Installed{}, err
		}
		if newer {
			return Installed{Root: previous, Previous: previous}, nil
		}
	}
	at := s.now().UTC().Truncate(time.Second)
	side := &Sidecar{
		SchemaVersion: sidecarVersion, Digest: sum(f.root), Source: FromTUF, Mirror: f.state.Mirror,
		FetchedAt: at, InstalledAt: at, TUF: f.versions,
	}
	if f.signing != nil {
		side.SigningConfig = sum(f.signing)
	}
	st, err := encode(f.state)
	if err != nil {
		return Installed{}, err
	}
	if err := s.commit(u.Name, change{root: f.root, signing: f.signing, state: st, sidecar: side}); err != nil {
		return Installed{}, err
	}
	s.log.InfoContext(ctx, "updated", slog.String("root", u.Name), slog.String("digest", side.Digest.String()))
	r, err := s.Load(u.Name)
	return Installed{Root: r, Previous: previous}, err
}
