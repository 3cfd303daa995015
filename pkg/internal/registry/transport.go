package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/textproto"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// maxHeader bounds the head of an answer (RX-02: endless headers).
	maxHeader = 256 << 10
	// maxHops is net/http's own limit, which a CheckRedirect replaces.
	maxHops = 10
	// readBuffer: models come in gigabytes, 4 KiB reads cost system calls.
	readBuffer = 64 << 10
	// rateWindow is the time over which a body's rate is averaged.
	rateWindow = time.Minute
)

// A wire is the lowest RoundTripper: it sends one request to one place and
// marks what is the connection's fault.
type wire struct {
	base     *http.Transport
	dialer   *dialer
	registry *url.URL
	minRate  int64
	limit    *throttle
	now      func() time.Time
	slowest  atomic.Int64 // the longest round trip so far, in nanoseconds
}

func (c *Client) newWire(registry *url.URL) *wire {
	d := &dialer{registry: hostPort(registry), classify: c.cfg.classify, idle: c.cfg.IdleTimeout, now: c.cfg.Now}
	t := &http.Transport{
		Proxy:           d.proxy,
		DialContext:     d.dial,
		TLSClientConfig: c.tlsConfig(),
		// What is hashed must be what came: no hidden gzip.
		DisableCompression: true,
		// Over HTTP/2 all blobs of a host share one TCP connection and its
		// fate; long transfers from registries die of it.
		Protocols:              new(http.Protocols),
		TLSHandshakeTimeout:    dialTimeout,
		ResponseHeaderTimeout:  c.cfg.IdleTimeout,
		IdleConnTimeout:        min(c.cfg.IdleTimeout/2, 15*time.Second),
		MaxIdleConnsPerHost:    16, // as many as small blobs are fetched at a time
		MaxResponseHeaderBytes: maxHeader,
		ReadBufferSize:         readBuffer,
	}
	t.Protocols.SetHTTP1(true)
	return &wire{base: t, dialer: d, registry: registry, minRate: c.cfg.MinRate, limit: c.limit, now: c.cfg.Now}
}

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	if strings.ContainsAny(req.Header.Get("Authorization"), "\r\n\x00") {
		return nil, refuse("unusable token: it would split the request")
	}
	proxied, err := w.checkProxied(req)
	if err != nil {
		return nil, err
	}
	var remote net.Addr
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { remote = info.Conn.RemoteAddr() }}
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), trace))
	start := w.now()
	resp, err := w.base.RoundTrip(req)
	for took, old := int64(w.now().Sub(start)), w.slowest.Load(); took > old && !w.slowest.CompareAndSwap(old, took); {
		old = w.slowest.Load()
	}
	if err != nil {
		if r := (*refusal)(nil); errors.As(err, &r) {
			return nil, err
		}
		if p := textproto.ProtocolError(""); errors.As(err, &p) {
			return nil, refuse("not HTTP: %v", err)
		}
		return nil, &brokenError{err: err}
	}
	if sameOrigin(req.URL, w.registry) && remote != nil && !proxied {
		w.dialer.arrived(remote)
	}
	resp.Body = &pacedBody{ReadCloser: resp.Body, ctx: req.Context(), limit: w.limit, minRate: w.minRate, now: w.now}
	return resp, nil
}

// checkProxied does for requests that go through a proxy what the dialer
// cannot: the proxy resolves the name, so only literal addresses can be judged.
func (w *wire) checkProxied(req *http.Request) (proxied bool, err error) {
	proxy, err := w.dialer.proxy(req)
	if err != nil {
		return false, fmt.Errorf("finding the proxy: %w", err)
	}
	if proxy == nil || sameOrigin(req.URL, w.registry) {
		return proxy != nil, nil
	}
	addr, err := netip.ParseAddr(req.URL.Hostname())
	if err != nil {
		return true, nil // a name, which is the proxy's to judge
	}
	return true, w.dialer.permit(netip.AddrPortFrom(addr, 0).String())
}

// errSlow is a body below the minimum rate.
var errSlow = errors.New("below minimum rate")

// A pacedBody marks failures of the connection and refuses bodies that come
// too slowly. Only time spent waiting for the server counts.
type pacedBody struct {
	io.ReadCloser
	ctx     context.Context // of the request, which reading belongs to
	limit   *throttle
	minRate int64
	now     func() time.Time
	waited  time.Duration
	got     int64
}

func (b *pacedBody) Read(p []byte) (int, error) {
	start := b.now()
	n, err := b.ReadCloser.Read(b.limit.room(p))
	b.waited += b.now().Sub(start)
	b.got += int64(n)
	if err != nil && err != io.EOF {
		return n, &brokenError{err: err, body: true}
	}
	if b.minRate > 0 && b.waited >= rateWindow {
		if float64(b.got) < float64(b.minRate)*b.waited.Seconds() {
			return n, &brokenError{err: fmt.Errorf("%w: %d bytes in %v, want %d per second", errSlow, b.got, b.waited.Round(time.Second), b.minRate), body: true}
		}
		b.waited, b.got = 0, 0
	}
	if lerr := b.limit.spend(b.ctx, n); err == nil {
		err = lerr
	}
	return n, err
}

// checkRedirect decides whether to follow an answer to another place.
// Credentials are the business of one origin (CVE-2020-15157 and its kin): the
// header is dropped as soon as scheme, host or port differ, and net/http makes
// each hop's headers from the first request, so every hop is compared.
func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxHops {
		return refuse("stopped after %d redirects", maxHops)
	}
	if req.URL.Scheme != "http" && req.URL.Scheme != "https" {
		return refuse("refusing redirect to scheme %q", req.URL.Scheme)
	}
	if first := via[0]; first.Method != http.MethodGet && first.Method != http.MethodHead {
		// What is written goes to the place that was meant and arrives as what
		// it was (CVE-2026-50151): 307 and 308 would carry the body elsewhere,
		// 301 to 303 would turn it into a question.
		if req.Method != first.Method || !sameOrigin(first.URL, req.URL) {
			return refuse("refusing to be redirected to %q while writing", req.URL.Host)
		}
	}
	last := via[len(via)-1].URL
	if last.Scheme == "https" && req.URL.Scheme == "http" {
		return refuse("refusing https to http redirect to %q", req.URL.Host)
	}
	for _, hop := range append(via[1:len(via):len(via)], req) {
		if !sameOrigin(via[0].URL, hop.URL) {
			req.Header.Del("Authorization")
			req.Header.Del("Referer")
		}
	}
	return nil
}

func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(hostPort(a), hostPort(b))
}
