package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/blob"
	"github.com/modelcheck/modelcheck/pkg/internal/registry"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// The documents beside a pulled model.
const (
	manifestName = "manifest.json"
	receiptName  = "receipt.json"
)

const (
	// receiptVersion is the version of the receipt's JSON.
	receiptVersion = "1"
	// maxReceipt bounds either document in bytes: 100,000 files, the most that
	// a folder is examined with, take some 40 MB.
	maxReceipt = 64 << 20
)

// errReceipt is wrapped where a folder is not what its receipt says, or the
// receipt is not one that this program wrote.
var errReceipt = errors.New("the folder is not what its receipt says")

// A receipt says what Pull placed. Nobody signed it: it tells whether a folder
// is as this program left it, and not who made the model.
type receipt struct {
	SchemaVersion  string          `json:"schemaVersion"`
	Artifact       artifact.Digest `json:"artifact"`
	ManifestDigest artifact.Digest `json:"manifestDigest"`
	Policy         artifact.Digest `json:"policy"` // that allowed it
	Files          []receiptFile   `json:"files"`
}

// A receiptFile is a file as it was placed.
type receiptFile struct {
	Path     string          `json:"path"`
	Size     int64           `json:"size"` // bytes
	Digest   artifact.Digest `json:"digest"`
	Modified time.Time       `json:"modified"`
	Inode    uint64          `json:"inode,string"` // beyond 2^53 on some file systems
	Changed  time.Time       `json:"changed"`      // ctime
}

func newReceipt(r *Report, files []blob.Placement, stamps map[string]blob.Stamp) ([]byte, error) {
	out := receipt{SchemaVersion: receiptVersion, Artifact: r.Resolved.Digest, ManifestDigest: r.ManifestDigest, Policy: r.Verdict.Policy}
	for _, f := range files {
		s := stamps[f.Path]
		out.Files = append(out.Files, receiptFile{Path: f.Path, Size: s.Size, Digest: f.Digest, Modified: s.Modified, Inode: s.Inode, Changed: s.Changed})
	}
	data, err := json.Marshal(out, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		return nil, fmt.Errorf("writing the receipt: %w", err)
	}
	return append(data, '\n'), nil
}

// ReceiptCheck says how a folder compares with the receipt in it.
type ReceiptCheck struct {
	Artifact       artifact.Digest `json:"artifact"` // what was pulled
	ManifestDigest artifact.Digest `json:"manifestDigest"`
	Policy         artifact.Digest `json:"policy"`
	Files          int             `json:"files"`
	// Rehashed: every file was read and its SHA-256 compared. Otherwise only
	// size, times and inode were, which vouches for nothing.
	Rehashed bool `json:"rehashed"`
}

// recognise reads the receipt of a folder if there is one, and takes the two
// documents of Pull out of the list of files. Nothing else is left out.
func (e *examination) recognise(tree *registry.Tree, listed []registry.TreeFile) ([]registry.TreeFile, error) {
	const folder = blob.FolderOfRecord + "/"
	var rest []registry.TreeFile
	found := map[string]bool{}
	for _, f := range listed {
		if (f.Path == folder+receiptName || f.Path == folder+manifestName) && f.Irregular == "" {
			found[f.Path] = true
			continue
		}
		rest = append(rest, f)
	}
	if !found[folder+receiptName] {
		return listed, nil
	}
	data, err := readDocument(tree, folder+receiptName)
	if err != nil {
		return nil, err
	}
	var r receipt
	if err := strictjson.Decode(data, &r); err != nil {
		return nil, fmt.Errorf("reading the receipt: %w: %w", errReceipt, err)
	}
	if r.SchemaVersion != receiptVersion || r.Artifact.IsZero() || r.ManifestDigest.IsZero() || len(r.Files) == 0 {
		return nil, fmt.Errorf("reading the receipt: %w: it is of another kind", errReceipt)
	}
	if !found[folder+manifestName] {
		return nil, fmt.Errorf("%w: the manifest is missing", errReceipt)
	}
	if data, err = readDocument(tree, folder+manifestName); err != nil {
		return nil, err
	}
	if err := r.matches(data); err != nil {
		return nil, err
	}
	e.receipt = &r
	e.report.Receipt = &ReceiptCheck{Artifact: r.Artifact, ManifestDigest: r.ManifestDigest, Policy: r.Policy, Files: len(r.Files)}
	return rest, nil
}

func readDocument(tree *registry.Tree, name string) ([]byte, error) {
	r, err := tree.Open(name)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r, maxReceipt+1))
	if len(data) > maxReceipt {
		err = fmt.Errorf("reading %q: %w: it is longer than %d bytes", name, errReceipt, maxReceipt)
	}
	return data, errors.Join(err, r.Close())
}

