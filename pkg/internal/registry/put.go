package registry

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"oras.land/oras-go/v2/registry/remote/auth"
)

// A Content is a blob to be put: what it must be, and how to read it, from the
// beginning each time. What is read is not believed.
type Content struct {
	Descriptor artifact.Descriptor // Digest and Size count
	Open       func(ctx context.Context) (io.ReadCloser, error)
	// Beside is a repository of the same registry that has the blob; empty: none.
	Beside artifact.Reference
}

// Stored says how a blob came to be where it was put.
type Stored int

const (
	Uploaded Stored = iota + 1
	Existed         // it was there
	Mounted         // the registry took it from the repository beside
)

// PutBlob stores a blob. Its bytes are hashed on the way, and the last of them
// are held back until they are known to be the right ones: others are never
// stored whole. Errors are *artifact.MismatchError, errors of Open, and those of
// Attach.
func (s *Store) PutBlob(ctx context.Context, c Content) (Stored, error) {
	err := checkDescriptor("blob", c.Descriptor, 1<<63-2)
	var how Stored
	if err == nil {
		how, err = s.src.putContent(ctx, c)
	}
	if err != nil {
		return 0, fmt.Errorf("putting blob %v: %w", c.Descriptor.Digest, err)
	}
	return how, nil
}

// PutManifest stores a manifest, under the tag as well if it is not empty, and
// reads it back. Named is false for a member of an index, which a layout does
// not list by itself.
func (s *Store) PutManifest(ctx context.Context, d artifact.Descriptor, body []byte, tag string, named bool) error {
	err := checkDescriptor("manifest", d, maxManifest)
	if err == nil {
		err = verify("manifest", d, body)
	}
	if err == nil {
		err = s.src.putManifest(ctx, d, body, tag, named)
	}
	if err != nil {
		return fmt.Errorf("putting manifest %v: %w", d.Digest, err)
	}
	return nil
}

// A checkedReader hashes what it reads and keeps the last piece back unless it
// is what was named.
type checkedReader struct {
	r    io.Reader
	want artifact.Descriptor
	hash hash.Hash
	read int64
	err  error
}

func newCheckedReader(r io.Reader, want artifact.Descriptor) *checkedReader {
	return &checkedReader{r: r, want: want, hash: want.Digest.Algorithm().New()}
}

// Read implements io.Reader.
func (c *checkedReader) Read(p []byte) (int, error) {
	if c.err == nil && c.read == c.want.Size {
		c.err = c.settle()
	}
	if c.err != nil || len(p) == 0 {
		return 0, c.err
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.want.Size-c.read)])
	c.hash.Write(p[:n])
	c.read += int64(n)
	switch {
	case c.read == c.want.Size:
		if c.err = c.settle(); c.err != io.EOF {
			return 0, c.err
		}
	case err == io.EOF:
		c.err = c.mismatch()
		return 0, c.err
	default:
		c.err = err
	}
	return n, nil
}

// settle wants the end, and the right bytes before it.
func (c *checkedReader) settle() error {
	var one [1]byte
	n, err := io.ReadFull(c.r, one[:])
	if c.read += int64(n); err != nil && err != io.EOF {
		return err
	}
	if n > 0 || artifact.DigestOf(c.want.Digest.Algorithm(), c.hash.Sum(nil)) != c.want.Digest {
		return c.mismatch()
	}
	return io.EOF
}

// again is asked when a request is to be repeated; its bytes are gone.
func (c *checkedReader) again() (io.ReadCloser, error) {
	return nil, &lostSession{errors.New("the upload has to begin anew")}
}

func (c *checkedReader) mismatch() error {
	e := &artifact.MismatchError{What: "blob", Want: c.want.Digest, WantSize: c.want.Size, GotSize: c.read}
	if c.read == c.want.Size {
		e.Got = artifact.DigestOf(c.want.Digest.Algorithm(), c.hash.Sum(nil))
	}
	return e
}

