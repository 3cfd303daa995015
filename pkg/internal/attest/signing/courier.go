package signing

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"time"
)

const (
	answerLimit = 30 * time.Second // for one answer; a log of version 2 waits for its checkpoint, which takes seconds
	maxTries    = 3
	maxAnswer   = 4 << 20 // bytes; a log entry has some kB
)

// A courier carries requests to services.
type courier struct {
	base  http.RoundTripper
	sleep func(ctx context.Context, d time.Duration) error
	log   *slog.Logger
}

func newCourier(cfg Config) (courier, error) {
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		ForceAttemptHTTP2:   true,
		TLSHandshakeTimeout: 10 * time.Second,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		DisableKeepAlives:   true, // one request each
	}
	if cfg.CAFile != "" {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool() // no system roots on this platform
		}
		pem, err := os.ReadFile(cfg.CAFile)
		if err != nil {
			return courier{}, fmt.Errorf("reading certificate authorities: %w", err)
		}
		if !pool.AppendCertsFromPEM(pem) {
			return courier{}, fmt.Errorf("reading certificate authorities: no certificate in %q", cfg.CAFile)
		}
		transport.TLSClientConfig.RootCAs = pool
	}
	return courier{base: transport, sleep: cfg.Sleep, log: cfg.Log}, nil
}

// tls returns the trust of the courier, for clients that bring their own
// transport.
func (c courier) tls() *tls.Config {
	if t, ok := c.base.(*http.Transport); ok {
		return t.TLSClientConfig.Clone()
	}
	return nil
}

type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// to returns a transport to one service, for the time of one call.
//
// sigstore-go v1.3.0 makes its requests without a context, so they are given
// this one. And after an answer of 5xx it closes the body before it reads it,
// which ends in "read on closed response body" whatever the service had said:
// here each answer is read whole, what may pass is tried again, and one that
// is no success becomes a ServiceError, which the library hands on.
func (c courier) to(ctx context.Context, service string) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		for try := 1; ; try++ {
			res, body, err := c.once(ctx, r)
			if err != nil {
				return nil, &ServiceError{Service: service, URL: r.URL.Redacted(), Err: err}
			}
			if res.StatusCode < 300 { // nor is a redirection followed: what is sent is for the service that was named
				res.Body = io.NopCloser(bytes.NewReader(body))
				return res, nil
			}
			failure := &ServiceError{Service: service, URL: r.URL.Redacted(), Status: res.StatusCode, Message: words(body)}
			if !passing(res.StatusCode) || try == maxTries {
				return nil, failure
			}
			c.log.WarnContext(ctx, "asking a service again", slog.Any("error", failure))
			if err := c.sleep(ctx, time.Duration(try)*time.Second); err != nil {
				return nil, &ServiceError{Service: service, URL: r.URL.Redacted(), Status: res.StatusCode, Message: failure.Message, Err: err}
			}
		}
	})
}

// passing: what a service says when it is not itself.
func passing(status int) bool { return status == http.StatusTooManyRequests || status >= 500 }

func (c courier) once(ctx context.Context, r *http.Request) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	r = r.Clone(ctx)
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return nil, nil, err
		}
		r.Body = body
	}
	res, err := c.base.RoundTrip(r)
	if err != nil {
		return nil, nil, err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if cerr := res.Body.Close(); err == nil {
		err = cerr
	}
	if err == nil && len(body) > maxAnswer {
		err = fmt.Errorf("an answer of more than %d bytes", maxAnswer)
	}
	return res, body, err
}

// client returns an HTTP client on to.
func (c courier) client(ctx context.Context, service string) *http.Client {
	return &http.Client{Transport: c.to(ctx, service)}
}
