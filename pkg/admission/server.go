package admission

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// ServerConfig says what NewServer needs. Load, CertFile and KeyFile are
// required; the zero value of every other field is a sound default.
type ServerConfig struct {
	// Load reads the rules. It is called once to begin with, and then every
	// Reload: what changed takes effect without a restart.
	Load   func(context.Context) (Rules, error)
	Reload time.Duration // default 10 s
	// StaleFor is how long the rules in force may stay when newer ones cannot be
	// read, before the server is no longer ready; default 1 hour.
	StaleFor time.Duration

	CertFile, KeyFile string // PEM; followed when they change

	Mutate      bool // serve /mutate
	ImagePolicy bool // serve /image-policy
	Kyverno     bool // serve /kyverno/validate
	// GatekeeperCA is a PEM file of the authorities that Gatekeeper's client
	// certificate comes from; with it /gatekeeper/validate is served.
	GatekeeperCA string

	// Labels returns the labels of a namespace, for policies that trust one.
	// Default: nothing is known of namespaces.
	Labels func(ctx context.Context, namespace string) (map[string]string, error)

	Cache *Cache    // of this server alone; default: NewCache with its defaults
	Log   io.Writer // of decisions, one JSON line each; default: none
	Room  int64     // bytes of requests that are decided at once, the others wait; default 64 MiB
	// Drain is how long requests are still taken after readiness has gone, so
	// that nobody is sent here any more when the listener closes; default 5 s.
	Drain time.Duration

	PolicyName string // in the commands that denials name
	Version    string // of the tool
	Pprof      bool   // serve /debug/pprof/ beside the metrics
	Events     *slog.Logger
	Now        func() time.Time // default: time.Now
}

// A Server answers admission requests over TLS.
type Server struct {
	cfg         ServerConfig
	log         *slog.Logger
	rules       inForce
	certificate certificate
	gatekeeper  authorities
	metrics     *metrics
	decisions   decisionLog
	room        *semaphore.Weighted
	draining    atomic.Bool
}

// NewServer checks the configuration, and reads rules and certificate once: a
// server that cannot decide anything does not begin.
func NewServer(ctx context.Context, cfg ServerConfig) (*Server, error) {
	if cfg.Load == nil || cfg.CertFile == "" || cfg.KeyFile == "" {
		return nil, errors.New("serving admission: want Load, CertFile and KeyFile")
	}
	cfg.Reload = orDefault(cfg.Reload, 10*time.Second)
	cfg.StaleFor = orDefault(cfg.StaleFor, time.Hour)
	cfg.Drain = orDefault(cfg.Drain, 5*time.Second)
	if cfg.Room <= 0 {
		cfg.Room = 64 << 20
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Events == nil {
		cfg.Events = slog.New(slog.DiscardHandler)
	}
	if cfg.Log == nil {
		cfg.Log = io.Discard
	}
	s := &Server{
		log:         cfg.Events,
		certificate: certificate{certFile: cfg.CertFile, keyFile: cfg.KeyFile},
		gatekeeper:  authorities{file: cfg.GatekeeperCA},
		decisions:   decisionLog{to: cfg.Log},
		room:        semaphore.NewWeighted(cfg.Room),
	}
	if cfg.Cache == nil {
		cfg.Cache = NewCache(CacheConfig{Now: cfg.Now})
	}
	cfg.Cache.observe = s.observe
	s.cfg = cfg
	s.metrics = newMetrics(s)
	return s, errors.Join(s.reload(ctx), s.reloadCertificate(ctx))
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return d
}

// Serve answers on the listener, and metrics on the other one where it is not
// nil, until ctx ends. Then readiness goes first, requests are taken for
// another Drain, and what runs is answered.
func (s *Server) Serve(ctx context.Context, listener, metrics net.Listener) error {
	main := s.server(s.Handler())
	main.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.certificate.get, ClientAuth: tls.RequestClientCert}
	servers := []*http.Server{main}
	ended := make(chan error, 2)
	go func() { ended <- main.ServeTLS(listener, "", "") }()
	if metrics != nil {
		aside := s.server(s.metricsHandler())
		servers = append(servers, aside)
		go func() { ended <- aside.Serve(metrics) }()
	}
	tick := time.NewTicker(s.cfg.Reload)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = s.reload(ctx) // told by readiness, metrics and log
			_ = s.reloadCertificate(ctx)
			continue
		case err := <-ended:
			for _, server := range servers {
				err = errors.Join(err, server.Close())
			}
			return fmt.Errorf("serving admission: %w", err)
		case <-ctx.Done():
		}
		return s.drain(context.WithoutCancel(ctx), servers)
	}
}