// writing is the repository with tokens that allow to push.
func (r *remote) writing() *pusher {
	return &pusher{remote: &remote{
		base: r.base, host: r.host, repository: r.repository, client: r.client, wire: r.wire, creds: r.creds,
		log: r.log, sleep: r.sleep, actions: []string{auth.ActionPull, auth.ActionPush},
	}}
}

func (r *remote) putContent(ctx context.Context, c Content) (Stored, error) {
	w := r.writing()
	if there, err := w.hasBlob(ctx, c.Descriptor); err != nil || there {
		return Existed, err
	}
	var spent persistence
	for {
		how, err := w.uploadContent(ctx, c)
		if err == nil {
			return how, w.confirm(ctx, c.Descriptor)
		}
		if errors.Is(err, artifact.ErrDigestMismatch) || errors.Is(err, artifact.ErrSizeMismatch) {
			return 0, err
		}
		if err := w.persist(ctx, &spent, err); err != nil {
			return 0, err
		}
		if there, err := w.hasBlob(ctx, c.Descriptor); err == nil && there {
			return Uploaded, nil // it was the answer that was lost
		}
	}
}

// confirm wants the blob to be there. A registry that keeps other bytes than it
// was sent is found out by whoever reads them; they are hashed then.
func (w *pusher) confirm(ctx context.Context, d artifact.Descriptor) error {
	return w.readBack(ctx, func() error {
		there, err := w.hasBlob(ctx, d)
		if err == nil && !there {
			err = fmt.Errorf("%w: %v", ErrNotFound, d.Digest)
		}
		return err
	})
}

// uploadContent mounts the blob or sends it in one piece.
func (w *pusher) uploadContent(ctx context.Context, c Content) (Stored, error) {
	begin := w.url("blobs/uploads/")
	if from := c.Beside; from.Host() == w.host && from.Repository() != w.repository {
		// distribution-spec 1.1, §Mounting a blob from another repository. Who
		// may not read there is answered with an upload session.
		begin.RawQuery = url.Values{"mount": {c.Descriptor.Digest.String()}, "from": {from.Repository()}}.Encode()
		ctx = auth.AppendScopesForHost(ctx, w.base.Host, auth.ScopeRepository(from.Repository(), auth.ActionPull))
	}
	u, mounted, err := w.session(ctx, begin, c.Descriptor.Digest)
	if err != nil || mounted {
		return Mounted, err
	}
	r, err := c.Open(ctx)
	if err != nil {
		return 0, err
	}
	body := newCheckedReader(r, c.Descriptor)
	put, err := w.send(ctx, http.MethodPut, u, http.Header{"Content-Type": {"application/octet-stream"}}, body)
	if cerr := r.Close(); err == nil {
		err = cerr
	}
	if m := (*artifact.MismatchError)(nil); errors.As(body.err, &m) {
		err = body.err
	}
	if put != nil {
		defer drain(put)
	}
	if err == nil {
		err = uploaded(put)
	}
	return Uploaded, err
}

func (r *remote) putManifest(ctx context.Context, d artifact.Descriptor, body []byte, tag string, _ bool) error {
	w := r.writing()
	name := tag
	if name == "" {
		name = d.Digest.String()
	}
	var spent persistence
	for {
		resp, err := w.do(ctx, http.MethodPut, w.url("manifests/"+name), http.Header{"Content-Type": {d.MediaType}}, body)
		if err == nil {
			if !taken(resp.StatusCode) {
				err = statusError(resp)
			}
			drain(resp)
		}
		if err == nil {
			break
		}
		if err := w.persist(ctx, &spent, err); err != nil {
			return err
		}
	}
	return w.readBack(ctx, func() error {
		if tag == "" {
			_, _, err := w.byDigest(ctx, d.Digest)
			return err
		}
		_, now, err := w.byTag(ctx, tag)
		if err != nil {
			return err
		}
		return verify("manifest", d, now)
	})
}
