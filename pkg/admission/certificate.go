package admission

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// A certificate serves the key pair of two files, and follows them when they
// change. A broken pair changes nothing.
type certificate struct {
	certFile, keyFile string

	mu      sync.RWMutex
	pair    *tls.Certificate
	problem error // of the last reading
}

// reload reads the files.
func (c *certificate) reload(now time.Time) error {
	pair, err := c.read(now)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.problem = err; err == nil {
		c.pair = pair
	}
	return err
}

func (c *certificate) read(now time.Time) (*tls.Certificate, error) {
	cert, err := os.ReadFile(c.certFile)
	if err != nil {
		return nil, fmt.Errorf("reading the serving certificate: %w", err)
	}
	key, err := os.ReadFile(c.keyFile)
	if err != nil {
		return nil, fmt.Errorf("reading the serving key: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("reading the serving certificate: %w", err)
	}
	if now.After(pair.Leaf.NotAfter) {
		return nil, fmt.Errorf("the serving certificate in %q expired at %s", c.certFile, pair.Leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	return &pair, nil
}

// get is tls.Config.GetCertificate.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.pair == nil {
		return nil, errors.New("no serving certificate")
	}
	return c.pair, nil
}

func (c *certificate) notAfter() time.Time {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.pair == nil {
		return time.Time{}
	}
	return c.pair.Leaf.NotAfter
}

// state says why no client could believe the certificate, and what else there
// is to say.
func (c *certificate) state(now time.Time) (broken, note error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	switch {
	case c.pair == nil && c.problem != nil:
		return c.problem, nil
	case c.pair == nil:
		return errors.New("no serving certificate was read yet"), nil
	case now.Before(c.pair.Leaf.NotBefore):
		return fmt.Errorf("the serving certificate is not valid before %s", c.pair.Leaf.NotBefore.UTC().Format(time.RFC3339)), nil
	case now.After(c.pair.Leaf.NotAfter):
		return fmt.Errorf("the serving certificate expired at %s", c.pair.Leaf.NotAfter.UTC().Format(time.RFC3339)), nil
	}
	return nil, c.problem
}

// readPool reads the authorities of a PEM file.
func readPool(file string) (*x509.CertPool, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("reading authorities: no certificate in %q", file)
	}
	return pool, nil
}

// authorities are those of a PEM file, followed when it changes. Without a file
// there are none.
type authorities struct {
	file string

	mu      sync.RWMutex
	pool    *x509.CertPool
	problem error // of the last reading
}

func (a *authorities) reload() error {
	if a.file == "" {
		return nil
	}
	pool, err := readPool(a.file)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.problem = err; err == nil {
		a.pool = pool
	}
	return err
}

func (a *authorities) state() (broken, note error) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if a.pool == nil {
		return a.problem, nil
	}
	return nil, a.problem
}

// vouch says whether one of the authorities vouches for the client.
func (a *authorities) vouch(state *tls.ConnectionState, now time.Time) error {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if a.pool == nil || state == nil || len(state.PeerCertificates) == 0 {
		return errors.New("no client certificate")
	}
	among := x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] {
		among.AddCert(c)
	}
	_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{
		Roots: a.pool, Intermediates: among, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return err
}
