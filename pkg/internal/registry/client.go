package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

const (
	// defaultIdle: a registry that reads from cold storage was quiet for ten
	// seconds in practice; thirty are noticed as a fault by people.
	defaultIdle = 30 * time.Second
	// defaultMinRate: slower than any link that could carry a model.
	defaultMinRate = 1024
)

// Config says how registries are talked to. Every zero value is a sound
// default.
type Config struct {
	// PlainHTTP allows HTTP without TLS for every registry. Without it only
	// loopback hosts are spoken to in the clear, and with a CAFile not even
	// they.
	PlainHTTP bool
	// CAFile names a PEM file of certificate authorities that are trusted in
	// addition to the system's.
	CAFile string
	// RegistryConfig names a credentials file in Docker's or Podman's format.
	// It replaces all files that would be found by themselves.
	RegistryConfig string
	// UserAgent is sent with every request; default "modelcheck".
	UserAgent string
	// IdleTimeout is how long a connection may stay silent; default 30 s.
	IdleTimeout time.Duration
	// MinRate is the slowest acceptable body in bytes per second, averaged
	// over a minute of waiting; default 1024, negative for none.
	MinRate int64
	// Mirrors are asked for blobs before their registries are.
	Mirrors []Mirror
	// Bandwidth bounds all that is read, in bytes per second; default: nothing.
	Bandwidth int64
	// Log gets retries and resumptions; default: nothing is logged.
	Log *slog.Logger
	// Now tells the time for time-outs and Retry-After dates; default
	// time.Now.
	Now func() time.Time
	// Sleep waits between tries or until ctx ends; default: a timer.
	Sleep func(ctx context.Context, d time.Duration) error

	// classify sorts addresses into kinds of network; tests replace it.
	classify func(netip.AddrPort) network
	// width says when a blob is read over several connections; tests replace it.
	width wideness
	// environment is where credentials files are looked for; tests replace it.
	environment *environment
}

// A Client opens artifacts by reference. It is safe for concurrent use.
type Client struct {
	cfg   Config
	limit *throttle
	roots *x509.CertPool // nil: the system's
	creds *keychain
}

// New reads the CA file and finds the credentials files. It does not touch
// the network.
func New(cfg Config) (*Client, error) {
	if cfg.UserAgent == "" {
		cfg.UserAgent = "modelcheck"
	}
	if cfg.IdleTimeout == 0 {
		cfg.IdleTimeout = defaultIdle
	}
	if cfg.MinRate == 0 {
		cfg.MinRate = defaultMinRate
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Sleep == nil {
		cfg.Sleep = sleep
	}
	if cfg.classify == nil {
		cfg.classify = networkOf
	}
	if cfg.width == (wideness{}) {
		cfg.width = usualWidth
	}
	if cfg.environment == nil {
		cfg.environment = hostEnvironment()
	}
	c := &Client{cfg: cfg, limit: &throttle{rate: cfg.Bandwidth, now: cfg.Now, sleep: cfg.Sleep}}
	var err error
	if cfg.CAFile != "" {
		if c.roots, err = readRoots(cfg.CAFile); err != nil {
			return nil, fmt.Errorf("reading certificate authorities: %w", err)
		}
	}
	if c.creds, err = newKeychain(cfg.RegistryConfig, *cfg.environment); err != nil {
		return nil, err
	}
	return c, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

func readRoots(name string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // no system roots on this platform
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %q", name)
	}
	return pool, nil
}

// Open returns the repository or layout that ref points into. A layout's
// folder must exist; a registry is not contacted yet. Plain trees are opened
// with OpenTree.
func (c *Client) Open(ref artifact.Reference) (*Store, error) {
	switch ref.Place() {
	case artifact.Registry:
		return &Store{ref: ref, src: c.newRemote(ref.Host(), ref.Repository()), log: c.cfg.Log}, nil
	case artifact.Layout:
		l, err := openLayout(filepath.FromSlash(ref.Path()))
		if err != nil {
			return nil, fmt.Errorf("opening OCI layout %q: %w", ref.Path(), err)
		}
		l.sleep = c.cfg.Sleep
		return &Store{ref: ref, src: l, log: c.cfg.Log}, nil
	default:
		return nil, errors.New("opening " + ref.Place().String() + ": neither a registry nor an OCI layout")
	}
}

// scheme decides between http and https once, from the reference alone: no
// answer of a server can lower it.
func (c *Client) scheme(host string) string {
	if c.cfg.PlainHTTP || (isLoopback(host) && c.cfg.CAFile == "") {
		return "http"
	}
	return "https"
}

func isLoopback(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

func (c *Client) tlsConfig() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.roots}
}
