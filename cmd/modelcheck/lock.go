package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/render"
	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

const lockLong = `lock verifies references as verify does and, where all of them are allowed,
writes a lockfile: each reference with the digest that it names now, the digests
of its provenance manifest and its substance, and the digest of the policy. The
manifests are kept beside it, in modelcheck.lock.d, so that a drift can be shown.

verify --locked then reads the pinned bytes, wherever the tags point, and denies
where policy or record are not those of the lockfile. lock diff shows what has
changed since, at the tags as they are now. Without references lock renews those
that the lockfile holds. Commit both; review changes to them like code.`

const lockExample = `  # pin, and commit modelcheck.lock and modelcheck.lock.d
  modelcheck lock ghcr.io/acme/tiny-r1:v1 ghcr.io/acme/embed:v3 --policy policy.yaml

  # in CI: the pinned bytes, the same policy, the same record
  modelcheck verify --locked --policy policy.yaml

  # what would change; then accept it
  modelcheck lock diff --policy policy.yaml
  modelcheck lock --policy policy.yaml`

// defaultLock is where the lockfile lies unless --lockfile says otherwise.
const defaultLock = "modelcheck.lock"

// lockFlags say where the lockfile is, and whether verify holds to it.
type lockFlags struct {
	file   string
	locked bool
	read   *check.Lock // where locked
}

func (l *lockFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&l.file, "lockfile", defaultLock, "the lockfile `FILE`")
	_ = cmd.MarkFlagFilename("lockfile")
}

func newLock(s streams) *cobra.Command {
	f := verifyFlags{}
	cmd := &cobra.Command{
		Use: "lock [REFERENCE…]", Short: "Pin references to verified digests and records in a lockfile",
		Long: lockLong, Example: lockExample, Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return lock(cmd, s, f, args) },
	}
	f.addLocking(cmd, s)
	var d verifyFlags
	diff := &cobra.Command{
		Use: "diff", Short: "Show what has changed since the lockfile was written", Args: cobra.NoArgs,
		Long: `diff verifies what the references of the lockfile name now, and shows how bytes,
policy and record differ from what is locked. Nothing is written. It ends with 0
where nothing differs and all is allowed, and with 3 where something differs.`,
		Example: "  modelcheck lock diff --policy policy.yaml",
		RunE:    func(cmd *cobra.Command, _ []string) error { return lockDiff(cmd.Context(), s, d) },
	}
	d.addLocking(diff, s)
	cmd.AddCommand(diff)
	return cmd
}

func (f *verifyFlags) addLocking(cmd *cobra.Command, s streams) {
	f.place.add(cmd)
	f.trust.add(cmd)
	outputsFlag(cmd, s, f)
	f.many.add(cmd)
	f.lock.add(cmd)
}

// load reads the lockfile. What is wrong with it is said with its place.
func (l lockFlags) load() (*check.Lock, error) {
	data, err := readSmall(l.file)
	if err != nil {
		return nil, hintError{fmt.Errorf("reading the lockfile: %w", err), "modelcheck lock REFERENCE… writes one"}
	}
	lock, err := check.ParseLock(data)
	var at *check.LockError
	if errors.As(err, &at) {
		return nil, usageError{fmt.Errorf("%s:%d:%d: %w", l.file, at.Line, at.Column, err)}
	}
	return lock, err
}

// lockedReferences reads the lockfile where --locked asks for it. Without
// references, all that it holds are meant.
func (f *verifyFlags) lockedReferences(args []string) ([]string, error) {
	if !f.lock.locked {
		return args, nil
	}
	if f.since {
		return args, usageError{errors.New("--locked and --since-receipt exclude each other: a receipt is not what the lockfile holds")}
	}
	var err error
	if f.lock.read, err = f.lock.load(); err != nil {
		return args, err
	}
	if len(args) > 0 || f.many.file != "" {
		return args, nil
	}
	for _, m := range f.lock.read.Models {
		args = append(args, m.Reference)
	}
	return args, nil
}

// manifest reads a kept manifest; its name is its digest, which is compared.
func (l lockFlags) manifest(d artifact.Digest) (*provenance.Manifest, error) {
	data, err := readSmall(filepath.Join(l.file+".d", d.Hex()+".json"))
	if err != nil {
		return nil, err
	}
	if artifact.SumSHA256(data) != d {
		return nil, fmt.Errorf("%s.d/%s.json is not the manifest of that digest", l.file, d.Hex())
	}
	return provenance.Decode(data)
}

