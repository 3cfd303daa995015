package check

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest"
	"github.com/modelcheck/modelcheck/pkg/internal/disclose"
	"github.com/modelcheck/modelcheck/pkg/internal/registry"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// Config says what New needs. Policy is required; the zero value of every
// other field is a sound default.
type Config struct {
	Policy *policy.Policy // with its files resolved; a policy that names nobody leads to hold

	PlainHTTP      bool          // HTTP without TLS to every registry; loopback always may
	CAFile         string        // PEM, trusted beside the system's authorities
	RegistryConfig string        // the only file to take credentials from
	IdleTimeout    time.Duration // of a connection that sends nothing; default 30 s
	Platform       string        // "os/arch": the only member of an index to verify; default: all
	Workers        int           // blobs read at once; default: one per processor, at least 4, and 16 small ones
	Mirrors        []Mirror      // asked for blobs before the registry is; default: none
	Bandwidth      int64         // of all that is read from registries, in bytes per second; default: no limit
	Cache          *Cache        // where blobs are kept for the next time; default: nowhere
	// RootOrigins says where trusted roots came from and since when, by the
	// SHA-256 of their bytes: of the policy's roots nothing else is known.
	RootOrigins map[artifact.Digest]RootOrigin
	// MaxRootAge bounds the age of every trusted root, beside the bounds that
	// the policy sets. With a bound, an unknown age is too old. 0: none.
	MaxRootAge time.Duration
	// Bundles are Sigstore bundles from elsewhere, to be judged like those that
	// are attached.
	Bundles [][]byte
	// Profiles are profile files (schemas/profile-v1.json) beside those that come
	// with the program: what documents elsewhere say, which changes no claim.
	Profiles [][]byte
	// Tensors hashes every tensor beside the files, in the same pass: Report.Tensors
	// and Report.TensorManifest. The record does not depend on it.
	Tensors bool
	// RecordDenied reads and records an artifact also where its signatures
	// deny it already; else nothing more is read then.
	RecordDenied bool
	// KeepEvidence keeps what Report.EvidenceBytes needs: documents, manifests
	// and signatures, at most some 16 MiB beside the signatures.
	KeepEvidence bool

	// Horizon asks Accept how long a verdict that allows would stay, looking so
	// far ahead: Report.HoldsUntil. 0 asks nothing.
	Horizon time.Duration

	// For is what the model is wanted for, and Reviews reads bundles of reviews
	// of an artifact that lie elsewhere than beside it. Sheet renders what
	// reviewers see. All three matter only to a policy that asks for reviews.
	For     policy.Use
	Reviews func(subject artifact.Digest) ([][]byte, error)
	Sheet   SheetFunc

	Version  string                  // of the tool, for the report and the manifest's generator block
	Progress func(done, total int64) // bytes hashed so far; called by several goroutines
	Blobs    func(BlobProgress)      // of each blob by itself, before Progress; called by several goroutines
	Now      func() time.Time        // default: time.Now
	Log      *slog.Logger            // default: nothing is logged
}

// A BlobProgress is how far the reading of one blob is. Sizes are in bytes.
type BlobProgress struct {
	Digest     artifact.Digest
	Name       string // of the model's file in it, or what kind of blob it is; untrusted
	Done, Size int64
	Ended      bool // it was read to its end, or failed
}

// A Mirror is a place that is asked for a registry's blobs before the registry
// is. Whose bytes are not the right ones is not asked again.
type Mirror = registry.Mirror

// ParseMirror reads HOST=URL, the registry's host and the mirror's address.
func ParseMirror(s string) (Mirror, error) { return registry.ParseMirror(s) }

// A Checker examines artifacts under one policy. It may be used by several
// goroutines at once.
type Checker struct {
	cfg      Config
	client   *registry.Client
	verifier *attest.Verifier
	profiles func() []*disclose.Profile
	catalogs func() []provenance.Catalog
}