// drain ends the servers without losing a request.
func (s *Server) drain(ctx context.Context, servers []*http.Server) error {
	s.draining.Store(true)
	s.log.InfoContext(ctx, "draining", "for", s.cfg.Drain.String())
	time.Sleep(s.cfg.Drain)
	ctx, cancel := context.WithTimeout(ctx, maxTimeout)
	defer cancel()
	var err error
	for _, server := range servers {
		err = errors.Join(err, server.Shutdown(ctx))
	}
	return err
}

func (s *Server) server(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       maxTimeout,
		WriteTimeout:      maxTimeout + 5*time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// Handler serves every endpoint but the metrics.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	s.health(mux)
	mux.Handle("/validate", s.reviews("validate", false))
	if s.cfg.Mutate {
		mux.Handle("/mutate", s.reviews("mutate", true))
	}
	if s.cfg.GatekeeperCA != "" {
		mux.Handle("/gatekeeper/validate", s.onlyGatekeeper(s.provider("gatekeeper")))
	}
	if s.cfg.Kyverno {
		mux.Handle("/kyverno/validate", s.provider("kyverno"))
	}
	if s.cfg.ImagePolicy {
		mux.Handle("/image-policy", s.imagePolicy())
	}
	return mux
}

func (s *Server) metricsHandler() http.Handler {
	mux := http.NewServeMux()
	s.health(mux)
	mux.Handle("/metrics", s.metrics.handler())
	if s.cfg.Pprof {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	}
	return mux
}

// health serves /healthz, which says that the process answers, and /readyz,
// which says whether requests should come here.
func (s *Server) health(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		notes, broken := s.state()
		if broken != nil {
			http.Error(w, "not ready: "+broken.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ready\n")
		for _, note := range notes {
			_, _ = fmt.Fprintf(w, "but: %v\n", note)
		}
	})
}

// state says what needs somebody's attention, and why no request should come
// here, nil where it should.
func (s *Server) state() (notes []error, broken error) {
	if s.draining.Load() {
		return nil, errors.New("it is shutting down")
	}
	now := s.cfg.Now()
	var all []error
	for _, part := range []func() (error, error){
		func() (error, error) { return s.rules.state(now, s.cfg.StaleFor) },
		func() (error, error) { return s.certificate.state(now) },
		s.gatekeeper.state,
	} {
		b, note := part()
		if b != nil {
			all = append(all, b)
		}
		if note != nil {
			notes = append(notes, note)
		}
	}
	return notes, errors.Join(all...)
}

func (s *Server) reloadCertificate(ctx context.Context) error {
	err := errors.Join(s.certificate.reload(s.cfg.Now()), s.gatekeeper.reload())
	s.metrics.loaded("certificate", err)
	if err != nil {
		s.log.ErrorContext(ctx, "reading the certificates failed, the old ones stay", "error", err)
	}
	return err
}

// observe counts where a verdict came from.
func (s *Server) observe(from Origin, code string) {
	if code != "" {
		s.metrics.errors.WithLabelValues(code).Inc()
		if from == FromRegistry {
			return
		}
	}
	s.metrics.verdicts.WithLabelValues(string(from)).Inc()
}
