package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/render"
	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// inRegistry says whether the name is a reference, or a host with or without a
// namespace.
func inRegistry(name string) bool {
	if _, err := artifact.ParseReference(name); err == nil {
		return true
	}
	_, _, err := splitNamespace(name)
	return err == nil
}

// splitNamespace reads HOST and HOST/NAMESPACE, which no reference is: it has
// neither tag nor digest.
func splitNamespace(name string) (host, namespace string, err error) {
	host, namespace, _ = strings.Cut(strings.TrimSuffix(strings.TrimPrefix(name, "oci://"), "/"), "/")
	ref, err := artifact.ParseReference(host + "/" + strings.Trim(namespace+"/x", "/") + ":x")
	if err != nil {
		return "", "", fmt.Errorf("%q is neither a reference nor HOST/NAMESPACE: %w", name, err)
	}
	return ref.Host(), namespace, nil
}

// registryStock reads what is recorded about what was named in registries and
// layouts.
func (f inventoryFlags) registryStock(ctx context.Context, s streams, names []string, keep keeper) ([]render.Stock, error) {
	if len(names) == 0 {
		return nil, nil
	}
	if f.trust.policyFile == "" {
		return nil, usageError{hintError{errors.New("no --policy given: anybody can attach a record to an artifact"), "the policy's section summaries says whose records count: --policy policy.yaml"}}
	}
	var listed []check.Listed
	for _, name := range names {
		if ref, err := artifact.ParseReference(name); err == nil {
			listed = append(listed, check.Listed{Name: name, Reference: ref})
			continue
		}
		more, err := f.list(ctx, s, name)
		if err != nil {
			return nil, err
		}
		listed = append(listed, more...)
	}
	var rows []render.Stock
	for _, l := range listed {
		if l.Problem != nil {
			rows = append(rows, render.Stock{Place: l.Name, Problem: l.Problem.Error()})
			continue
		}
		more, err := f.recorded(ctx, s, l, keep)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// recaller makes a checker for one artifact, or none, that only recalls.
func (f inventoryFlags) recaller(s streams, ref artifact.Reference) (*check.Checker, error) {
	cfg, err := f.prepare(s, ref)
	if err != nil {
		return nil, err
	}
	if !cfg.Policy.AcceptsSummaries() {
		return nil, usageError{hintError{errors.New("the policy accepts nobody's records"), "name who records in its section summaries (docs/attest.md)"}}
	}
	return check.New(cfg)
}

func (f inventoryFlags) list(ctx context.Context, s streams, name string) ([]check.Listed, error) {
	host, namespace, err := splitNamespace(name)
	if err != nil {
		return nil, usageError{err}
	}
	checker, err := f.recaller(s, artifact.Reference{})
	if err != nil {
		return nil, err
	}
	listed, err := checker.List(ctx, host, namespace)
	switch {
	case errors.Is(err, check.ErrNoCatalog):
		return nil, hintError{err, "many registries list no repositories, or only to administrators; name the references in a file: --file references.txt"}
	case err != nil:
		return nil, err
	case len(listed) == 0:
		return nil, hintError{fmt.Errorf("%q lists no repository of %q", host, namespace), "check the spelling; registries leave out what you may not see"}
	}
	return listed, nil
}

// recorded makes the rows of one artifact: one for each record that counts, and
// one for what could not be read.
func (f inventoryFlags) recorded(ctx context.Context, s streams, l check.Listed, keep keeper) ([]render.Stock, error) {
	checker, err := f.recaller(s, l.Reference)
	if err != nil {
		return nil, err
	}
	found, err := checker.Recall(ctx, l.Reference)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	row := render.Stock{Place: l.Name}
	if err != nil {
		row.Problem = err.Error()
		return []render.Stock{row}, nil
	}
	row.Subject = found.Resolved.Digest.String()
	var rows []render.Stock
	for _, m := range found.Manifests {
		row := row
		row.RecordedBy = m.Verifiers
		rows = append(rows, stockRow(row, m.Manifest, nil, keep)...)
	}
	for _, u := range found.Unread {
		if u.Candidate.PredicateType == provenance.PredicateType {
			row := row
			row.RecordedBy, row.Problem = u.Verifiers, "the record cannot be read: "+u.Problem
			rows = append(rows, row)
		}
	}
	if len(found.Manifests) == 0 && len(rows) == 0 {
		row.Problem = "nobody whom the policy accepts recorded it" + others(found.Candidates)
		rows = append(rows, row)
	}
	return rows, nil
}

// others tells of records that do not count, lest "nobody" be all that is said.
func others(candidates []provenance.Candidate) string {
	var codes []string
	n := 0
	for _, c := range candidates {
		if c.PredicateType == provenance.PredicateType {
			n++
			codes = append(codes, c.Code)
		}
	}
	if n == 0 {
		return ""
	}
	slices.Sort(codes)
	return fmt.Sprintf("; records that do not count: %d (%s)", n, strings.Join(slices.Compact(codes), ", "))
}
