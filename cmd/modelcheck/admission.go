package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/render"
	"github.com/modelcheck/modelcheck/pkg/admission"
	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
)

const admissionLong = `admission serves a Kubernetes cluster: it answers whether objects may come in by
what is recorded about the models that they name. No weights are fetched. For
files on disk there is "modelcheck admit", which decides the same.`

const serveLong = `serve answers admission requests over TLS until it is told to stop. It denies what
it cannot decide: on errors, at the end of the request's time, and where the
policy says nothing.

Endpoints: /validate; with their flags /mutate (writes digests in place of
tags), /gatekeeper/validate, /kyverno/validate and /image-policy; /healthz and
/readyz. Metrics have a listener of their own. docs/admission.md says how all of
it is put into a cluster.

The policy, the files that it names, and the certificate are read again every
--reload. What cannot be read changes nothing: the old one stays in force,
/readyz and the metrics say so, and after --stale-for the server is not ready.`

const serveExit = `EXIT STATUS
  0  told to stop, and every request was answered
  1  it could not begin, or broke
  2  usage: the command line or the policy is malformed`

func newAdmission(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "admission",
		Short:   "Serve a Kubernetes cluster's admission requests",
		Long:    admissionLong,
		Example: "  modelcheck admission serve --policy policy.yaml --tls-cert tls.crt --tls-key tls.key",
		Args:    cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{hintError{fmt.Errorf("unknown command %q", args[0]), "modelcheck admission --help lists the commands"}}
			}
			return usageError{hintError{errors.New("no command"), "for example: modelcheck admission serve --policy policy.yaml --tls-cert tls.crt --tls-key tls.key"}}
		},
	}
	base := cmd.UsageTemplate()
	cmd.AddCommand(newAdmissionServe(s), newAdmissionCerts(s))
	for _, verb := range cmd.Commands() {
		verb.SetUsageTemplate(base + "\n" + serveExit + "\n")
	}
	return cmd
}

type serveFlags struct {
	place          placeFlags
	trust          trustFlags
	server         admission.ServerConfig
	cache          admission.CacheConfig
	listen         string
	metrics        string
	log            string
	labels         bool
	namespaces     admission.Namespaces
	warned         string // by the last reading of the rules
	verbose        bool
	serviceAccount string
}

func newAdmissionServe(s streams) *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Answer admission requests over TLS",
		Long:  serveLong,
		Example: `  modelcheck admission serve --policy /etc/modelcheck/policy.yaml \
      --tls-cert /etc/modelcheck/tls/tls.crt --tls-key /etc/modelcheck/tls/tls.key

  # pin tags to the digests that were judged, too
  modelcheck admission serve --policy policy.yaml --tls-cert tls.crt --tls-key tls.key --mutate`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.serve(cmd.Context(), s) },
	}
	f.place.addRegistry(cmd)
	f.trust.addPolicy(cmd)
	f.trust.roots.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", ":8443", "`ADDRESS` to answer at")
	flags.StringVar(&f.metrics, "metrics-listen", ":9090", "`ADDRESS` of the metrics, without TLS; \"\" for none")
	flags.StringVar(&f.server.CertFile, "tls-cert", "", "PEM `FILE` of the serving certificate and what vouches for it")
	flags.StringVar(&f.server.KeyFile, "tls-key", "", "PEM `FILE` of its key")
	flags.BoolVar(&f.server.Mutate, "mutate", false, "serve /mutate, which writes digests in place of tags")
	flags.StringVar(&f.server.GatekeeperCA, "gatekeeper-client-ca", "", "serve /gatekeeper/validate to clients whom the authorities in this PEM `FILE` vouch for")
	flags.BoolVar(&f.server.Kyverno, "kyverno", false, "serve /kyverno/validate, which asks nobody who he is")
	flags.BoolVar(&f.server.ImagePolicy, "image-policy", false, "serve /image-policy to the API server's plug-in ImagePolicyWebhook")
	flags.StringVar(&f.log, "log", "-", "append decisions to this `FILE`, a JSON line each; - for stdout, \"\" for none")
	flags.DurationVar(&f.server.Reload, "reload", 10*time.Second, "read policy, trust material and certificates anew this often")
	flags.DurationVar(&f.server.StaleFor, "stale-for", time.Hour, "be ready this long after the policy could last be read")
	flags.DurationVar(&f.server.Drain, "drain", 5*time.Second, "take requests this long after readiness went, before the listener closes")
	flags.IntVar(&f.cache.Entries, "cache-entries", 4096, "keep this many verdicts")
	flags.DurationVar(&f.cache.Allowed, "cache-allowed", time.Minute, "use a verdict that allows again this long: what is revoked comes in no longer than that")
	flags.DurationVar(&f.cache.Refused, "cache-refused", 5*time.Second, "use a verdict that does not allow again this long")
	flags.DurationVar(&f.cache.Judging, "judging-timeout", 30*time.Second, "give up judging one model after this long")
	flags.IntVar(&f.cache.PerRegistry, "per-registry", 16, "judge this many models of one registry at once")
	flags.BoolVar(&f.labels, "namespace-labels", false, "read labels of namespaces from the API server, for a policy that trusts one")
	flags.StringVar(&f.namespaces.URL, "kubernetes-api", "", "`URL` of the API server for --namespace-labels (default: that of the cluster around)")
	flags.StringVar(&f.serviceAccount, "service-account", "/var/run/secrets/kubernetes.io/serviceaccount", "`FOLDER` with token and ca.crt for --namespace-labels")
	flags.BoolVar(&f.server.Pprof, "pprof", false, "serve /debug/pprof/ beside the metrics")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "log every step on stderr")
	for _, name := range []string{"tls-cert", "tls-key", "gatekeeper-client-ca", "log"} {
		_ = cmd.MarkFlagFilename(name)
	}
	return cmd
}

