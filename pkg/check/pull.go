package check

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/blob"
	"github.com/modelcheck/modelcheck/pkg/internal/packaging"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A Destination says where Pull puts a model. Dir is required.
type Destination struct {
	Dir   string // need not exist; the folder above it must
	Force bool   // replaces other files that have the names of the model's
	// Apart is a folder, not there yet, for a model that is denied or held, to
	// look into. It must lie on the file system of Dir. Default: nothing is
	// left of such a model.
	Apart string
}

// Placed says what Pull put where.
type Placed struct {
	Directory string `json:"directory"`
	// Apart: the model was not allowed, and lies there to be looked into.
	Apart bool  `json:"apart,omitzero"`
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
	Kept  int64 `json:"kept,omitzero"` // bytes that an interrupted run had left and were not fetched again
}

// What can be in the way of placing files, for errors.Is.
var (
	ErrStore    = blob.ErrStore    // every error about the disk
	ErrInTheWay = blob.ErrInTheWay // a link, a folder or a device has the name of a file
	ErrDiffers  = blob.ErrDiffers  // another file has it
)

// Pull is Examine, and where the verdict allows, the files lie in to.Dir
// afterwards, with the provenance manifest and a receipt below .modelcheck.
// Until then they are in a private folder beside it. An interrupted pull goes
// on where it was when it is run again.
//
// Paths are those of the artifact below its ModelRoot, without what an image
// brings along outside of models/. Links are not made and nothing is
// executable. That files could not be placed is an error and no verdict.
func (c *Checker) Pull(ctx context.Context, ref artifact.Reference, to Destination) (*Report, error) {
	e := c.begin(ref)
	if to.Dir == "" || ref.Place() == artifact.Directory {
		return e.finish(fmt.Errorf("pulling: %w: a folder to pull into, and a registry or layout to pull from, are needed", ErrStore))
	}
	e.pull = &pull{to: to}
	report, err := e.finish(e.run(ctx))
	return e.end(ctx, report, err)
}

// A pull is the part of an examination that keeps files.
type pull struct {
	to Destination
	q  *blob.Quarantine
	// stop ends the reading: with nowhere to put it, it need not be fetched.
	stop context.CancelCauseFunc

	raw map[artifact.Digest]map[string]bool // blobs that are files, with their paths

	mu      sync.Mutex
	parts   map[artifact.Digest]*blob.Part
	used    map[artifact.Digest]bool // parts that a file is written through
	members map[artifact.Digest]map[string][]*blob.Member
	kept    int64
	spoiled bool // something that an earlier run left is damaged
}

// stream reads every blob, and once more if something that an earlier run left
// turns out to be damaged: that is the disk's fault and not the artifact's.
func (e *examination) stream(ctx context.Context) error {
	e.shelf.cache, e.shelf.store = e.cfg.Cache, e.store
	p := e.pull
	if p == nil {
		p = new(pull)
	} else {
		if err := e.quarantine(); err != nil {
			return err
		}
		ctx, p.stop = context.WithCancelCause(ctx)
		defer p.stop(nil)
	}
	err := e.streamFresh(ctx)
	if !p.spoiled && !e.shelf.spoiled {
		return err
	}
	e.log(ctx, "reading again: what an earlier run left is damaged", slog.Any("error", err))
	e.total, e.report.Bytes = 0, Bytes{}
	return e.streamFresh(ctx)
}

// quarantine makes the folder that files are written to.
func (e *examination) quarantine() error {
	p := e.pull
	var err error
	p.q, err = blob.OpenQuarantine(blob.QuarantineConfig{Dir: p.to.Dir, Subject: e.subject.Descriptor.Digest, Workers: e.cfg.Workers})
	if err == nil && p.to.Apart != "" {
		err = p.q.MayPutApart(p.to.Apart)
	}
	return err
}

// streamFresh is streamOnce that forgets an earlier reading.
func (e *examination) streamFresh(ctx context.Context) error {
	e.shelf.begin()
	if e.pull != nil {
		if err := e.pull.begin(e.members); err != nil {
			return err
		}
	}
	return e.streamOnce(ctx)
}

// begin sees to room on the disk and forgets an earlier reading.
func (p *pull) begin(members []*member) error {
	p.raw = map[artifact.Digest]map[string]bool{}
	p.parts, p.used = map[artifact.Digest]*blob.Part{}, map[artifact.Digest]bool{}
	p.members = map[artifact.Digest]map[string][]*blob.Member{}
	p.kept, p.spoiled = 0, false
	var need []artifact.Descriptor
	for _, m := range members {
		for _, l := range m.image.Layers {
			if p.raw[l.Digest] == nil {
				need = append(need, l.Descriptor)
				p.raw[l.Digest] = map[string]bool{}
			}
			if l.Encoding == packaging.Raw {
				p.raw[l.Digest][l.Path] = true
			}
		}
	}
	return p.q.Room(need)
}

