package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// A remote is one repository of a registry.
type remote struct {
	base       *url.URL // scheme://host
	host       string   // as the reference has it; the key of credentials
	repository string
	client     *auth.Client
	wire       *wire
	creds      *keychain
	log        *slog.Logger
	sleep      func(context.Context, time.Duration) error
	actions    []string // what tokens are asked for
	catalog    bool     // in place of those: the list of repositories
	query      string   // of every request, for a mirror

	mirrors    []*mirror
	alone      atomic.Bool // no mirror is asked
	fromMirror sync.Map    // digests of blobs

	width   wideness
	reading atomic.Int32 // large blobs, at the moment

	mu    sync.Mutex
	cred  auth.Credential
	known bool // cred was looked up
}

// newRemote builds the chain that a request goes through: oras-go's
// authentication, then challenges rewritten, then retries, then the wire.
// Each repository has its own: credentials may differ by repository, and what
// was allowed on behalf of one registry is not allowed on behalf of another.
func (c *Client) newRemote(host, repository string) *remote {
	key := host
	if host == "docker.io" || host == "index.docker.io" || host == "registry-1.docker.io" {
		// Docker Hub's registry has another name than its references.
		key, host = "docker.io", "registry-1.docker.io"
	}
	base := &url.URL{Scheme: c.scheme(host), Host: host}
	r := c.newRemoteAt(base, key, repository)
	r.mirrors = c.mirrors(r)
	return r
}

// newRemoteAt is newRemote at an address.
func (c *Client) newRemoteAt(base *url.URL, key, repository string) *remote {
	r := &remote{
		base: base, host: key, repository: repository, wire: c.newWire(base), creds: c.creds,
		log: c.cfg.Log, sleep: c.cfg.Sleep, actions: []string{auth.ActionPull}, width: c.cfg.width,
	}
	chain := &challenger{
		next:     &retrier{next: r.wire, now: c.cfg.Now, sleep: c.cfg.Sleep, log: c.cfg.Log},
		registry: base,
		secret: func(req *http.Request) (bool, error) {
			cred, err := r.credential(req.Context())
			return cred != auth.EmptyCredential, err
		},
	}
	r.client = &auth.Client{
		Client:     &http.Client{Transport: chain, CheckRedirect: checkRedirect},
		Cache:      auth.NewCache(),
		ClientID:   "modelcheck",
		Header:     http.Header{"User-Agent": {c.cfg.UserAgent}},
		Credential: func(ctx context.Context, _ string) (auth.Credential, error) { return r.credential(ctx) },
		// Addresses are judged when dialing, behind name resolution, and
		// realms by the challenger.
		BlockedRealmPrefixes: noPrefixes,
	}
	return r
}

// credential looks the credentials up once; a helper is a program to start.
func (r *remote) credential(ctx context.Context) (auth.Credential, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known {
		return r.cred, nil
	}
	cred, err := r.creds.find(ctx, r.host, r.repository)
	if err != nil {
		return auth.EmptyCredential, &credentialError{err}
	}
	r.cred, r.known = cred, true
	return cred, nil
}

// A credentialError is a failure to find out which credentials to use.
type credentialError struct{ err error }

func (e *credentialError) Error() string   { return e.err.Error() }
func (e *credentialError) Unwrap() []error { return []error{ErrUnauthorized, e.err} }

func (r *remote) close() error {
	r.wire.base.CloseIdleConnections()
	for _, m := range r.mirrors {
		m.wire.base.CloseIdleConnections()
	}
	return nil
}

// url returns the address of a thing in the repository, such as
// "manifests/latest".
func (r *remote) url(thing string) *url.URL {
	u := *r.base
	u.Path = strings.TrimSuffix(u.Path, "/") + "/v2/" + r.repository + "/" + thing
	u.RawQuery = r.query
	return &u
}

// get asks once (with the retries below) and returns whatever answer came.
func (r *remote) get(ctx context.Context, u *url.URL, header http.Header) (*http.Response, error) {
	return r.do(ctx, http.MethodGet, u, header, nil)
}

func (r *remote) do(ctx context.Context, method string, u *url.URL, header http.Header, body []byte) (*http.Response, error) {
	return r.send(ctx, method, u, header, bytes.NewReader(body))
}

