package check

import (
	"fmt"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/trust"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

// Trusted roots are files. A TrustStore keeps them under names; an examination
// reads none of it and never fetches one.
type (
	// A TrustStore installs, updates and lists named trusted roots. Its methods
	// are Load, List, Import, Update and SigningConfig.
	TrustStore = trust.Store
	// TrustStoreConfig says what OpenTrustStore needs: Dir.
	TrustStoreConfig = trust.Config
	// An InstalledRoot is a trusted root as it lies on disk, with its sidecar.
	InstalledRoot = trust.Root
	// TrustContents is what a trusted root says is to be trusted.
	TrustContents = trust.Contents
	// A TrustAuthority is a certificate authority or timestamp authority in it.
	TrustAuthority = trust.Authority
	// A TrustLog is a transparency log or certificate transparency log in it.
	TrustLog = trust.Log
	// TrustPeriod is the time in which one of them may have signed.
	TrustPeriod = trust.Period
	// TrustTUF says which TUF metadata vouched for a root.
	TrustTUF = trust.TUF
	// TrustImport asks TrustStore.Import to install a file.
	TrustImport = trust.Import
	// TrustUpdate asks TrustStore.Update to fetch a root through TUF.
	TrustUpdate = trust.Update
	// TrustChange says what an import or an update did.
	TrustChange = trust.Installed
)

// DefaultTrustName is the root that is used where nobody names another.
const DefaultTrustName = trust.DefaultName

// What can go wrong with named roots, for errors.Is.
var (
	ErrTrustName         = trust.ErrName
	ErrTrustNotInstalled = trust.ErrNotInstalled
	ErrTrustUnusable     = trust.ErrUnusable
	ErrTrustConflict     = trust.ErrConflict
	ErrTrustMirror       = trust.ErrMirror
	ErrTrustExpired      = trust.ErrExpired
	ErrTrustRollback     = trust.ErrRollback
	ErrTrustUnverified   = trust.ErrUnverified
	ErrTrustUnreachable  = trust.ErrUnreachable
	ErrTrustState        = trust.ErrState
)

// OpenTrustStore returns the store in cfg.Dir, which need not exist.
func OpenTrustStore(cfg TrustStoreConfig) (*TrustStore, error) { return trust.New(cfg) }

// ReadTrustedRoot returns the root in any file, with the sidecar that lies
// beside it and is about these very bytes.
func ReadTrustedRoot(path string) (InstalledRoot, error) { return trust.ReadFile(path) }

// DescribeTrust says what is in a trusted root. It accepts what verification
// accepts; its errors wrap ErrTrustUnusable.
func DescribeTrust(data []byte) (TrustContents, error) { return trust.Describe(data) }

// IsTrustName tells the name of a root from the path of a file by its spelling
// alone. A path holds a dot or a separator.
func IsTrustName(s string) bool { return trust.IsName(s) }

// The ways in which a trusted root comes into an examination.
const (
	RootFromPolicy = "policy" // a policy file, or the caller's policy, names it
	RootFromFile   = "file"   // a person named the file
	RootFromConfig = "config" // it is installed in the user's configuration
)

// A RootOrigin is what is known of a trusted root beside its bytes. The zero
// value means: from the policy, nobody knows since when.
type RootOrigin struct {
	Source    string    // RootFromPolicy, RootFromFile or RootFromConfig; default: RootFromPolicy
	Installed string    // the name under which it is installed, for RootFromConfig
	FetchedAt time.Time // when its bytes were obtained from their source; zero: unknown
}

// maxSkew is how far a time may lie in the future: clocks differ.
const maxSkew = 15 * time.Minute

// Age returns how old the root is at a time, and whether that is known. A time
// in the future is none: a clock is wrong, and nobody knows which.
func (o RootOrigin) Age(at time.Time) (time.Duration, bool) {
	age := at.Sub(o.FetchedAt)
	if o.FetchedAt.IsZero() || age < -maxSkew {
		return 0, false
	}
	return max(age, 0), true
}

// A StaleRootError says that a trusted root is too old, or may be.
type StaleRootError struct {
	Name  string // in the policy
	Max   time.Duration
	Age   time.Duration
	Known bool      // whether Age is
	At    time.Time // of the examination
	Since time.Time // what the root says, zero where it says nothing
}

func (e *StaleRootError) Error() string {
	what := fmt.Sprintf("trusted root %q", e.Name)
	switch {
	case e.Known:
		return fmt.Sprintf("%s is %s old, more than the %s that are allowed", what, days(e.Age), days(e.Max))
	case e.Since.IsZero():
		return fmt.Sprintf("%s is of unknown age, and at most %s are allowed", what, days(e.Max))
	default:
		return fmt.Sprintf("%s is said to be fetched at %s, and now it is %s", what, e.Since.UTC().Format(time.RFC3339), e.At.UTC().Format(time.RFC3339))
	}
}

// Unwrap makes it unusable trust material, which leaves no verdict.
func (e *StaleRootError) Unwrap() error { return attest.ErrTrust }

// days writes a duration in days and hours.
func days(d time.Duration) string {
	switch n, h := int(d/(24*time.Hour)), int(d/time.Hour)%24; {
	case n == 0:
		return d.Round(time.Minute).String()
	case h == 0:
		return fmt.Sprintf("%dd", n)
	default:
		return fmt.Sprintf("%dd%dh", n, h)
	}
}

// CheckRootAges returns a *StaleRootError for the first trusted root that is
// older than what the policy allows for it or MaxRootAge for all, or of an age
// that nobody knows. New does not ask; every examination does, at its start.
func (c Config) CheckRootAges(at time.Time) error {
	for _, r := range c.Policy.Roots() {
		bound := tighter(r.MaxAge, c.MaxRootAge)
		if bound == 0 {
			continue
		}
		origin := c.origin(r)
		age, known := origin.Age(at)
		if !known || age > bound {
			return &StaleRootError{Name: r.Name, Max: bound, Age: age, Known: known, At: at, Since: origin.FetchedAt}
		}
	}
	return nil
}

// tighter returns the smaller of two bounds; 0 is none.
func tighter(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

func (c Config) origin(r policy.Root) RootOrigin {
	o := c.RootOrigins[artifact.SumSHA256(r.JSON)]
	if o.Source == "" {
		o.Source = RootFromPolicy
	}
	return o
}

// trustedRoots says for the report which trust material is used.
func (c Config) trustedRoots(at time.Time) []TrustedRoot {
	out := []TrustedRoot{}
	for _, r := range c.Policy.Roots() {
		o := c.origin(r)
		t := TrustedRoot{Name: r.Name, Digest: artifact.SumSHA256(r.JSON), Source: o.Source, Installed: o.Installed}
		if age, known := o.Age(at); known {
			seconds := int64(age / time.Second)
			t.AgeSeconds = &seconds
		}
		out = append(out, t)
	}
	return out
}
