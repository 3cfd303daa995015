package admission

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// Config says what NewGate needs. Policy and Judge are required; the zero value
// of every other field is a sound default.
type Config struct {
	Policy *policy.Policy // with its files resolved
	Judge  Judge          // by the same policy

	PolicyName string           // of the file, in the commands that denials name; default "policy.yaml"
	Parallel   int              // references of one object judged at once; default 8
	Version    string           // of the tool, for the log
	Now        func() time.Time // default: time.Now
}

// A Gate decides which objects come in. It may be used by several goroutines
// at once.
type Gate struct {
	cfg       Config
	finder    *Finder
	admission policy.Admission
	digest    artifact.Digest // of admission
}

// NewGate checks the configuration.
func NewGate(cfg Config) (*Gate, error) {
	switch {
	case cfg.Policy == nil || cfg.Policy.Digest().IsZero():
		return nil, errors.New("admitting: no policy, or its files were not read")
	case cfg.Judge == nil:
		return nil, errors.New("admitting: no judge")
	}
	if cfg.PolicyName == "" {
		cfg.PolicyName = "policy.yaml"
	}
	if cfg.Parallel < 1 {
		cfg.Parallel = 8
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	a := cfg.Policy.Admission()
	return &Gate{cfg: cfg, finder: NewFinder(a), admission: a, digest: a.Digest()}, nil
}

// Admit decides on one request. It fetches no weights. An error, a panic, and
// the end of ctx deny, each with its own reason code.
func (g *Gate) Admit(ctx context.Context, req Request) (d Decision) {
	d = g.begin(req)
	defer func() {
		if p := recover(); p != nil {
			d = g.begin(req)
			d.refuse(policy.Undecided, provenance.CodeInternal, fmt.Sprintf("a defect of this program: %v", p))
			g.conclude(&d, req)
		}
	}()
	if g.passes(&d, req) {
		g.conclude(&d, req)
		return d
	}
	if found, ok := g.look(&d, req); ok {
		g.judge(ctx, &d, found)
	}
	g.conclude(&d, req)
	return d
}

func (g *Gate) begin(req Request) Decision {
	d := Decision{
		SchemaVersion: DecisionVersion, At: g.cfg.Now().UTC(), Version: g.cfg.Version,
		UID: req.UID, Operation: req.Operation, Resource: req.Resource, SubResource: req.SubResource,
		APIVersion: req.APIVersion, Kind: req.Kind, Namespace: req.Namespace, Name: req.Name, User: req.User, DryRun: req.DryRun, Pins: req.Pins,
		Policy: g.cfg.Policy.Digest(), Admission: g.digest,
		Mode: g.admission.ModeOf(req.Namespace), For: g.admission.UseIn(req.Namespace, req.NamespaceLabels),
	}
	if len(req.Object) > 0 {
		d.Object = artifact.SumSHA256(req.Object)
	}
	return d
}

// refuse adds a reason about the object itself.
func (d *Decision) refuse(effect policy.Outcome, code, message string) {
	d.Reasons = append(d.Reasons, policy.Reason{Code: code, Effect: effect, Message: message})
}

// passes lets through what starts nothing: a deletion, a connection, a scale,
// and the end of an object whose deletion has begun.
func (g *Gate) passes(d *Decision, req Request) bool {
	switch req.Operation {
	case Delete, Connect:
		return true
	case Update:
		return req.SubResource == "scale" && isScale(req) || ending(req)
	case Create:
		return false
	default:
		d.refuse(policy.Deny, provenance.CodeObjectMalformed, fmt.Sprintf("operation %q is none that is known", req.Operation))
		return true
	}
}

func isScale(req Request) bool {
	o, err := decode(req.Object)
	return err == nil && o["kind"] == "Scale"
}