func lock(cmd *cobra.Command, s streams, f verifyFlags, args []string) error {
	if len(args) == 0 && f.many.file == "" {
		old, err := f.lock.load()
		if err != nil {
			return f.unbegun(s, "", err, true)
		}
		for _, m := range old.Models {
			args = append(args, m.Reference)
		}
	}
	names, err := f.many.references(cmd, s, args)
	if err == nil {
		names, err = distinct(names)
	}
	if err != nil {
		return f.unbegun(s, "", err, true)
	}
	reports, failures := f.examineAll(cmd.Context(), s, names)
	if err := f.conclude(s, names, reports, failures); err != nil {
		return err
	}
	l, err := check.NewLock(reports)
	if err != nil {
		return err
	}
	return f.lock.write(l, reports)
}

// distinct puts references into their canonical spelling, each once.
func distinct(names []string) ([]string, error) {
	var out []string
	seen := map[string]bool{}
	for _, name := range names {
		ref, err := parseReference(name)
		if err != nil {
			return nil, err
		}
		if !seen[ref.String()] {
			seen[ref.String()] = true
			out = append(out, ref.String())
		}
	}
	return out, nil
}

// write keeps the manifests first: a lockfile never names what is not there.
func (l lockFlags) write(lock *check.Lock, reports []*check.Report) error {
	dir := l.file + ".d"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("writing the lockfile: %w", err)
	}
	keep := map[string]bool{}
	for _, r := range reports {
		name := r.ManifestDigest.Hex() + ".json"
		keep[name] = true
		if err := writeWhole(filepath.Join(dir, name), r.ManifestBytes()); err != nil {
			return fmt.Errorf("writing the lockfile: %w", err)
		}
	}
	data, err := lock.Encode()
	if err != nil {
		return err
	}
	if err := writeWhole(l.file, data); err != nil {
		return fmt.Errorf("writing the lockfile: %w", err)
	}
	return l.sweep(dir, keep)
}

// sweep removes manifests that the lockfile no longer names, and no other file.
func (l lockFlags) sweep(dir string, keep map[string]bool) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		d, derr := artifact.ParseDigest("sha256:" + trimJSON(e.Name()))
		if derr == nil && e.Name() == d.Hex()+".json" && e.Type().IsRegular() && !keep[e.Name()] {
			err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

func trimJSON(name string) string { return name[:max(len(name)-len(".json"), 0)] }

// hold wraps what is asked of a checker: the pinned bytes are read, and what
// drifted from the lockfile is denied and shown.
func (l lockFlags) hold(s streams, quiet bool, examine examiner) examiner {
	return func(c *check.Checker, ctx context.Context, ref artifact.Reference) (*check.Report, error) {
		m := l.read.Find(ref)
		if m == nil {
			return check.NotLocked(ref, build().Version), nil
		}
		pinned, err := m.Pinned()
		if err != nil {
			return check.Failed(ref.String(), provenance.CodeUsage, err, build().Version), err
		}
		r, err := examine(c, ctx, pinned)
		l.read.Hold(*m, r)
		if err == nil && !quiet && !r.SubstanceDigest.IsZero() && r.SubstanceDigest != m.SubstanceDigest {
			_, _ = s.err.Write(l.difference(*m, r))
		}
		return r, err
	}
}

// difference says how a record differs from the locked one.
func (l lockFlags) difference(m check.LockedModel, r *check.Report) []byte {
	head := fmt.Sprintf("modelcheck: %s, compared with the lockfile:\n", printable(m.Reference))
	before, err := l.manifest(m.ManifestDigest)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []byte(head + "its locked manifest is not kept beside the lockfile, so that the change cannot be shown\n")
	case err != nil:
		return []byte(head + "its locked manifest cannot be read: " + printable(err.Error()) + "\n")
	case r.Manifest == nil:
		return []byte(head + "there is no record now\n")
	}
	if kept, err := provenance.SubstanceDigest(before); err != nil || kept != m.SubstanceDigest {
		head += "the lockfile contradicts itself: its substance digest is not that of the manifest that it names, as if somebody had edited it\n"
	}
	return append([]byte(head), render.SheetDifference("CHANGED SINCE IT WAS LOCKED", provenance.Diff(before, r.Manifest))...)
}

// lockDiff shows what the references name now.
func lockDiff(ctx context.Context, s streams, f verifyFlags) error {
	l, err := f.lock.load()
	if err != nil {
		return f.unbegun(s, "", err, true)
	}
	var names []string
	for _, m := range l.Models {
		names = append(names, m.Reference)
	}
	reports, failures := f.examineAll(ctx, s, names)
	for i, r := range reports {
		if r.Resolved != nil && r.Resolved.Digest != l.Models[i].Digest {
			fmt.Fprintf(s.err, "modelcheck: %s: %v is locked, %v is there now\n", printable(names[i]), l.Models[i].Digest, r.Resolved.Digest)
		}
		if !r.SubstanceDigest.IsZero() && r.SubstanceDigest != l.Models[i].SubstanceDigest {
			_, _ = s.err.Write(f.lock.difference(l.Models[i], r))
		}
		l.Hold(l.Models[i], r)
	}
	return f.conclude(s, names, reports, failures)
}
