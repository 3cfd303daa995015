package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/blob"
	"github.com/modelcheck/modelcheck/pkg/internal/registry"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// Copied says what Copy put where.
type Copied struct {
	Reference string `json:"reference"`
	Blobs     int    `json:"blobs"`            // distinct, of the artifact itself
	Bytes     int64  `json:"bytes"`            // that were sent
	Existed   int    `json:"existed,omitzero"` // blobs that were there
	Mounted   int    `json:"mounted,omitzero"` // blobs that the registry took from the other repository
	Referrers int    `json:"referrers"`        // signatures, attestations and reviews that came along
	// Further are referrers of those, of further ones, and of members of an
	// index. They came along as they are; nobody judged them.
	Further int `json:"further,omitzero"`
	// NotCopied are referrers that came not along, and why. None of them is a
	// signature or statement that was proven. Where it was not learned what is
	// attached to a manifest, or it lies too far away, that manifest stands here.
	NotCopied []NotCopied `json:"notCopied,omitempty"`
}

// A NotCopied is a referrer that stayed behind, or a manifest whose referrers did.
type NotCopied struct {
	Digest artifact.Digest `json:"digest"`
	Why    string          `json:"why"`
}

// ErrDestination is wrapped where the place to copy to cannot be one.
var ErrDestination = errors.New("cannot be copied to")

// Copy is Examine, and where the verdict allows, the artifact and everything
// attached to it that was judged is put to another registry or OCI layout: blobs,
// then manifests, then referrers, and as the last of all the tag. What was judged
// is read again, under the digests that were verified, and hashed on its way;
// other bytes are not stored. That it could not be copied is an error and no
// verdict, and then there is no tag.
func (c *Checker) Copy(ctx context.Context, ref, to artifact.Reference) (*Report, error) {
	e := c.begin(ref)
	if err := mayCopy(ref, to, e.cfg.Platform); err != nil {
		return e.finish(err)
	}
	report, err := e.finish(e.run(ctx))
	if err != nil || !report.Verdict.Allowed() {
		return report, err
	}
	err = e.copy(ctx, to)
	if err == nil {
		return report, nil
	}
	code, _ := classify(err)
	report.Error = &Failure{Code: code, Message: err.Error()}
	// What the policy says of the artifact is true, but it is not there.
	report.Verdict = policy.Verdict{}
	return report, err
}

func mayCopy(ref, to artifact.Reference, platform string) error {
	switch {
	case ref.Place() == artifact.Directory || to.Place() == artifact.Directory:
		return fmt.Errorf("copying: %w: a plain folder holds no artifact", ErrDestination)
	case platform != "":
		return fmt.Errorf("copying: %w: a part of an index is another artifact", ErrDestination)
	}
	return nil
}

// A copying is one Copy that is allowed.
type copying struct {
	*examination
	from, dst *registry.Store
	mu        sync.Mutex
	out       *Copied
}

func (e *examination) copy(ctx context.Context, to artifact.Reference) (err error) {
	digest := e.subject.Descriptor.Digest
	if want := to.Digest(); !want.IsZero() && want != digest {
		return fmt.Errorf("copying: %w: %v was verified, and the destination names %v", ErrDestination, digest, want)
	}
	w := &copying{examination: e, out: &Copied{Reference: to.String()}}
	if w.from, err = e.client.Open(e.ref.WithDigest(digest)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.from.Close()) }()
	e.store = w.from
	if w.dst, err = e.client.Create(to); err != nil {
		return fmt.Errorf("copying: %w", err)
	}
	defer func() { err = errors.Join(err, w.dst.Close()) }()
	for _, step := range []func(context.Context, artifact.Reference) error{w.blobs, w.manifests, w.referrers, w.tag} {
		if err := step(ctx, to); err != nil {
			return fmt.Errorf("copying to %q: %w", to, err)
		}
	}
	e.report.Copied = w.out
	return nil
}

// blobs puts every blob that was hashed.
func (w *copying) blobs(ctx context.Context, to artifact.Reference) error {
	seen := map[artifact.Digest]bool{}
	workers := w.cfg.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	progress := w.progress()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(workers)
	for _, m := range w.members {
		list := []artifact.Descriptor{m.image.Config}
		for _, l := range m.image.Layers {
			list = append(list, l.Descriptor)
		}
		for _, d := range list {
			if seen[d.Digest] {
				continue
			}
			seen[d.Digest] = true
			g.Go(func() error { return w.blob(ctx, d, to, progress) })
		}
	}
	return g.Wait()
}

func (w *copying) blob(ctx context.Context, d artifact.Descriptor, to artifact.Reference, progress func(int64)) error {
	content := registry.Content{Descriptor: d, Open: func(ctx context.Context) (io.ReadCloser, error) {
		r, err := w.examination.from(ctx, &blob.Job{What: "blob", Want: d}, 0)
		if err != nil {
			return nil, err
		}
		return &counted{r, progress}, nil
	}}
	if w.ref.Place() == artifact.Registry && to.Place() == artifact.Registry && w.ref.Host() == to.Host() {
		content.Beside = w.ref
	}
	how, err := w.dst.PutBlob(ctx, content)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.out.Blobs++
	switch how {
	case registry.Existed:
		w.out.Existed++
	case registry.Mounted:
		w.out.Mounted++
	default:
		w.out.Bytes += d.Size
	}
	return nil
}

