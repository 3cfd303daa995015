package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// ErrNoRange is wrapped where a registry answers a request for a part of a blob
// with the whole: it does not know ranges (RFC 9110, §14.2 lets it).
var ErrNoRange = errors.New("the registry sends whole blobs only")

// UnverifiedRange fills p with the bytes of a blob from offset on. No hash
// covers them: whatever is read out of them may be said only as unverified.
// Where the answer is another part than the one that was asked for it fails
// with ErrResponse, and with ErrNoRange where it is no part at all.
func (s *Store) UnverifiedRange(ctx context.Context, d artifact.Descriptor, offset int64, p []byte) error {
	err := checkDescriptor("blob", d, 1<<63-2)
	if err == nil {
		err = checkRange(d.Size, offset, len(p))
	}
	if err == nil && len(p) > 0 {
		err = s.src.readRange(ctx, d, offset, p)
	}
	if err != nil {
		return fmt.Errorf("reading %d bytes of blob %v from %d: %w", len(p), d.Digest, offset, err)
	}
	return nil
}

func checkRange(size, offset int64, n int) error {
	if offset < 0 || offset > size || int64(n) > size-offset {
		return refuse("%d bytes from %d of a blob of %d", n, offset, size)
	}
	return nil
}

// readRange asks again where the connection breaks.
func (r *remote) readRange(ctx context.Context, d artifact.Descriptor, offset int64, p []byte) error {
	var spent patience
	for {
		err := r.readRangeOnce(ctx, d, offset, p)
		if err == nil || !spent.again(err) {
			return err
		}
		if err := r.sleep(ctx, backoff(spent.count)); err != nil {
			return err
		}
	}
}

func (r *remote) readRangeOnce(ctx context.Context, d artifact.Descriptor, offset int64, p []byte) error {
	last := offset + int64(len(p)) - 1
	header := http.Header{"Accept": {"*/*"}, "Range": {fmt.Sprintf("bytes=%d-%d", offset, last)}}
	resp, err := r.get(ctx, r.url("blobs/"+d.Digest.String()), header)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		return ErrNoRange
	case http.StatusPartialContent:
	default:
		return statusError(resp)
	}
	if got, want := resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-%d/%d", offset, last, d.Size); got != want {
		return refuse("asked for %q and got Content-Range %q", want, clip(got))
	}
	if resp.ContentLength >= 0 && resp.ContentLength != int64(len(p)) {
		return refuse("asked for %d bytes and got %d", len(p), resp.ContentLength)
	}
	if _, err := io.ReadFull(resp.Body, p); err != nil {
		return fmt.Errorf("%w: %w", ErrIncomplete, &brokenError{err: err, body: true})
	}
	if n, _ := resp.Body.Read(make([]byte, 1)); n > 0 {
		return refuse("asked for %d bytes and got more", len(p))
	}
	return nil
}

func (l *layout) readRange(_ context.Context, d artifact.Descriptor, offset int64, p []byte) error {
	f, err := l.open(blobPath(d.Digest))
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && info.Size() != d.Size {
		err = refuse("the file has %d bytes, want %d", info.Size(), d.Size)
	}
	if err == nil {
		_, err = f.ReadAt(p, offset)
	}
	return errors.Join(err, f.Close())
}

// UnverifiedRange is Store.UnverifiedRange for a file of a folder, which must
// be the one that Files listed.
func (t *Tree) UnverifiedRange(name string, size, offset int64, p []byte) error {
	if err := checkRange(size, offset, len(p)); err != nil {
		return fmt.Errorf("reading %q: %w", name, err)
	}
	f, err := openRegular(t.root, filepath.FromSlash(name))
	if err != nil {
		return fmt.Errorf("opening %q: %w", name, err)
	}
	info, err := f.Stat()
	if err == nil && info.Size() != size {
		err = fmt.Errorf("reading %q: %w", name, ErrChanged)
	}
	if err == nil {
		_, err = f.ReadAt(p, offset)
	}
	return errors.Join(err, f.Close())
}
