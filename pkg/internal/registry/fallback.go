package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

const (
	// maxRounds bounds how often an entry is added again because others wrote
	// over it. Of signers in step with each other one gets through per round.
	maxRounds = 64
	// minUnit and maxUnit bound the unit of watching: below, the time that a
	// process may be without a processor; above, one answer that was waited
	// for should not be waited for many times over.
	minUnit = 100 * time.Millisecond
	maxUnit = 10 * time.Second
)

// list has the manifest listed, and sees it listed.
//
// Only a registry that confirms the subject in its answer lists the manifest by
// itself; otherwise the client must keep the list under the fallback tag
// (distribution-spec 1.1, §Pushing Manifests with Subject). Where that answer
// was lost, the API is asked.
func (w *pusher) list(ctx context.Context) error {
	if w.attached.Layout != "" {
		return nil // found already
	}
	if w.acked != silent {
		ok, err := w.awaitAPI(ctx)
		if err != nil {
			return err
		}
		if ok {
			w.attached.Layout = layoutAPI
			return nil
		}
	}
	if err := w.keepTag(ctx); err != nil {
		return fmt.Errorf("keeping the fallback tag %q: %w", fallbackTag(w.subject), err)
	}
	w.attached.Layout = layoutTag
	return nil
}

// findListing looks whether an earlier Attach has finished. It is a short cut:
// where it cannot tell, the long way will say why.
func (w *pusher) findListing(ctx context.Context) bool {
	if list, err := w.listByAPI(ctx, w.subject); err == nil && contains(list, w.entry) {
		w.attached.Layout = layoutAPI
	} else if list, err := w.listByTag(ctx, w.subject); err == nil && contains(list, w.entry) {
		w.attached.Layout = layoutTag
	}
	w.attached.Existed = w.attached.Layout != ""
	return w.attached.Existed
}

// awaitAPI says whether the referrers API lists the manifest; false where there
// is no API after all, or where it lists others but never confirmed this one.
func (w *pusher) awaitAPI(ctx context.Context) (bool, error) {
	for try := 1; ; try++ {
		list, err := w.listByAPI(ctx, w.subject)
		switch {
		case errors.Is(err, ErrNotFound):
			return false, nil
		case err != nil:
			return false, fmt.Errorf("asking the referrers API: %w", err)
		case contains(list, w.entry):
			return true, nil
		case try == maxTries && w.acked == acknowledged:
			return false, fmt.Errorf("%w: the referrers API does not list %v, which it confirmed", ErrReadBack, w.digest)
		case try == maxTries:
			return false, nil
		}
		if err := w.sleep(ctx, backoff(try)); err != nil {
			return false, err
		}
	}
}