type counted struct {
	io.ReadCloser
	progress func(int64)
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.progress(int64(n))
	return n, err
}

// manifests puts the members of an index, the innermost first; the artifact's
// own manifest is tag's.
func (w *copying) manifests(ctx context.Context, _ artifact.Reference) error {
	for _, d := range slices.Backward(w.opened) {
		if d.Digest == w.subject.Descriptor.Digest {
			continue
		}
		body, err := w.from.Manifest(ctx, d)
		if err == nil {
			err = w.dst.PutManifest(ctx, d, body, "", false)
		}
		if err != nil {
			return err
		}
	}
	return w.dst.PutManifest(ctx, w.subject.Descriptor, w.subject.Body, "", false)
}

// Bounds of what is carried on beyond what is attached to the artifact itself.
// Nobody judged it, and anybody who may push to a repository may add to it.
const (
	maxSteps   = 3   // from the artifact or a member of it to a referrer
	maxFurther = 100 // referrers, and as many manifests that are asked for theirs
)

// A carried is a manifest that lies at the destination.
type carried struct {
	artifact.Descriptor
	steps int // from the artifact, 0 for it and its members
}

// referrers attaches what was attached when the artifact was judged, and then
// what is attached to that, and to the members of an index.
func (w *copying) referrers(ctx context.Context, _ artifact.Reference) error {
	var ask []carried
	for _, d := range w.opened {
		if d.Digest != w.subject.Descriptor.Digest {
			ask = append(ask, carried{d, 0})
		}
	}
	for _, r := range w.attachments {
		err := w.dst.Carry(ctx, w.from, r, w.subject.Descriptor)
		if errors.Is(err, registry.ErrNotCarried) && !w.counts(r.Descriptor.Digest) {
			w.leave(r.Descriptor.Digest, err)
			continue
		}
		if err != nil {
			return err
		}
		w.out.Referrers++
		ask = append(ask, carried{r.Descriptor, 1})
	}
	return w.further(ctx, ask)
}

// further attaches what is attached to manifests that were put. Under cosign's
// older tags two may be each other's referrers, so that each is asked once.
func (w *copying) further(ctx context.Context, ask []carried) error {
	asked, tried := map[artifact.Digest]bool{w.subject.Descriptor.Digest: true}, 0
	for ; len(ask) > 0; ask = ask[1:] {
		at := ask[0]
		if asked[at.Digest] {
			continue
		}
		if len(asked) > maxFurther {
			w.leave(at.Digest, fmt.Errorf("what is attached to it was not asked for, nor for at most %d more: over %d manifests", len(ask)-1, maxFurther))
			return nil
		}
		asked[at.Digest] = true
		found, err := w.from.Referrers(ctx, at.Digest)
		if errors.Is(err, registry.ErrLimit) {
			w.leave(at.Digest, err)
			continue
		}
		if err != nil {
			return err
		}
		if len(found) > 0 && at.steps == maxSteps {
			w.leave(at.Digest, fmt.Errorf("the %d referrers of it are over %d steps away", len(found), maxSteps))
			continue
		}
		for _, r := range found {
			if r.Err != nil && w.left(r.Descriptor.Digest) {
				continue // in a layout it may be anybody's, and is found each time
			}
			if tried++; tried > maxFurther {
				w.leave(r.Descriptor.Digest, fmt.Errorf("it and what comes after it: over %d referrers of referrers and members", maxFurther))
				return nil
			}
			err := w.dst.Carry(ctx, w.from, r, at.Descriptor)
			if errors.Is(err, registry.ErrNotCarried) {
				w.leave(r.Descriptor.Digest, err)
				continue
			}
			if err != nil {
				return err
			}
			w.out.Further++
			ask = append(ask, carried{r.Descriptor, at.steps + 1})
		}
	}
	return nil
}

func (w *copying) leave(d artifact.Digest, why error) {
	w.out.NotCopied = append(w.out.NotCopied, NotCopied{Digest: d, Why: why.Error()})
}

func (w *copying) left(d artifact.Digest) bool {
	return slices.ContainsFunc(w.out.NotCopied, func(n NotCopied) bool { return n.Digest == d })
}

// counts says whether something in a referring manifest was proven.
func (w *copying) counts(d artifact.Digest) bool {
	return slices.ContainsFunc(w.report.Signatures, func(c provenance.Candidate) bool {
		return c.Digest == d && c.Verdict == provenance.Proven
	})
}

// tag names the artifact, last.
func (w *copying) tag(ctx context.Context, to artifact.Reference) error {
	return w.dst.PutManifest(ctx, w.subject.Descriptor, w.subject.Body, to.Tag(), true)
}