func (f *serveFlags) serve(ctx context.Context, s streams) (err error) {
	switch {
	case f.trust.policyFile == "":
		return usageError{hintError{errors.New("no --policy"), "modelcheck policy init writes one to begin with"}}
	case f.trust.policyFile == "-":
		return usageError{errors.New("--policy -: a policy that is read again and again is a file")}
	case f.server.CertFile == "" || f.server.KeyFile == "":
		return usageError{hintError{errors.New("no --tls-cert and --tls-key"), "API servers speak TLS only; modelcheck admission certs makes a pair"}}
	}
	decisions, closeLog, err := f.openLog(s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeLog()) }()
	level := slog.LevelInfo
	if f.verbose {
		level = slog.LevelDebug
	}
	events := slog.New(slog.NewJSONHandler(s.err, &slog.HandlerOptions{Level: level}))
	cfg := f.server
	cfg.Load = func(ctx context.Context) (admission.Rules, error) { return f.load(s, cfg.Cache) }
	cfg.Cache, cfg.Log, cfg.Events = admission.NewCache(f.cache), decisions, events
	cfg.PolicyName, cfg.Version = filepath.Base(f.trust.policyFile), build().Version
	if cfg.Labels, err = f.readLabels(s); err != nil {
		return err
	}
	server, err := admission.NewServer(ctx, cfg)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", f.listen)
	if err != nil {
		return fmt.Errorf("serving admission: %w", err)
	}
	var metrics net.Listener
	if f.metrics != "" {
		if metrics, err = net.Listen("tcp", f.metrics); err != nil {
			return errors.Join(fmt.Errorf("serving metrics: %w", err), listener.Close())
		}
	}
	events.InfoContext(ctx, "serving", "address", listener.Addr().String())
	return server.Serve(ctx, listener, metrics)
}

// load reads the policy and makes what judges by it.
func (f *serveFlags) load(s streams, cache *admission.Cache) (admission.Rules, error) {
	var said bytes.Buffer // warnings, which are told again only when they change
	quiet := s
	quiet.err = &said
	trust := f.trust
	p, err := trust.load(quiet, artifact.Reference{})
	if said.String() != f.warned {
		f.warned = said.String()
		_, _ = s.err.Write(said.Bytes())
	}
	if err != nil {
		return admission.Rules{}, err
	}
	cfg := f.place.config(s, p)
	cfg.Sheet = render.Sheet
	cfg.Horizon = cache.Horizon(p)
	trust.roots.configure(&cfg)
	checker, err := check.New(cfg)
	if err != nil {
		return admission.Rules{}, err
	}
	identity, err := f.identity(p.Digest(), p.Admission().Digest(), cfg)
	if err != nil {
		return admission.Rules{}, err
	}
	fresh := func(at time.Time) error {
		if p.Expired(at) {
			return errors.New("the policy has expired")
		}
		return cfg.CheckRootAges(at)
	}
	return admission.Rules{Policy: p, Judge: admission.Records{Checker: checker}, Resolver: checker, Identity: identity, Fresh: fresh}, nil
}

// identity is that of everything that load makes its judge of.
func (f *serveFlags) identity(p, section artifact.Digest, cfg check.Config) (artifact.Digest, error) {
	var lines []string
	for digest, origin := range cfg.RootOrigins {
		lines = append(lines, fmt.Sprintf("root %v %+v", digest, origin))
	}
	slices.Sort(lines)
	if f.place.caFile != "" {
		ca, err := readSmall(f.place.caFile)
		if err != nil {
			return artifact.Digest{}, fmt.Errorf("reading --ca-file: %w", err)
		}
		lines = append(lines, artifact.SumSHA256(ca).String())
	}
	return artifact.SumSHA256(fmt.Appendf(nil, "%v %v %q", p, section, lines)), nil
}

// openLog opens the decision log.
func (f *serveFlags) openLog(s streams) (io.Writer, func() error, error) {
	switch f.log {
	case "":
		return io.Discard, func() error { return nil }, nil
	case "-":
		return s.out, func() error { return nil }, nil
	}
	file, err := os.OpenFile(f.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("opening the decision log: %w", err)
	}
	return file, file.Close, nil
}

// readLabels returns what reads the labels of namespaces, nil where nothing
// shall.
func (f *serveFlags) readLabels(s streams) (func(context.Context, string) (map[string]string, error), error) {
	if !f.labels {
		return nil, nil
	}
	if f.namespaces.URL == "" {
		host, port := s.env("KUBERNETES_SERVICE_HOST"), s.env("KUBERNETES_SERVICE_PORT")
		if host == "" || port == "" {
			return nil, usageError{hintError{errors.New("--namespace-labels outside a cluster"), "add --kubernetes-api URL"}}
		}
		f.namespaces.URL = "https://" + net.JoinHostPort(host, port)
	}
	f.namespaces.TokenFile = filepath.Join(f.serviceAccount, "token")
	f.namespaces.CAFile = filepath.Join(f.serviceAccount, "ca.crt")
	return f.namespaces.Labels, nil
}
