package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/render"
	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

// A registerEntry is one signed statement of the register.
type registerEntry struct {
	SignedAt  time.Time       `json:"signedAt,omitzero"` // verified, or by the reviewer's own clock where the policy says so
	Subject   artifact.Digest `json:"subject"`
	Reference string          `json:"reference,omitempty"`
	Reviewer  string          `json:"reviewer,omitempty"` // the policy's name; empty for whom it does not know
	Identity  string          `json:"identity"`
	Role      string          `json:"role,omitempty"`
	Kind      string          `json:"kind"`
	Decision  string          `json:"decision"`
	ExpiresAt time.Time       `json:"expiresAt,omitzero"`
	Substance artifact.Digest `json:"substance,omitzero"`
	Tool      string          `json:"tool,omitempty"`
	Statement artifact.Digest `json:"statement"`
	Code      string          `json:"code"` // review-counted: by a reviewer of the policy in that role; whether it is in force is not said
	Sentence  string          `json:"sentence,omitempty"`
}

func newReviewLog(s streams) *cobra.Command {
	var f verifyFlags
	var format string
	cmd := &cobra.Command{
		Use:   "log [REFERENCE…]",
		Short: "List every review that was signed: who, what, when, with which tool",
		Long: `log lists the reviews attached to the references, and those in --reviews, sorted by
the time at which they were signed, rejections and withdrawals included. Every
signature is verified; what strangers signed is listed as such. Nothing is hashed,
and whether a review is in force is not said: review status does that.

References can be read from a file, one per line, with --file.`,
		Example: `  modelcheck review log --reviews model-reviews --policy policy.yaml
  modelcheck review log ghcr.io/acme/tiny-r1:v1 --policy policy.yaml --output csv`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.many.file != "" {
				var err error
				if args, err = f.many.references(cmd, s, args); err != nil {
					return err
				}
			}
			return reviewLog(cmd.Context(), s, f, format, args)
		},
	}
	f.place.addAccess(cmd)
	f.trust.addPolicy(cmd)
	f.trust.roots.add(cmd)
	f.reviews.add(cmd)
	cmd.Flags().StringVar(&f.many.file, "file", "", "read references from `FILE`, one per line (- for stdin)")
	cmd.Flags().StringVarP(&format, "output", "o", "text", "`FORMAT`: text, csv, json or html")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "csv", "json", "html"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func reviewLog(ctx context.Context, s streams, f verifyFlags, format string, names []string) error {
	write, ok := registerFormats()[format]
	switch {
	case !ok:
		return usageError{hintError{fmt.Errorf("unknown format %q", format), "text, csv, json or html"}}
	case f.trust.policyFile == "":
		return usageError{hintError{errors.New("no --policy given"), "the policy says who reviews: --policy policy.yaml"}}
	case len(names) == 0 && f.reviews.folder == "":
		return usageError{hintError{errors.New("nothing to list"), "name references, or a folder of reviews: --reviews model-reviews"}}
	}
	var entries []registerEntry
	seen := map[artifact.Digest]bool{}
	add := func(pol *policy.Policy, subject artifact.Digest, reference string, reviews []policy.SignedReview) {
		for _, r := range reviews {
			if !seen[r.Statement] {
				seen[r.Statement] = true
				entries = append(entries, newEntry(pol.Author(r), r, subject, reference))
			}
		}
	}
	for _, name := range names {
		ref, err := parseReference(name)
		if err != nil {
			return err
		}
		checker, cfg, err := f.reader(s, ref)
		if err != nil {
			return err
		}
		found, err := checker.Recall(ctx, ref)
		if err != nil {
			return explain(err, nil)
		}
		add(cfg.Policy, found.Resolved.Digest, ref.String(), found.Reviews)
	}
	if f.reviews.folder != "" {
		checker, cfg, err := f.reader(s, artifact.Reference{})
		if err != nil {
			return err
		}
		subjects, err := folderSubjects(f.reviews.folder)
		if err != nil {
			return err
		}
		for _, subject := range subjects {
			reviews, err := checker.ReviewsOf(subject)
			if err != nil {
				return err
			}
			add(cfg.Policy, subject, "", reviews)
		}
	}
	slices.SortStableFunc(entries, func(a, b registerEntry) int {
		if c := a.SignedAt.Compare(b.SignedAt); c != 0 {
			return c
		}
		return a.Statement.Compare(b.Statement)
	})
	return write(s.out, entries)
}

// reader makes a checker that only recalls.
func (f verifyFlags) reader(s streams, ref artifact.Reference) (*check.Checker, check.Config, error) {
	cfg, err := f.prepare(s, ref)
	if err != nil {
		return nil, cfg, err
	}
	if !cfg.Policy.RequiresReviews() {
		return nil, cfg, usageError{hintError{errors.New("the policy asks for no reviews"), "name reviewers, criteria and require.reviews in it (docs/review-guide.md)"}}
	}
	checker, err := check.New(cfg)
	return checker, cfg, err
}

