package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// A resumed reader gives what an earlier run left, then the rest.
type resumed struct {
	ctx  context.Context
	part *Part
	here *os.File
	read int64
	rest func(ctx context.Context, offset int64) (io.ReadCloser, error)
	more io.ReadCloser
}

// Read implements io.Reader. It ends where the hash has found that what was
// left is damaged: the rest need not be fetched for nothing.
func (r *resumed) Read(b []byte) (int, error) {
	p := r.part
	if p.spoiled.Load() {
		return 0, fmt.Errorf("%v: %w", p.want.Digest, ErrSpoiled)
	}
	if left := p.held - r.read; left > 0 {
		n, err := r.here.Read(b[:min(int64(len(b)), left)])
		r.read += int64(n)
		if err == io.EOF {
			err = fmt.Errorf("%v: %w", p.want.Digest, ErrSpoiled)
		}
		return n, err
	}
	if p.held == p.want.Size {
		return 0, io.EOF
	}
	if r.more == nil {
		var err error
		if r.more, err = r.rest(r.ctx, p.held); err != nil {
			return 0, err
		}
	}
	return r.more.Read(b)
}

// Close ends both.
func (r *resumed) Close() error {
	err := r.here.Close()
	if r.more != nil {
		err = errors.Join(err, r.more.Close())
	}
	return err
}
