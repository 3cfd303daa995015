package trust

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// The bounds on what a mirror can do to an update. The public-good repository
// sends 30 kB in a second. The bounds of single files are go-tuf's: 512 kB for
// a root, 16 kB, 2 MB and 5 MB for timestamp, snapshot and targets, and for a
// target what the metadata says.
const (
	maxTotal      = 32 << 20 // bytes of one update; 256 roots may be sent
	maxHeader     = 64 << 10 // bytes of an answer's head
	maxHops       = 5        // redirects of one file
	maxMirror     = 200      // bytes of a mirror's URL, which becomes the name of a folder
	fileTimeout   = time.Minute
	updateTimeout = 5 * time.Minute
)

// ErrMirror is wrapped by errors about a URL that no repository can have.
var ErrMirror = errors.New("unusable mirror")

// checkMirror returns the URL of a TUF repository without a slash at its end.
// Everything that it sends is signed, but who listens on the way could keep a
// client at old metadata until that expires, and see who it is.
func checkMirror(s string) (string, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: %w", ErrMirror, err)
	case len(s) > maxMirror:
		return "", fmt.Errorf("%w: its URL has more than %d bytes", ErrMirror, maxMirror)
	case u.User != nil:
		return "", fmt.Errorf("%w: %q: a URL with a password ends in logs", ErrMirror, u.Redacted())
	case u.RawQuery != "" || u.Fragment != "" || u.Opaque != "":
		return "", fmt.Errorf("%w: %q: want scheme, host and path only", ErrMirror, s)
	case strings.Trim(u.Hostname(), ".") == "" || strings.Contains(u.Path, ".."):
		return "", fmt.Errorf("%w: %q: no host, or a path with \"..\"", ErrMirror, s)
	}
	if err := checkScheme(u, true); err != nil {
		return "", err
	}
	return strings.TrimRight(s, "/"), nil
}

func checkScheme(u *url.URL, loopback bool) error {
	switch {
	case u.Scheme == "https":
	case u.Scheme == "http" && loopback && isLoopback(u.Hostname()):
	case u.Scheme == "http":
		return fmt.Errorf("%w: %q: plain HTTP is for this computer only, want https", ErrMirror, u.Redacted())
	default:
		return fmt.Errorf("%w: %q: want a https URL", ErrMirror, u.Redacted())
	}
	return nil
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// A transfer fetches the files of one update. It is go-tuf's Fetcher, whose
// method takes no context; get brings it.
type transfer struct {
	get  func(url string) (*http.Response, error)
	left int64             // bytes that may still come
	seen map[string][]byte // the last metadata of each role, verified or not
}

// newTransfer: authorities are PEM certificates to trust for TLS beside the
// system's.
func (s *Store) newTransfer(ctx context.Context, mirror string, authorities []byte) (*transfer, error) {
	tlsConfig := &tls.Config{MinVersion: tls.VersionTLS12}
	if authorities != nil {
		pool, err := x509.SystemCertPool()
		if err != nil {
			return nil, fmt.Errorf("reading the system's certificates: %w", err)
		}
		if !pool.AppendCertsFromPEM(authorities) {
			return nil, fmt.Errorf("%w: no certificate in the PEM file of authorities", ErrMirror)
		}
		tlsConfig.RootCAs = pool
	}
	first, err := url.Parse(mirror)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMirror, err)
	}
	client := &http.Client{
		Timeout: fileTimeout,
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			TLSClientConfig:        tlsConfig,
			TLSHandshakeTimeout:    10 * time.Second,
			ResponseHeaderTimeout:  30 * time.Second,
			MaxResponseHeaderBytes: maxHeader,
			DisableCompression:     true, // bounds count what comes over the wire
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > maxHops {
				return fmt.Errorf("more than %d redirects", maxHops)
			}
			if err := checkScheme(r.URL, isLoopback(first.Hostname())); err != nil {
				return fmt.Errorf("redirected: %v", err) // the mirror's mistake, not the caller's
			}
			return nil
		},
	}
	get := func(url string) (*http.Response, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return nil, err
		}
		r.Header.Set("User-Agent", s.userAgent)
		return client.Do(r)
	}
	return &transfer{get: get, left: maxTotal, seen: map[string][]byte{}}, nil
}

// DownloadFile implements fetcher.Fetcher: at most limit bytes, or an error of
// the kinds that go-tuf knows.
func (t *transfer) DownloadFile(url string, limit int64, _ time.Duration) (data []byte, err error) {
	res, err := t.get(url)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	defer func() { _ = res.Body.Close() }() // nothing was written
	if res.StatusCode != http.StatusOK {
		return nil, &metadata.ErrDownloadHTTP{StatusCode: res.StatusCode, URL: url}
	}
	limit = min(limit, t.left)
	if res.ContentLength > limit {
		return nil, &metadata.ErrDownloadLengthMismatch{Msg: fmt.Sprintf("%s has %d bytes, want at most %d", url, res.ContentLength, limit)}
	}
	data, err = io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %s ended early: %w", ErrUnreachable, url, err)
	}
	if int64(len(data)) > limit {
		return nil, &metadata.ErrDownloadLengthMismatch{Msg: fmt.Sprintf("%s has more than %d bytes", url, limit)}
	}
	t.left -= int64(len(data))
	if role := roleOf(url); role != "" {
		t.seen[role] = data
	}
	return data, nil
}

// roleOf reads "15.root.json" and "timestamp.json".
func roleOf(url string) string {
	role, ok := strings.CutSuffix(strings.TrimLeft(path.Base(url), "0123456789."), ".json")
	for _, known := range metadata.TOP_LEVEL_ROLE_NAMES {
		if ok && role == known {
			return role
		}
	}
	return ""
}