func newEntry(v policy.ReviewVerdict, s policy.SignedReview, subject artifact.Digest, reference string) registerEntry {
	e := registerEntry{
		SignedAt: v.SignedAt, Subject: subject, Reference: reference, Reviewer: v.Person, Role: v.Role, Kind: v.Kind.String(), Decision: v.Decision.String(),
		ExpiresAt: v.ExpiresAt, Statement: s.Statement, Code: v.Code, Identity: s.Candidate.Identity.KeyFingerprint + s.Candidate.Identity.Subject,
	}
	if r := s.Review; r != nil {
		e.Substance, e.Tool, e.Sentence = r.Reviewed.Substance, r.Tool, r.Statement
	} else {
		e.Sentence = v.Message
	}
	return e
}

// folderSubjects lists the artifacts of which a folder holds reviews.
func folderSubjects(folder string) ([]artifact.Digest, error) {
	var out []artifact.Digest
	for _, algorithm := range []string{"sha256", "sha512"} {
		entries, err := os.ReadDir(filepath.Join(folder, algorithm))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			d, err := artifact.ParseDigest(algorithm + ":" + e.Name())
			if err != nil {
				return nil, fmt.Errorf("%q in the folder of reviews: %w", e.Name(), err)
			}
			out = append(out, d)
		}
	}
	if _, err := os.Stat(folder); err != nil {
		return nil, err
	}
	return out, nil
}

func registerFormats() map[string]func(io.Writer, []registerEntry) error {
	return map[string]func(io.Writer, []registerEntry) error{
		"text": registerText, "csv": registerCSV, "html": registerHTML,
		"json": func(w io.Writer, entries []registerEntry) error {
			if entries == nil {
				entries = []registerEntry{}
			}
			return render.JSON(w, entries)
		},
	}
}

// cells are an entry in the order of registerHead.
func (e registerEntry) cells() []string {
	day := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339)
	}
	return []string{day(e.SignedAt), e.Subject.String(), e.Reference, e.Reviewer, e.Identity, e.Role, e.Kind, e.Decision, day(e.ExpiresAt), e.Tool, e.Code, e.Statement.String(), e.Sentence}
}

func registerHead() []string {
	return []string{"signed at", "subject", "reference", "reviewer", "identity", "role", "kind", "decision", "expires at", "tool", "code", "statement", "sentence"}
}

func registerText(w io.Writer, entries []registerEntry) error {
	var b strings.Builder
	for _, e := range entries {
		who := e.Reviewer
		if who == "" {
			who = "a stranger (" + e.Identity + ")"
		}
		when := "no trusted time"
		if !e.SignedAt.IsZero() {
			when = e.SignedAt.UTC().Format(time.RFC3339)
		}
		fmt.Fprintf(&b, "%-20s  %-10s %-24s %s as %s  [%s]\n  of %v %s\n  %s\n", when, e.Kind, e.Decision, printable(who), printable(e.Role), e.Code, e.Subject, printable(e.Reference), printable(e.Sentence))
	}
	fmt.Fprintf(&b, "%d reviews\n", len(entries))
	_, err := io.WriteString(w, b.String())
	return err
}

// registerCSV writes what a spreadsheet reads as text and never as a formula.
func registerCSV(w io.Writer, entries []registerEntry) error {
	out := csv.NewWriter(w)
	if err := out.Write(registerHead()); err != nil {
		return err
	}
	for _, e := range entries {
		cells := e.cells()
		for i, c := range cells {
			if c != "" && strings.ContainsRune("=+-@\t\r|%", rune(c[0])) {
				cells[i] = "'" + c
			}
		}
		if err := out.Write(cells); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

var registerPage = template.Must(template.New("register").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Register of model reviews</title>
<style>body{font:15px/1.5 system-ui,sans-serif;color:#1b1b1b;background:#fff;margin:2rem;overflow-wrap:anywhere}table{border-collapse:collapse;width:100%}caption{text-align:left;font-weight:600;padding:.5rem 0}th,td{border-bottom:1px solid #bbb;padding:.4rem;text-align:left;vertical-align:top}th{background:#eee}td{font-size:13px}@media print{body{margin:0}}</style></head>
<body><h1>Register of model reviews</h1><p>{{len .Entries}} signed statements, sorted by the time of signing. Whether a review is in force is not said here.</p>
<table><caption>Reviews</caption><thead><tr>{{range .Head}}<th scope="col">{{.}}</th>{{end}}</tr></thead>
<tbody>{{range .Entries}}<tr>{{range .}}<td>{{.}}</td>{{end}}</tr>{{end}}</tbody></table></body></html>
`))

func registerHTML(w io.Writer, entries []registerEntry) error {
	rows := make([][]string, len(entries))
	for i, e := range entries {
		for _, c := range e.cells() {
			rows[i] = append(rows[i], printable(c))
		}
	}
	return registerPage.Execute(w, struct {
		Head    []string
		Entries [][]string
	}{registerHead(), rows})
}
