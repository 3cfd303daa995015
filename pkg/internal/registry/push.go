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

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"golang.org/x/sync/errgroup"
)

// A pusher is one Attach to a repository.
type pusher struct {
	*remote // asks for tokens that allow to push
	*parcel
	acked    answered // whether the registry said that it lists the manifest
	attached Attached // Layout is set once the listing is known
	// anew has blobs uploaded that are said to be there.
	anew bool
	// unconditional is set where the registry was found not to understand
	// conditional requests.
	unconditional bool
}

// answered is what the OCI-Subject header said.
type answered int

const (
	unheard answered = iota // the answer was lost
	silent
	acknowledged
)

func (r *remote) attach(ctx context.Context, p *parcel) (Attached, error) {
	w := r.writing()
	w.parcel = p
	w.attached.Digest = p.digest
	err := p.walk(ctx, step{"blobs", w.pushBlobs}, step{"manifest", w.pushManifest}, step{"listing", w.list})
	return w.attached, err
}

// pushBlobs uploads what is not there.
func (w *pusher) pushBlobs(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(maxParallel)
	for _, b := range w.blobs {
		g.Go(func() error {
			if err := w.pushBlob(ctx, b); err != nil {
				return fmt.Errorf("pushing blob %v: %w", b.Descriptor.Digest, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// pushBlob sends the content in one piece (distribution-spec 1.1, §POST then
// PUT). A PUT is not repeated as it is, because its session may be gone: if the
// blob is not there, a new session begins.
func (w *pusher) pushBlob(ctx context.Context, b Blob) error {
	there, err := w.hasBlob(ctx, b.Descriptor)
	if err != nil || there && !w.anew {
		return err
	}
	var spent persistence
	for {
		err := w.upload(ctx, b)
		if err == nil {
			break
		}
		if err := w.persist(ctx, &spent, err); err != nil {
			return err
		}
		if there, err := w.hasBlob(ctx, b.Descriptor); err == nil && there {
			break // it was the answer that was lost
		}
	}
	return w.readBack(ctx, func() error {
		r, err := w.blob(ctx, b.Descriptor)
		if err != nil {
			return err
		}
		got, err := io.ReadAll(r)
		if err = errors.Join(err, r.Close()); err != nil {
			return err
		}
		return verify("blob", b.Descriptor, got)
	})
}

// hasBlob asks whether the blob is there. Some stores refuse HEAD where they
// allow GET; an upload too many does no harm.
func (w *pusher) hasBlob(ctx context.Context, d artifact.Descriptor) (bool, error) {
	resp, err := w.do(ctx, http.MethodHead, w.url("blobs/"+d.Digest.String()), http.Header{"Accept": {"*/*"}}, nil)
	if err != nil {
		return false, err
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK && (resp.ContentLength < 0 || resp.ContentLength == d.Size), nil
}

func (w *pusher) upload(ctx context.Context, b Blob) error {
	u, _, err := w.session(ctx, w.url("blobs/uploads/"), b.Descriptor.Digest)
	if err != nil {
		return err
	}
	put, err := w.do(ctx, http.MethodPut, u, http.Header{"Content-Type": {"application/octet-stream"}}, b.Content)
	if err != nil {
		return err
	}
	defer drain(put)
	return uploaded(put)
}

// session begins an upload and returns where to put the content, unless the
// registry had it and mounted it.
func (w *pusher) session(ctx context.Context, begin *url.URL, d artifact.Digest) (u *url.URL, mounted bool, err error) {
	resp, err := w.do(ctx, http.MethodPost, begin, http.Header{}, nil)
	if err != nil {
		return nil, false, err
	}
	defer drain(resp)
	if begin.RawQuery != "" && resp.StatusCode == http.StatusCreated {
		return nil, true, nil
	}
	if resp.StatusCode != http.StatusAccepted {
		return nil, false, fmt.Errorf("beginning an upload: %w", statusError(resp))
	}
	// The content and the token are for the registry and nobody else, wherever
	// it points (CVE-2026-50151).
	location := resp.Header.Get("Location")
	u, err = resp.Request.URL.Parse(location)
	if err != nil || location == "" {
		return nil, false, refuse("unusable upload location %q", clip(location))
	}
	if !sameOrigin(u, w.base) || u.User != nil {
		return nil, false, refuse("upload location leaves the registry: %q", clip(u.Host))
	}
	u.Fragment = ""
	if u.RawQuery != "" {
		u.RawQuery += "&" // as it is: it may be signed
	}
	u.RawQuery += "digest=" + d.String()
	return u, false, nil
}

func uploaded(put *http.Response) error {
	switch {
	case taken(put.StatusCode):
		return nil
	case put.StatusCode == http.StatusNotFound:
		return fmt.Errorf("uploading: %w", &lostSession{statusError(put)})
	default:
		return fmt.Errorf("uploading: %w", statusError(put))
	}
}

// taken is 201, or what registries have said instead. None is believed: all is
// read back.
func taken(status int) bool {
	return status >= http.StatusOK && status <= http.StatusNoContent
}

// drain lets the connection be used again where little is left of the answer.
func drain(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10) // an error costs the connection only
	resp.Body.Close()
}

// pushManifest puts the manifest under its digest, which can be done any number
// of times, and reads it back.
func (w *pusher) pushManifest(ctx context.Context) error {
	if w.hasManifest(ctx) && w.findListing(ctx) {
		return nil
	}
	var spent persistence
	for {
		err := w.putManifest(ctx)
		if err == nil {
			break
		}
		if !w.anew && missesBlob(err) {
			w.anew = true
			if err := w.pushBlobs(ctx); err != nil {
				return err
			}
			continue
		}
		if err := w.persist(ctx, &spent, err); err != nil {
			return fmt.Errorf("pushing the manifest: %w", err)
		}
		if w.hasManifest(ctx) {
			break // it was the answer that was lost
		}
	}
	return w.readBack(ctx, func() error {
		_, _, err := w.byDigest(ctx, w.digest)
		return err
	})
}

// missesBlob says whether the registry lacks a blob of the manifest, although
// HEAD found it: caches outlive what they cached.
func missesBlob(err error) bool {
	var status *StatusError
	return errors.As(err, &status) && (status.Code == "MANIFEST_BLOB_UNKNOWN" || status.Code == "BLOB_UNKNOWN")
}

// hasManifest says whether the registry gives the manifest by its digest. No
// answer is no: to put it once more does no harm.
func (w *pusher) hasManifest(ctx context.Context) bool {
	_, body, err := w.byDigest(ctx, w.digest)
	return err == nil && bytes.Equal(body, w.body)
}

func (w *pusher) putManifest(ctx context.Context) error {
	resp, err := w.do(ctx, http.MethodPut, w.url("manifests/"+w.digest.String()), http.Header{"Content-Type": {w.entry.MediaType}}, w.body)
	if err != nil {
		return err
	}
	defer drain(resp)
	if !taken(resp.StatusCode) {
		return statusError(resp)
	}
	// A registry that says it took other bytes has changed them, or lies.
	claimed, err := artifact.ParseDigest(resp.Header.Get("Docker-Content-Digest"))
	if err == nil && claimed != sum(claimed.Algorithm(), w.body) {
		return fmt.Errorf("%w: the registry took %v for %v", ErrReadBack, claimed, w.digest)
	}
	// distribution-spec 1.1, §Pushing Manifests with Subject.
	w.acked = silent
	if resp.Header.Get("OCI-Subject") == w.subject.String() {
		w.acked = acknowledged
	}
	return nil
}

// readBack asks for what a registry said it took. It is asked a few times:
// between its machines, news may take a moment.
func (w *pusher) readBack(ctx context.Context, ask func() error) error {
	for try := 1; ; try++ {
		err := ask()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return err
		}
		if try == maxTries || !errors.Is(err, ErrNotFound) {
			return fmt.Errorf("%w: %w", ErrReadBack, err)
		}
		w.log.InfoContext(ctx, "not there yet", slog.Int("try", try), slog.Any("error", err))
		if err := w.sleep(ctx, backoff(try)); err != nil {
			return err
		}
	}
}