// keepTag adds the entry to the index under the fallback tag.
//
// Registries have no compare-and-swap: they take the last index that comes.
// Whoever read before our write and writes after it takes our entry away without
// knowing. So an entry counts as kept only when it was still there after a time
// in which everybody who could do so has finished: who reads later sees the
// entry and keeps it. That time is one reading and one writing of theirs; we
// know how long ours took, and wait three and a half times the slowest round
// trip that this Store has seen (at least 350 ms). If the entry is gone it is
// added to what is there now, and the time begins anew. In each round of writers
// that are in step with each other the last one stays, so n of them need at most
// n rounds; a random pause takes them out of step.
//
// What this cannot help against is a writer that is several times slower than
// we are, between its reading and its writing. Where the registry gives an ETag
// and honours If-Match (RFC 9110, §13.1.1), it helps against that as well.
//
// A write that failed is not repeated as it was, for the index may have changed
// since: everything begins with reading it. Foreign entries are kept, not
// judged, and not restored where they vanish: removing them is others' right.
func (w *pusher) keepTag(ctx context.Context) error {
	var (
		spent   persistence
		lost    int // our writes without any effect
		refused bool
		before  tagState
	)
	for range maxRounds {
		now, err := w.readTag(ctx)
		if err != nil {
			return err
		}
		if refused && now.same(before) {
			w.unconditional = true // "it has changed", and it has not
		}
		if before, refused = now, false; !now.doc.holds(w.entry) {
			switch err := w.writeTag(ctx, now); {
			case errors.Is(err, errPrecondition):
				refused = true
				if err := w.sleep(ctx, rand.N(w.unit())); err != nil {
					return err
				}
				continue
			case err != nil:
				if err := w.persist(ctx, &spent, err); err != nil {
					return err
				}
				continue
			}
		}
		last, err := w.watch(ctx)
		if err != nil || last.doc.holds(w.entry) {
			return err
		}
		pause := rand.N(w.unit())
		if last.same(now) {
			if lost++; lost == maxTries {
				return fmt.Errorf("%w: what is written there is lost", ErrReadBack)
			}
			pause = backoff(lost)
		}
		w.log.InfoContext(ctx, "adding the entry again", slog.String("tag", fallbackTag(w.subject)))
		if err := w.sleep(ctx, pause); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: others wrote over it %d times", ErrReadBack, maxRounds)
}

// unit is the slowest round trip, within bounds.
func (w *pusher) unit() time.Duration {
	return min(max(time.Duration(w.wire.slowest.Load()), minUnit), maxUnit)
}

// watch looks after growing intervals whether the entry stays, and returns what
// it saw last.
func (w *pusher) watch(ctx context.Context) (tagState, error) {
	unit := w.unit()
	for interval := unit / 2; ; interval *= 2 {
		if err := w.sleep(ctx, interval+rand.N(unit/4)); err != nil {
			return tagState{}, err
		}
		s, err := w.readTag(ctx)
		if err != nil || interval >= 2*unit || !s.doc.holds(w.entry) {
			return s, err
		}
	}
}

// A tagState is what stood under the fallback tag at one moment.
type tagState struct {
	body []byte // nil: no such tag
	etag string // "" if the registry gave none that can be compared
	doc  *document
}

func (s tagState) same(o tagState) bool {
	return (s.body == nil) == (o.body == nil) && bytes.Equal(s.body, o.body)
}

func (w *pusher) readTag(ctx context.Context) (tagState, error) {
	a, err := w.fetchManifest(ctx, fallbackTag(w.subject))
	if errors.Is(err, ErrNotFound) {
		return tagState{doc: newDocument()}, nil
	}
	if err != nil {
		return tagState{}, err
	}
	s := tagState{body: a.body}
	// Weak ones never match (RFC 9110, §13.1.1).
	if tag := a.header.Get("ETag"); strings.HasPrefix(tag, `"`) {
		s.etag = tag
	}
	s.doc, err = parseDocument(a.body)
	return s, err
}

// errPrecondition is a 412.
var errPrecondition = errors.New("the list has changed meanwhile")

func (w *pusher) writeTag(ctx context.Context, s tagState) error {
	body, err := s.doc.with(w.entry)
	if err != nil {
		return err
	}
	header := http.Header{"Content-Type": {typeOCIIndex}}
	switch {
	case w.unconditional:
	case s.etag != "":
		header.Set("If-Match", s.etag)
	case s.body == nil:
		header.Set("If-None-Match", "*")
	}
	resp, err := w.do(ctx, http.MethodPut, w.url("manifests/"+fallbackTag(w.subject)), header, body)
	if err != nil {
		return err
	}
	defer drain(resp)
	conditional := len(header) > 1
	switch status := resp.StatusCode; {
	case taken(status):
		return nil
	case conditional && status == http.StatusPreconditionFailed:
		return errPrecondition
	case conditional && (status == http.StatusBadRequest || status == http.StatusNotImplemented):
		w.unconditional = true // some stores refuse what they do not know
		return w.writeTag(ctx, s)
	default:
		return statusError(resp)
	}
}
