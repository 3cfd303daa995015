package render

import (
	"fmt"
	"html"
	"strings"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// readable undoes what the formats do to keep text from being markup, and line
// breaks.
func readable(doc string) string {
	return strings.Join(strings.Fields(html.UnescapeString(strings.NewReplacer("<span>", "", "</span>", "", "<br>", "").Replace(doc))), " ")
}

// TestRunShown: what stood for hashing, what was attached and what was set
// elsewhere than on the command line stand in each format for people; where
// there is none of it, no format speaks of it.
func TestRunShown(t *testing.T) {
	digest := artifact.SumSHA256([]byte("record"))
	summary := func(edit func(*check.Report)) *check.Report {
		r := report(t, "allow")
		r.Manifest, r.ManifestDigest, r.SubstanceDigest = nil, artifact.Digest{}, artifact.Digest{}
		r.Summary = &check.SummaryReport{Accepted: true, Verifiers: []string{"ci"}, VerifiedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), ManifestDigest: digest}
		edit(r)
		return r
	}
	const (
		rests   = "it rests on what “ci” says to have verified at 2026-01-02T03:04:05Z"
		refused = "no verification summary was accepted in its place"
		alone   = "its record was not found, so that its word stands alone"
		loosens = "--fail-on=deny (environment MODELCHECK_FAIL_ON; it loosens the check)"
	)
	for name, tc := range map[string]struct {
		report *check.Report
		want   []string
		not    []string
	}{
		"a summary alone":    {summary(func(*check.Report) {}), []string{rests, alone, digest.String()}, []string{refused, "Settings", "every size and digest matches"}},
		"its record as well": {summary(func(r *check.Report) { r.Summary.Recalled = true }), []string{rests, "its record was recalled and judged again"}, []string{alone}},
		"no summary":         {summary(func(r *check.Report) { r.Summary = &check.SummaryReport{}; r.Verdict.Outcome = 0 }), []string{refused}, []string{rests, digest.String()}},
		"settings": {summary(func(r *check.Report) {
			r.Settings = []check.Setting{{Flag: "fail-on", Value: "deny", Source: "environment", Name: "MODELCHECK_FAIL_ON", Loosens: true}, {Flag: "timeout", Value: "<b>\x1b", Source: "configuration file", Name: "modelcheck.yaml"}}
		}), []string{"Settings", loosens, `--timeout=<b>\x1b (configuration file modelcheck.yaml)`}, []string{"\x1b"}},
		"recorded": {summary(func(r *check.Report) {
			r.Recorded = []check.RecordedStatement{{PredicateType: provenance.SummaryType, Result: "PASSED", Attached: check.Attached{Digest: digest}}}
		}), []string{"Recorded", provenance.SummaryType + " PASSED", "attached as " + digest.String()}, nil},
		"hashed": {report(t, "allow"), []string{"every size and digest matches"}, []string{rests, refused, loosens}},
	} {
		for _, format := range []string{"txt", "md", "html"} {
			raw := rendered(t, format, tc.report)
			got := readable(raw)
			for _, want := range tc.want {
				if !strings.Contains(got, want) {
					t.Errorf("%s: %q is not in %s:\n%s", name, want, format, raw)
				}
			}
			for _, not := range tc.not {
				if strings.Contains(got, not) {
					t.Errorf("%s: %q is in %s", name, not, format)
				}
			}
		}
	}
}

// TestManyAlike: of reasons and findings of one code the first eight are told
// and the others counted; none of another code is lost behind them.
func TestManyAlike(t *testing.T) {
	for n, want := range map[int]string{8: "", 9: "", 10: "and 2 more", 40: "and 32 more"} {
		r := report(t, "allow")
		r.Verdict.Outcome = policy.Deny
		r.Verdict.Reasons, r.Manifest.Findings = nil, nil
		for i := range n {
			at := fmt.Sprintf("part-%02d", i)
			r.Verdict.Reasons = append(r.Verdict.Reasons, policy.Reason{Code: provenance.CodeFormatMalformed, Effect: policy.Deny, Message: "reason " + at})
			r.Manifest.Findings = append(r.Manifest.Findings, provenance.Finding{ID: provenance.CodeFormatMalformed, Detail: "finding " + at})
		}
		r.Verdict.Reasons = append(r.Verdict.Reasons, policy.Reason{Code: provenance.CodeFormatMalformed, Effect: policy.Hold, Message: "of another effect"})
		r.Manifest.Findings = append(r.Manifest.Findings, provenance.Finding{ID: provenance.CodeFormatMismatch, Detail: "of another code"})
		got := readable(rendered(t, "txt", r))
		told := n
		if want != "" {
			told = 8
			if strings.Count(got, want+"; --output json lists them all [format-malformed]") != 2 {
				t.Errorf("%d: %q does not stand twice", n, want)
			}
		}
		for what, times := range map[string]int{"deny reason part-": told, "finding part-": told, "of another effect": 1, "of another code": 1} {
			if strings.Count(got, what) != times {
				t.Errorf("%d: %q stands %d times, want %d", n, what, strings.Count(got, what), times)
			}
		}
	}
}
