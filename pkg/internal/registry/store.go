package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// maxManifest is the largest manifest that registries must take
// (distribution-spec 1.1, §Pushing Manifests: at least 4 MiB), and the largest
// that the usual ones do take.
const maxManifest = 4 << 20

// The media types of manifests. All four are named in Accept: a registry that
// is offered less answers 404 for what it has.
const (
	typeOCIManifest    = "application/vnd.oci.image.manifest.v1+json"
	typeOCIIndex       = "application/vnd.oci.image.index.v1+json"
	typeDockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	typeDockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// A Resolution is what a reference stands for at one moment. From here on only
// the digest is used.
type Resolution struct {
	// Descriptor has the digest and size of Body. MediaType is what the
	// Content-Type header (or the layout's index) said, without parameters;
	// whether the body agrees is not judged here.
	Descriptor artifact.Descriptor
	// Body is the manifest, at most 4 MiB.
	Body []byte
	// TagDigest is set where the reference had tag and digest, and the tag
	// points elsewhere.
	TagDigest artifact.Digest
}

// A Referrer is a manifest that names the subject in its "subject" field, or
// that stands under one of the tags which cosign made from the subject's digest
// before there was such a field.
type Referrer struct {
	// Layout says where it was listed: "referrers-api", "fallback-tag",
	// "layout-index", "cosign-sig-tag" or "cosign-att-tag". Under cosign's tags
	// nothing here ties the manifest to the subject; what was signed must.
	Layout string
	// Descriptor has the digest and size of Body. ArtifactType and
	// Annotations are the manifest's own, never the list's; only where Err is
	// set is ArtifactType what the list claimed.
	Descriptor artifact.Descriptor
	// Body is the manifest; its digest and size were checked.
	Body []byte
	// Err says why this referrer could not be read or does not count.
	// Somebody who lists signatures must say so and not skip it.
	Err error
}

// The values of Referrer.Layout and Attached.Layout.
const (
	layoutAPI   = "referrers-api"
	layoutTag   = "fallback-tag"
	layoutIndex = "layout-index"
	layoutSig   = "cosign-sig-tag"
	layoutAtt   = "cosign-att-tag"
)

// A source is one repository of a registry, or one layout.
type source interface {
	// byTag and byDigest return a manifest whose bytes have the digest of the
	// returned descriptor.
	byTag(ctx context.Context, tag string) (artifact.Descriptor, []byte, error)
	byDigest(ctx context.Context, d artifact.Digest) (artifact.Descriptor, []byte, error)
	// blob opens bytes that nobody has verified.
	blob(ctx context.Context, d artifact.Descriptor) (io.ReadCloser, error)
	readRange(ctx context.Context, d artifact.Descriptor, offset int64, p []byte) error
	referrers(ctx context.Context, subject artifact.Digest) ([]Referrer, error)
	attach(ctx context.Context, p *parcel) (Attached, error)
	putContent(ctx context.Context, c Content) (Stored, error)
	putManifest(ctx context.Context, d artifact.Descriptor, body []byte, tag string, named bool) error
	close() error
}

// A Store is one repository of a registry or one layout. It is safe for
// concurrent use.
type Store struct {
	ref artifact.Reference
	src source
	log *slog.Logger
}

// Close frees idle connections or the layout's folder.
func (s *Store) Close() error { return s.src.close() }

// Resolve fetches the manifest that the reference names. Its digest is
// computed from the bytes; what headers say is only compared. Errors wrap
// ErrNotFound, ErrUnauthorized, ErrUnreachable, ErrResponse, ErrIncomplete,
// ErrLimit, ErrAmbiguous, or are an *artifact.MismatchError.
func (s *Store) Resolve(ctx context.Context) (Resolution, error) {
	r, err := s.resolve(ctx)
	if err != nil {
		return Resolution{}, fmt.Errorf("resolving %q: %w", s.ref, err)
	}
	return r, nil
}

func (s *Store) resolve(ctx context.Context) (Resolution, error) {
	want := s.ref.Digest()
	if want.IsZero() {
		d, body, err := s.src.byTag(ctx, s.ref.Tag())
		return Resolution{Descriptor: d, Body: body}, err
	}
	d, body, err := s.src.byDigest(ctx, want)
	if err != nil {
		return Resolution{}, err
	}
	r := Resolution{Descriptor: d, Body: body}
	if s.ref.Tag() == "" {
		return r, nil
	}
	// The digest has won already; where the tag points is only news, so that
	// failing to learn it is no failure.
	_, other, err := s.src.byTag(ctx, s.ref.Tag())
	if err != nil {
		s.log.WarnContext(ctx, "looking up the tag beside the digest failed", slog.Any("error", err))
		return r, nil
	}
	if got := sum(want.Algorithm(), other); got != want {
		r.TagDigest = got
	}
	return r, nil
}

// Manifest fetches a manifest by digest. d.Size must be at most 4 MiB and is
// checked together with the digest: *artifact.MismatchError.
func (s *Store) Manifest(ctx context.Context, d artifact.Descriptor) ([]byte, error) {
	body, err := fetchManifest(ctx, s.src, d)
	if err != nil {
		return nil, fmt.Errorf("fetching manifest %v: %w", d.Digest, err)
	}
	return body, nil
}

func fetchManifest(ctx context.Context, src source, d artifact.Descriptor) ([]byte, error) {
	if err := checkDescriptor("manifest", d, maxManifest); err != nil {
		return nil, err
	}
	_, body, err := src.byDigest(ctx, d.Digest)
	if err != nil {
		return nil, err
	}
	return body, verify("manifest", d, body)
}

// Blob opens a blob. The bytes are NOT verified: whoever reads must hash them.
// The reader resumes broken transfers by itself, hands out at most one byte
// more than d.Size (so that trailing data shows), and must be closed. Reading
// ends with an error that wraps ErrIncomplete where resuming did not help. It
// never follows the "urls" of a descriptor.
func (s *Store) Blob(ctx context.Context, d artifact.Descriptor) (io.ReadCloser, error) {
	r, err := s.openBlobFrom(ctx, d, 0)
	if err != nil {
		return nil, fmt.Errorf("opening blob %v: %w", d.Digest, err)
	}
	return r, nil
}

func (s *Store) openBlob(ctx context.Context, d artifact.Descriptor) (io.ReadCloser, error) {
	if err := checkDescriptor("blob", d, 1<<63-2); err != nil {
		return nil, err
	}
	return s.src.blob(ctx, d)
}

// Bytes fetches a small blob and checks size and digest. A descriptor over
// limit bytes is refused with ErrLimit before anything is asked for.
func (s *Store) Bytes(ctx context.Context, d artifact.Descriptor, limit int64) ([]byte, error) {
	if err := checkDescriptor("blob", d, limit); err != nil {
		return nil, fmt.Errorf("fetching blob %v: %w", d.Digest, err)
	}
	body, err := s.readBlob(ctx, d)
	if errors.Is(err, artifact.ErrDigestMismatch) {
		// One transfer may have been damaged on its way; a store that holds
		// other bytes gives them a second time.
		s.log.WarnContext(ctx, "fetching a blob again after a mismatch", slog.Any("error", err))
		body, err = s.readBlob(ctx, d)
	}
	if err != nil {
		return nil, fmt.Errorf("fetching blob %v: %w", d.Digest, err)
	}
	return body, nil
}

func (s *Store) readBlob(ctx context.Context, d artifact.Descriptor) ([]byte, error) {
	r, err := s.openBlob(ctx, d)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer // grows with what comes, not with what was declared
	_, err = io.Copy(&buf, r)
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, err
	}
	return buf.Bytes(), verify("blob", d, buf.Bytes())
}

