package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/render"
	"github.com/modelcheck/modelcheck/pkg/check"
)

func (v *trustVerb) update(ctx context.Context, s streams) error {
	store, err := openTrust(s)
	if err != nil {
		return err
	}
	u := check.TrustUpdate{Name: v.name, Mirror: v.mirror, Replace: v.replace}
	for file, to := range map[string]*[]byte{v.root: &u.Root, v.caFile: &u.Authorities} {
		if file == "" {
			continue
		}
		if *to, err = readSmall(file); err != nil {
			return err
		}
	}
	done, err := store.Update(ctx, u)
	if err != nil {
		return err
	}
	return v.installed(s, done)
}

func (v *trustVerb) load(s streams, file string) error {
	store, err := openTrust(s)
	if err != nil {
		return err
	}
	r, err := check.ReadTrustedRoot(file)
	if err != nil {
		return err
	}
	in := check.TrustImport{Name: v.name, JSON: r.JSON, FetchedAt: r.FetchedAt(), Replace: v.replace}
	if v.fetchedAt != "" {
		if in.FetchedAt, err = parseTime(v.fetchedAt); err != nil {
			return err
		}
	}
	if r.Note != "" && v.fetchedAt == "" {
		warn(s, "%s: %s, so its age is unknown", file, r.Note)
	}
	done, err := store.Import(in)
	if err != nil {
		return err
	}
	return v.installed(s, done)
}

func (v *trustVerb) installed(s streams, done check.TrustChange) error {
	switch {
	case done.Previous.JSON == nil:
		fmt.Fprintf(s.err, "modelcheck: installed trusted root %q\n", done.Name)
	case done.Changed():
		fmt.Fprintf(s.err, "modelcheck: replaced trusted root %q, which was %v\n", done.Name, done.Previous.Digest)
	default:
		fmt.Fprintf(s.err, "modelcheck: trusted root %q has not changed\n", done.Name)
	}
	return v.print(s, done.Root)
}

func (v *trustVerb) show(s streams, what string) error {
	var r check.InstalledRoot
	var err error
	if check.IsTrustName(what) {
		r, err = loadRoot(s, what)
	} else {
		r, err = check.ReadTrustedRoot(what)
	}
	if err != nil {
		return err
	}
	return v.print(s, r)
}

func (v *trustVerb) list(s streams) error {
	store, err := openTrust(s)
	if err != nil {
		return err
	}
	roots, err := store.List()
	if err != nil {
		return err
	}
	all := []render.TrustRoot{}
	var damaged error // a damaged root does not hide the others
	for _, r := range roots {
		t, err := describeRoot(r)
		if err != nil {
			t = render.NewTrustRoot(r, check.TrustContents{}, time.Now())
			t.Note = err.Error()
			damaged = errors.Join(damaged, err)
		}
		all = append(all, t)
	}
	if v.output == "json" {
		return errors.Join(render.JSON(s.out, render.TrustReport{SchemaVersion: render.TrustVersion, Roots: all}), damaged)
	}
	return errors.Join(render.TrustList(s.out, all), damaged)
}

func (v *trustVerb) print(s streams, r check.InstalledRoot) error {
	t, err := describeRoot(r)
	if err != nil {
		return err
	}
	if v.output == "json" {
		return render.JSON(s.out, render.TrustReport{SchemaVersion: render.TrustVersion, Roots: []render.TrustRoot{t}})
	}
	return render.Trust(s.out, t, style(s))
}

func describeRoot(r check.InstalledRoot) (render.TrustRoot, error) {
	c, err := check.DescribeTrust(r.JSON)
	if err != nil {
		return render.TrustRoot{}, fmt.Errorf("%q: %w", r.Path, err)
	}
	return render.NewTrustRoot(r, c, time.Now()), nil
}

// parseTime reads a day or a time.
func parseTime(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usageError{hintError{fmt.Errorf("%q is no time", text), "write 2026-11-02 or 2026-11-02T15:04:05Z"}}
}
