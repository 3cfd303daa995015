package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// A Mirror is a place that is asked for a registry's blobs before the registry
// is. Tags, manifests and referrers are asked for at the registry alone: only a
// digest makes it indifferent who answers.
type Mirror struct {
	Host string // of the registry, as references have it
	URL  string // "http://HOST:PORT" or "https://…", perhaps with a path; http is taken at its word
}

// ParseMirror reads HOST=URL.
func ParseMirror(s string) (Mirror, error) {
	host, address, _ := strings.Cut(s, "=")
	u, err := url.Parse(address)
	if err != nil || host == "" || strings.ContainsAny(host, "/@ ") || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return Mirror{}, fmt.Errorf("malformed mirror %q, want HOST=http://… or HOST=https://…", s)
	}
	return Mirror{Host: host, URL: address}, nil
}

// A mirror is one of a repository's mirrors.
type mirror struct {
	*remote
	down atomic.Bool // it did not answer: not asked again in this run
}

// mirrors returns those of the repository, in the order in which they are asked.
// Credentials are looked up for their own hosts: those of the registry are none
// of their business.
func (c *Client) mirrors(r *remote) []*mirror {
	var out []*mirror
	for _, m := range c.cfg.Mirrors {
		if m.Host != r.host {
			continue
		}
		base, err := url.Parse(m.URL)
		if err != nil {
			continue // ParseMirror parsed it
		}
		at := c.newRemoteAt(base, base.Host, r.repository)
		// What containerd tells its mirrors, by which those that stand for
		// several registries (Spegel, Dragonfly) know which is meant.
		at.query = url.Values{"ns": {r.host}}.Encode()
		at.client.Header.Set("X-Dragonfly-Registry", "https://"+r.base.Host)
		out = append(out, &mirror{remote: at})
	}
	return out
}

// mirrored opens a blob at a mirror, nil where none has it. When the mirror
// fails in the middle the registry goes on.
func (r *remote) mirrored(ctx context.Context, d artifact.Descriptor, offset int64) io.ReadCloser {
	if r.alone.Load() {
		return nil
	}
	for _, m := range r.mirrors {
		if m.down.Load() {
			continue
		}
		b := &blobReader{ctx: ctx, src: m.remote, d: d, off: offset, home: r}
		err := b.connect()
		if err == nil {
			r.fromMirror.Store(d.Digest, true)
			return b
		}
		if ctx.Err() != nil {
			return nil
		}
		var status *StatusError
		if !errors.As(err, &status) || status.Status != http.StatusNotFound {
			m.down.Store(true)
		}
		r.log.InfoContext(ctx, "a mirror does not have the blob", slog.String("mirror", m.base.Host), slog.String("digest", d.Digest.String()), slog.Any("error", err))
	}
	return nil
}

// FromMirror says whether bytes of the blob came from a mirror.
func (s *Store) FromMirror(d artifact.Digest) bool {
	r, ok := s.src.(*remote)
	if !ok {
		return false
	}
	_, mirrored := r.fromMirror.Load(d)
	return mirrored
}

// ShunMirrors has the registry alone asked from now on: a mirror gave other
// bytes than it was asked for.
func (s *Store) ShunMirrors() {
	if r, ok := s.src.(*remote); ok {
		r.alone.Store(true)
		r.fromMirror.Clear()
	}
}
