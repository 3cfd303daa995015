package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

// configVar names the folder of the configuration in place of the user's.
const configVar = "MODELCHECK_CONFIG_DIR"

// trustFolder is where named trusted roots lie.
func trustFolder(s streams) (string, error) {
	dir, err := configFolder(s)
	return filepath.Join(dir, "trust"), err
}

// configFolder is where the user's configuration lies.
func configFolder(s streams) (string, error) {
	if dir := s.env(configVar); dir != "" {
		return dir, nil
	}
	user, err := os.UserConfigDir()
	if err != nil {
		return "", hintError{fmt.Errorf("no folder for the configuration: %w", err), "set " + configVar}
	}
	return filepath.Join(user, "modelcheck"), nil
}

func openTrust(s streams) (*check.TrustStore, error) {
	dir, err := trustFolder(s)
	if err != nil {
		return nil, err
	}
	return check.OpenTrustStore(check.TrustStoreConfig{Dir: dir, UserAgent: "modelcheck/" + build().Version})
}

// warnAge is when a trusted root is worth a look: Sigstore's public instance
// changes a key about twice a year, and cannot reach who does not update.
const warnAge = 90 * 24 * time.Hour

// rootFlags bound the age of trusted roots, whoever names them.
type rootFlags struct {
	maxAge, warnAge time.Duration
	origins         map[artifact.Digest]check.RootOrigin // found by vet
}

func (r *rootFlags) add(cmd *cobra.Command) {
	r.warnAge = warnAge
	cmd.Flags().Var(ageFlag{&r.maxAge}, "max-root-age", "refuse trusted roots that were fetched longer ago, such as 180d, or nobody knows when")
	cmd.Flags().Var(ageFlag{&r.warnAge}, "warn-root-age", "warn of trusted roots that were fetched longer ago; 0 never warns")
}

func (r *rootFlags) configure(cfg *check.Config) {
	cfg.RootOrigins, cfg.MaxRootAge = r.origins, r.maxAge
}

// material reads the files that a policy names, and keeps where trusted roots
// came from.
type material struct {
	dir   string // of names that are relative; "" is the working folder
	root  check.InstalledRoot
	kind  check.RootOrigin
	paths map[artifact.Digest]string
}

func (m *material) read(name string) ([]byte, error) {
	if m.root.Path != "" && name == m.root.Path {
		return m.root.JSON, nil // read once, with its sidecar
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(m.dir, name)
	}
	data, err := readSmall(name)
	if err == nil {
		if m.paths == nil {
			m.paths = map[artifact.Digest]string{}
		}
		m.paths[artifact.SumSHA256(data)] = name
	}
	return data, err
}

// find returns the root that the policy has, with its sidecar.
func (m *material) find(r policy.Root) (check.InstalledRoot, check.RootOrigin) {
	digest := artifact.SumSHA256(r.JSON)
	if digest == m.root.Digest {
		return m.root, m.kind
	}
	found, err := check.ReadTrustedRoot(m.paths[digest])
	if err != nil || found.Digest != digest { // changed since
		found = check.InstalledRoot{Path: m.paths[digest], Digest: digest}
	}
	return found, check.RootOrigin{Source: check.RootFromPolicy, FetchedAt: found.FetchedAt()}
}

// findRoot says which file --trusted-root means. Without it, an identity is
// proved with the root that is installed as "default", if there is one.
func (t *trustFlags) findRoot(s streams, used *material) (string, error) {
	var err error
	switch person := t.identity != "" || t.identityPattern != ""; {
	case t.trustedRoot != "" && !check.IsTrustName(t.trustedRoot):
		used.root, err = check.ReadTrustedRoot(t.trustedRoot)
		used.kind = check.RootOrigin{Source: check.RootFromFile}
		if err != nil {
			err = fmt.Errorf("reading the trusted root: %w", err)
		}
	case t.trustedRoot != "":
		used.root, err = loadRoot(s, t.trustedRoot)
		used.kind = check.RootOrigin{Source: check.RootFromConfig, Installed: t.trustedRoot}
	case person && t.issuer != "":
		if _, err := trustFolder(s); err != nil {
			return "", nil // no folder, no root in it
		}
		used.root, err = loadRoot(s, check.DefaultTrustName)
		used.kind = check.RootOrigin{Source: check.RootFromConfig, Installed: check.DefaultTrustName}
		if errors.Is(err, check.ErrTrustNotInstalled) {
			return "", nil // checkKeyless says so
		}
	}
	used.kind.FetchedAt = used.root.FetchedAt()
	return used.root.Path, err
}

// loadRoot returns an installed root.
func loadRoot(s streams, name string) (check.InstalledRoot, error) {
	store, err := openTrust(s)
	if err != nil {
		return check.InstalledRoot{}, err
	}
	r, err := store.Load(name)
	if errors.Is(err, check.ErrTrustNotInstalled) {
		hint := fmt.Sprintf("modelcheck trust list shows those that are; for the file of this name write ./%s", name)
		return r, hintError{err, hint}
	}
	return r, err
}

// vet refuses trusted roots that are too old or lie where the artifact's
// author could have put them, warns of others, and keeps their origins.
func (r *rootFlags) vet(s streams, ref artifact.Reference, p *policy.Policy, used *material) error {
	now := time.Now()
	r.origins = map[artifact.Digest]check.RootOrigin{}
	for _, root := range p.Roots() {
		file, origin := used.find(root)
		if insideArtifact(ref, file.Path) {
			return hintError{fmt.Errorf("trusted root %q lies inside the artifact that it would vouch for", file.Path), "whoever made the artifact may have made it too; get the trusted root from its own source (docs/trust.md)"}
		}
		r.origins[file.Digest] = origin
		name := nameOf(root, origin)
		if file.Note != "" {
			warn(s, "trusted root %q: %s, so its age is unknown", name, file.Note)
		}
		if writableByAll(file.Path) {
			warn(s, "trusted root %q: every user of this computer may write %q or its folder", name, file.Path)
		}
		bound := r.warnAge
		if root.WarnAge > 0 {
			bound = root.WarnAge
		}
		if age, known := origin.Age(now); known && bound > 0 && age > bound {
			warn(s, "trusted root %q was fetched %d days ago: %s", name, int(age/(24*time.Hour)), renewHint)
		}
	}
	cfg := check.Config{Policy: p}
	r.configure(&cfg)
	if err := cfg.CheckRootAges(now); err != nil {
		return hintError{err, renewHint}
	}
	return nil
}

const renewHint = "modelcheck trust update fetches what TUF keeps, modelcheck trust import FILE --fetched-at TIME says since when a file is current"

// nameOf is what the user calls a root.
func nameOf(root policy.Root, origin check.RootOrigin) string {
	if origin.Installed != "" {
		return origin.Installed
	}
	return root.Name
}

func warn(s streams, format string, args ...any) {
	fmt.Fprintf(s.err, "modelcheck: warning: %s\n", printable(fmt.Sprintf(format, args...)))
}