// end does what the verdict says: a model that is allowed is placed, one that
// is not goes away or apart, and without a verdict what is there is left for
// the next run.
func (e *examination) end(ctx context.Context, r *Report, err error) (*Report, error) {
	p := e.pull
	if p.q == nil {
		return r, err
	}
	var failed error
	remove := true
	switch {
	case err != nil || r.Verdict.Outcome == policy.Undecided:
		remove = false
	case r.Verdict.Allowed():
		failed = p.place(ctx, r)
		remove = failed == nil
	case p.to.Apart != "":
		failed = p.apart(ctx, r)
	}
	var litter error
	if remove {
		litter = p.q.Remove()
	}
	if litter = errors.Join(litter, p.q.Close()); litter != nil {
		e.cfg.Log.WarnContext(ctx, "something was left beside the folder", slog.Any("error", litter))
	}
	if failed == nil {
		return r, err
	}
	code, _ := classify(failed)
	r.Error = &Failure{Code: code, Message: failed.Error()}
	if r.Verdict.Outcome == policy.Deny {
		return r, nil // that it could not be looked at does not make it better
	}
	// What the policy says of the model is true and of no use: exit statuses
	// and scripts must not take it for files that are there.
	r.Verdict = policy.Verdict{}
	return r, failed
}

// place is the only way by which files leave the quarantine for their names.
func (p *pull) place(ctx context.Context, r *Report) error {
	if !r.Verdict.Allowed() {
		return errors.New("placing files: the verdict does not allow it")
	}
	files, err := p.placements(r.Manifest.Files)
	if err != nil {
		return err
	}
	target, err := p.q.Target(p.to.Force)
	if err != nil {
		return err
	}
	stamps, err := target.Place(ctx, files)
	if err != nil {
		return errors.Join(err, target.Close())
	}
	receipt, err := newReceipt(r, files, stamps)
	if err == nil {
		err = target.Write(manifestName, r.encoded)
	}
	if err == nil {
		err = target.Write(receiptName, receipt)
	}
	if err = errors.Join(err, target.Close()); err == nil {
		r.Placed = p.placed(p.to.Dir, files)
	}
	return err
}

// apart keeps a model that is not allowed where somebody asked for it. Nothing
// there says that it was verified.
func (p *pull) apart(ctx context.Context, r *Report) error {
	var files []blob.Placement
	if r.Manifest != nil {
		files, _ = p.placements(r.Manifest.Files)
	}
	if files == nil {
		files = p.remains()
	}
	target, err := p.q.Apart(p.to.Apart)
	if err != nil {
		return err
	}
	if _, err = target.Place(ctx, files); err == nil && r.encoded != nil {
		err = target.Write(manifestName, r.encoded)
	}
	if err = errors.Join(err, target.Close()); err == nil {
		r.Placed = p.placed(p.to.Apart, files)
		r.Placed.Apart = true
	}
	return err
}

func (p *pull) placed(dir string, files []blob.Placement) *Placed {
	out := &Placed{Directory: dir, Files: len(files), Kept: p.kept}
	for _, f := range files {
		out.Bytes += f.Stored.Size()
	}
	return out
}

// placements finds the bytes of each file of the record and the name that it
// gets. The members of an index may differ; then there is no one model.
func (p *pull) placements(files []provenance.File) ([]blob.Placement, error) {
	root := modelRoot(files)
	byContent := p.byContent(files)
	var out []blob.Placement
	last := ""
	for i, f := range files {
		if f.Role == artifact.RoleSystem {
			continue
		}
		if i > 0 && f.Path == last {
			return nil, fmt.Errorf("placing files: %w: the members of the index hold different files %q; choose one by platform", ErrStore, f.Path)
		}
		last = f.Path
		stored, ok := p.find(f)
		if !ok { // a hard link has no bytes of its own
			stored, ok = byContent[content{f.Layer, f.Digest}]
		}
		if !ok {
			return nil, fmt.Errorf("placing files: %w: the bytes of %q were not kept: the archive holds it twice, or as a link to what another layer removes", ErrStore, f.Path)
		}
		out = append(out, blob.Placement{Path: strings.TrimPrefix(f.Path, root), Digest: f.Digest, Stored: stored})
	}
	return out, nil
}

type content struct{ layer, file artifact.Digest }

func (p *pull) byContent(files []provenance.File) map[content]blob.Stored {
	out := map[content]blob.Stored{}
	for _, f := range files {
		if stored, ok := p.find(f); ok {
			out[content{f.Layer, f.Digest}] = stored
		}
	}
	return out
}