// Referrers lists the manifests whose subject is the given one, and those under
// cosign's older tags (sha256-<hex>.sig and .att), with their verified bodies,
// in the order of the lists; what is listed in two places comes once. No
// referrer is left out because of its type or annotations. "None" is an empty
// list and no error; not having been able to ask one of the places is an error.
// Bounds: 100 pages, 1,000 referrers, 16 MiB of manifests in total; beyond them
// ErrLimit.
func (s *Store) Referrers(ctx context.Context, subject artifact.Digest) ([]Referrer, error) {
	if subject.IsZero() {
		return nil, fmt.Errorf("listing referrers: %w: none", artifact.ErrBadDigest)
	}
	found, err := s.src.referrers(ctx, subject)
	if err != nil {
		return nil, fmt.Errorf("listing referrers of %v: %w", subject, err)
	}
	return found, nil
}

// checkDescriptor refuses what cannot be fetched before anything is asked for.
func checkDescriptor(what string, d artifact.Descriptor, limit int64) error {
	switch {
	case d.Digest.IsZero():
		return fmt.Errorf("%s: %w: none", what, artifact.ErrBadDigest)
	case d.Size < 0:
		return fmt.Errorf("%s: %w: size %d", what, ErrResponse, d.Size)
	case d.Size > limit:
		return &LimitError{What: what + " size in bytes", Limit: limit, Got: d.Size}
	}
	return nil
}

func sum(a artifact.Algorithm, b []byte) artifact.Digest {
	h := a.New()
	h.Write(b) // a hash never fails to write
	return artifact.DigestOf(a, h.Sum(nil))
}

func verify(what string, d artifact.Descriptor, body []byte) error {
	e := &artifact.MismatchError{What: what, Want: d.Digest, WantSize: d.Size, GotSize: min(int64(len(body)), d.Size+1)}
	if e.GotSize != e.WantSize {
		return e
	}
	if e.Got = sum(d.Digest.Algorithm(), body); e.Got != d.Digest {
		return e
	}
	return nil
}