// New checks the configuration and the trust material of the policy.
func New(cfg Config) (*Checker, error) {
	if cfg.Policy == nil {
		return nil, errors.New("checking: no policy")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Blobs == nil {
		cfg.Blobs = func(BlobProgress) {}
	}
	if cfg.Progress == nil {
		cfg.Progress = func(int64, int64) {}
	}
	client, err := registry.New(registry.Config{
		PlainHTTP:      cfg.PlainHTTP,
		CAFile:         cfg.CAFile,
		RegistryConfig: cfg.RegistryConfig,
		UserAgent:      "modelcheck/" + cfg.Version,
		IdleTimeout:    cfg.IdleTimeout,
		Mirrors:        cfg.Mirrors,
		Bandwidth:      cfg.Bandwidth,
		Log:            cfg.Log,
	})
	if err != nil {
		return nil, err
	}
	verifier, err := attest.New(trustMaterial(cfg.Policy, cfg.Now))
	if err != nil {
		return nil, err
	}
	own, err := ownProfiles(cfg.Profiles)
	if err != nil {
		return nil, err
	}
	c := &Checker{
		cfg: cfg, client: client, verifier: verifier, catalogs: sync.OnceValue(catalogs),
		profiles: sync.OnceValue(func() []*disclose.Profile { return allProfiles(own) }),
	}
	go c.prepare()
	return c, nil
}

// prepare reads what the program brings along while a registry is asked: every
// record needs it. A panic comes again where it is used, and is reported there.
func (c *Checker) prepare() {
	defer func() { _ = recover() }()
	c.profiles()
	c.catalogs()
	disclose.Catalog()
	provenance.Prepare()
}

// For returns the same checker for a model that is wanted for something else
// than Config.For says.
func (c *Checker) For(use policy.Use) *Checker {
	out := *c
	out.cfg.For = use
	return &out
}

// trustMaterial hands what the policy trusts to the room that checks
// signatures.
func trustMaterial(p *policy.Policy, now func() time.Time) attest.Config {
	cfg := attest.Config{SignatureTypes: p.SignatureTypes(), Thresholds: attest.Thresholds(p.Thresholds()), Now: now}
	for _, k := range p.Keys() {
		cfg.Keys = append(cfg.Keys, attest.Key(k))
	}
	for _, r := range p.Roots() {
		cfg.Roots = append(cfg.Roots, attest.Root{Name: r.Name, JSON: r.JSON})
	}
	for _, ca := range p.CAs() {
		cfg.CAs = append(cfg.CAs, attest.CA(ca))
	}
	return cfg
}

// Examine verifies the artifact that ref names: signatures, then every byte,
// then what the files are and say, and judges the record by the policy.
//
// The report is never nil. A model that is denied or held is not an error; an
// error means that there is no verdict, and the report says the same.
func (c *Checker) Examine(ctx context.Context, ref artifact.Reference) (*Report, error) {
	e := c.begin(ref)
	return e.finish(e.run(ctx))
}

// Failed returns the report of an examination that could not begin.
func Failed(reference, code string, err error, version string) *Report {
	return &Report{
		SchemaVersion: ReportVersion,
		Tool:          Tool{Name: toolName, Version: version},
		Reference:     reference,
		Signatures:    []provenance.Candidate{},
		TrustedRoots:  []TrustedRoot{},
		Error:         &Failure{Code: code, Message: err.Error()},
	}
}

const toolName = "modelcheck"

func (c *Checker) begin(ref artifact.Reference) *examination {
	report := Failed(ref.String(), "", errors.New("nothing was checked"), c.cfg.Version)
	report.Error = nil
	report.Place = ref.Place().String()
	report.StartedAt = c.cfg.Now().UTC()
	report.TrustedRoots = c.cfg.trustedRoots(report.StartedAt)
	scoped := *c // what the policy asks of this reference
	scoped.cfg.Policy = c.cfg.Policy.For(report.Reference)
	e := &examination{Checker: &scoped, ref: ref, report: report}
	if c.cfg.KeepEvidence {
		e.exhibit = new(exhibit)
	}
	return e
}

// run is examine, but a defect in any room leaves no verdict and no record
// instead of a dead process.
func (e *examination) run(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			e.report.Manifest, e.report.encoded, e.report.evidence = nil, nil, nil
			e.report.Tensors, e.report.tensors = nil, nil
			e.report.ManifestDigest, e.report.SubstanceDigest = artifact.Digest{}, artifact.Digest{}
			err = fmt.Errorf("a defect of this program: %v\n%s", p, debug.Stack())
		}
	}()
	if err := e.cfg.CheckRootAges(e.report.StartedAt); err != nil {
		return err
	}
	return e.examine(ctx)
}

// finish turns what happened into a verdict. A refusal by the artifact's own
// bytes is judged; every other error leaves the case undecided.
func (e *examination) finish(err error) (*Report, error) {
	e.report.FinishedAt = e.cfg.Now().UTC()
	for _, part := range parts(err) {
		code, refuse := classify(part)
		if refuse {
			e.faults = append(e.faults, faultOf(code, part))
		} else if e.report.Error == nil {
			e.report.Error = &Failure{Code: code, Message: part.Error()}
		}
	}
	if e.report.Inspected && len(e.faults) == 0 {
		return e.report, failed(e.report.Error)
	}
	if e.report.Stopped != "" && len(e.faults) == 0 && e.report.Error == nil {
		e.report.Verdict = e.gate
		return e.report, nil
	}
	if len(e.faults) > 0 || e.report.Error == nil {
		e.report.Verdict = e.judge()
		e.report.Error = nil
		return e.report, nil
	}
	return e.report, failed(e.report.Error)
}

func (e *examination) judge() policy.Verdict {
	if e.accept {
		return e.judgeSummaries(e.report.StartedAt)
	}
	c := policy.Case{
		Reference:  e.report.Reference,
		Manifest:   e.report.Manifest,
		Candidates: e.report.Signatures,
		Faults:     e.faults,
		At:         e.report.StartedAt,
	}
	e.showReviews(&c)
	return e.cfg.Policy.Evaluate(c)
}

// failures are the errors of several blobs.
type failures []error

func (f failures) Error() string   { return errors.Join(f...).Error() }
func (f failures) Unwrap() []error { return f }

// parts takes failures apart, so that a wrong blob is not hidden behind a
// broken connection to another.
func parts(err error) []error {
	var many failures
	switch {
	case err == nil:
		return nil
	case errors.As(err, &many):
		return many
	default:
		return []error{err}
	}
}

func failed(f *Failure) error {
	if f == nil {
		return nil
	}
	return errors.New(f.Message)
}
