package render

import (
	"encoding/xml"
	"regexp"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

// success are the words by which a person or a grep would take a report for a
// good one.
var success = regexp.MustCompile(`(?i)\b(allow|allowed|pass|passed|success|succeeded|ok|approved)\b|[✓✔✅]`)

// TestNoSuccessWord: no format of a report that does not allow says a word of
// success, whatever else it holds.
func TestNoSuccessWord(t *testing.T) {
	for _, name := range []string{"deny", "hold", "failure"} {
		for format := range formats {
			text := rendered(t, format, report(t, name))
			if m := success.FindString(text); m != "" {
				t.Errorf("%s.%s says %q", name, format, m)
			}
		}
	}
	// The same where a signature holds and something else denies.
	r := report(t, "allow")
	r.Verdict.Outcome = policy.Deny
	r.Verdict.Reasons = append([]policy.Reason{{Code: "config-malformed", Effect: policy.Deny, Message: "two answers", Subject: "config.json"}}, r.Verdict.Reasons...)
	for format := range formats {
		if format == "txt" {
			continue // keeps the words of policy.Outcome for its reasons
		}
		if m := success.FindString(rendered(t, format, r)); m != "" {
			t.Errorf("a denied model with a good signature: %s says %q", format, m)
		}
	}
}

// TestFirstWord: the verdict stands at the top of what people read.
func TestFirstWord(t *testing.T) {
	for name, word := range map[string]string{"allow": "ALLOW", "deny": "DENY", "hold": "HOLD", "failure": "NO VERDICT"} {
		r := report(t, name)
		for format, prefix := range map[string]string{"md": "## " + word + " — ", "txt": word + "  ", "github": "::"} {
			if text := rendered(t, format, r); !strings.HasPrefix(text, prefix) {
				t.Errorf("%s.%s begins with %.40q", name, format, text)
			}
		}
		if text := rendered(t, "html", r); !strings.Contains(text, `<h1 class="word">`+word+`</h1>`) {
			t.Errorf("%s.html does not say %s", name, word)
		}
		first, _, _ := strings.Cut(rendered(t, "github", r), "\n")
		if (name == "allow") != strings.HasPrefix(first, "::notice ") {
			t.Errorf("%s: first annotation %q", name, first)
		}
	}
}

// TestJUnitFails: counts are right, and a suite is without failure and error
// only where the verdict allows.
func TestJUnitFails(t *testing.T) {
	undecided := &check.Report{Reference: "a.b/c:d"}
	reports := map[string]*check.Report{"zero": undecided, "inspected": {Reference: "a.b/c:d", Inspected: true}}
	for _, rec := range recordedReports() {
		reports[rec.name] = report(t, rec.name)
	}
	for name, r := range reports {
		var doc junitSuites
		if err := xml.Unmarshal([]byte(rendered(t, "junit.xml", r)), &doc); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		s := doc.Suites[0]
		failures, errs, skipped := 0, 0, 0
		for _, c := range s.Cases {
			switch {
			case c.Error != nil:
				errs++
			case c.Failure != nil:
				failures++
			case c.Skipped != nil:
				skipped++
			}
		}
		if s.Tests != len(s.Cases) || s.Failures != failures || s.Errors != errs || s.Skipped != skipped || doc.Tests != s.Tests || doc.Failures != failures || doc.Errors != errs {
			t.Errorf("%s: counts of %+v", name, s)
		}
		if bad := failures + errs; (bad == 0) != r.Verdict.Allowed() {
			t.Errorf("%s: %d failures and errors, verdict %v", name, bad, r.Verdict.Outcome)
		}
		if (errs > 0) != (r.Verdict.Outcome == policy.Undecided) {
			t.Errorf("%s: %d errors, verdict %v", name, errs, r.Verdict.Outcome)
		}
	}
}