// send is do with a body that is read as it is sent.
func (r *remote) send(ctx context.Context, method string, u *url.URL, header http.Header, body io.Reader) (*http.Response, error) {
	// Least privilege: this repository and what the call is for, whatever the
	// challenge says.
	scope := auth.ScopeRepository(r.repository, r.actions...)
	if r.catalog {
		scope = auth.ScopeRegistryCatalog
	}
	ctx = auth.AppendScopesForHost(ctx, r.base.Host, scope)
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrResponse, err)
	}
	if c, ok := body.(*checkedReader); ok {
		req.ContentLength, req.GetBody = c.want.Size, c.again
	}
	req.Header = header.Clone()
	req.Header.Set("Accept-Encoding", "identity") // the hash is over what is sent
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, r.classify(ctx, err)
	}
	return resp, nil
}

// classify gives an error of the HTTP client its place in this package's
// vocabulary. Addresses are cut down to their host: the query of a redirect
// target is a secret (a presigned URL).
func (r *remote) classify(ctx context.Context, err error) error {
	where := r.base.Host
	var ue *url.Error
	if errors.As(err, &ue) {
		if u, perr := url.Parse(ue.URL); perr == nil && u.Host != "" {
			where = u.Host
		}
		err = ue.Err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("asking %q: %w", where, context.Cause(ctx))
	}
	var (
		broken *brokenError
		status *errcode.ErrorResponse
	)
	switch {
	case errors.As(err, &status):
		return fmt.Errorf("asking for a token: %w", &StatusError{Host: where, Status: status.StatusCode})
	case errors.Is(err, ErrUnauthorized), errors.Is(err, ErrResponse):
		return fmt.Errorf("asking %q: %w", where, err)
	case errors.As(err, &broken):
		return fmt.Errorf("asking %q: %w: %w", where, ErrUnreachable, err)
	case errors.Is(err, auth.ErrBasicCredentialNotFound):
		return fmt.Errorf("asking %q: %w: it wants a user name and password, and there are none for %q", where, ErrUnauthorized, r.host)
	default:
		return fmt.Errorf("asking %q: %w: %w", where, ErrResponse, err)
	}
}

// An answer is a small body with what matters of its head.
type answer struct {
	body      []byte
	mediaType string // Content-Type without parameters
	header    http.Header
}

// fetch asks for a small body of at most limit bytes. A body that breaks off
// is asked for again: up to five times in all, but only twice where nothing
// comes at all, which costs an idle time-out each.
func (r *remote) fetch(ctx context.Context, u *url.URL, accept string, limit int64) (answer, error) {
	var spent patience
	for {
		a, err := r.fetchOnce(ctx, u, accept, limit)
		if err == nil || !spent.again(err) {
			return a, err
		}
		r.log.InfoContext(ctx, "fetching again", slog.String("path", u.Path), slog.Any("error", err))
		if err := r.sleep(ctx, backoff(spent.count)); err != nil {
			return answer{}, err
		}
	}
}

func (r *remote) fetchOnce(ctx context.Context, u *url.URL, accept string, limit int64) (answer, error) {
	resp, err := r.get(ctx, u, http.Header{"Accept": {accept}})
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return answer{}, statusError(resp)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case ctx.Err() != nil:
		return answer{}, fmt.Errorf("reading from %q: %w", r.base.Host, context.Cause(ctx))
	case err != nil:
		return answer{}, fmt.Errorf("reading from %q: %w after %d bytes: %w", r.base.Host, ErrIncomplete, len(body), err)
	case int64(len(body)) > limit:
		return answer{}, &LimitError{What: "answer's size in bytes", Limit: limit, Got: int64(len(body))}
	}
	return answer{body: body, mediaType: mediaType(resp.Header), header: resp.Header}, nil
}

// mediaType returns the Content-Type in lower case without parameters: oras-go
// compares the whole header and so loses lists with "; charset=utf-8".
func mediaType(h http.Header) string {
	t, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(t))
}

// patience is how much trouble a transfer may make without progress. A break
// costs one, a silence (an idle time-out, 30 s) three; at six it is over. So
// five breaks or two silences in a row end it (RP-03, RP-07).
type patience struct {
	weight, count int
}

const patienceEnd = 6

func (p *patience) again(err error) bool {
	var broken *brokenError
	if !errors.As(err, &broken) || errors.Is(err, errSlow) {
		return false
	}
	p.count++
	switch {
	case broken.timeout():
		p.weight += 3
	case broken.body:
		p.weight++
	default:
		p.weight += 2 // the retries below have been spent already
	}
	return p.weight < patienceEnd
}

// progress forgives everything.
func (p *patience) progress() { *p = patience{} }