// matches holds the receipt against the manifest beside it.
func (r *receipt) matches(manifest []byte) error {
	if artifact.SumSHA256(manifest) != r.ManifestDigest {
		return fmt.Errorf("%w: the manifest is another one", errReceipt)
	}
	m, err := provenance.Decode(manifest)
	if err != nil {
		return fmt.Errorf("%w: %w", errReceipt, err)
	}
	if m.Subject != r.Artifact {
		return fmt.Errorf("%w: the manifest is about %v", errReceipt, m.Subject)
	}
	left := make(map[string]receiptFile, len(r.Files))
	for _, f := range r.Files {
		left[f.Path] = f
	}
	root := modelRoot(m.Files)
	own := 0
	for _, f := range m.Files {
		if f.Role == artifact.RoleSystem {
			continue
		}
		own++
		name := strings.TrimPrefix(f.Path, root)
		if l, ok := left[name]; !ok || l.Digest != f.Digest || l.Size != f.Size {
			return fmt.Errorf("%w: it and the manifest disagree on %q", errReceipt, name)
		}
	}
	if own != len(r.Files) || own != len(left) {
		return fmt.Errorf("%w: it names %d files, the manifest %d", errReceipt, len(r.Files), own)
	}
	return nil
}

// maxDifferences of a folder are told one by one.
const maxDifferences = 20

// compare holds what there is against the receipt. Every difference denies:
// what another policy than the receipt says of the files does not matter then.
func (e *examination) compare(names []string, differs func(f receiptFile, name string) string) {
	want := make(map[string]receiptFile, len(e.receipt.Files))
	for _, f := range e.receipt.Files {
		want[f.Path] = f
	}
	var found []provenance.Finding
	note := func(name, what string) {
		found = append(found, provenance.Finding{ID: provenance.CodeReceiptDiffers, Subject: name, Detail: fmt.Sprintf("%q %s", name, what)})
	}
	for _, name := range names {
		f, ok := want[name]
		delete(want, name)
		if !ok {
			note(name, "is not in the receipt")
		} else if what := differs(f, name); what != "" {
			note(name, what)
		}
	}
	for _, f := range e.receipt.Files {
		if _, missing := want[f.Path]; missing {
			note(f.Path, "is in the receipt and not in the folder")
		}
	}
	if n := len(found); n > maxDifferences {
		found = append(found[:maxDifferences], provenance.Finding{ID: provenance.CodeReceiptDiffers, Detail: fmt.Sprintf("%d more differences from the receipt", n-maxDifferences)})
	}
	e.faults = append(e.faults, found...)
}

// compareBytes is the comparison after every file was hashed.
func (e *examination) compareBytes(listed []registry.TreeFile) {
	if e.receipt == nil || e.report.Inspected {
		return
	}
	is := make(map[string]artifact.File, len(e.treeFiles))
	for _, f := range e.treeFiles {
		is[f.Path] = f
	}
	e.report.Receipt.Rehashed = true
	e.compare(paths(listed), func(f receiptFile, name string) string {
		switch got := is[name]; {
		case got.Size != f.Size:
			return fmt.Sprintf("has %d bytes, and %d in the receipt", got.Size, f.Size)
		case got.Digest != f.Digest:
			return fmt.Sprintf("is %v, and %v in the receipt", got.Digest, f.Digest)
		}
		return ""
	})
}

func paths(listed []registry.TreeFile) []string {
	out := make([]string, len(listed))
	for i, f := range listed {
		out[i] = f.Path
	}
	return out
}

// SinceReceipt compares a pulled folder with its receipt without reading the
// files: size, time of modification, inode and time of change. The report
// carries no verdict, unless a difference denies; unchanged is not verified.
func (c *Checker) SinceReceipt(ctx context.Context, ref artifact.Reference) (*Report, error) {
	e := c.begin(ref)
	e.report.Inspected, e.quick = true, true
	return e.finish(e.run(ctx))
}

// unchanged is the whole of the quick examination; err is what reading the
// receipt ended with.
func (e *examination) unchanged(listed []registry.TreeFile, err error) error {
	if err != nil {
		e.report.Inspected = false // it denies, or there is no verdict
		return err
	}
	if e.receipt == nil {
		return fmt.Errorf("comparing with the receipt: %w: there is none in %q", registry.ErrNotFound, e.ref.Path())
	}
	e.compare(paths(listed), func(f receiptFile, name string) string {
		s, err := blob.StampOf(e.ref.Path(), name)
		switch {
		case err != nil:
			return fmt.Sprintf("cannot be looked at: %v", err)
		case s.Size != f.Size:
			return fmt.Sprintf("has %d bytes, and %d in the receipt", s.Size, f.Size)
		case !s.Modified.Equal(f.Modified), !s.Changed.Equal(f.Changed):
			return "was changed after the receipt was written"
		case s.Inode != f.Inode:
			return "is another file than the one in the receipt"
		}
		return ""
	})
	e.report.Inspected = len(e.faults) == 0
	return nil
}
