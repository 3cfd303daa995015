//go:build e2e

package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/render"
	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

const (
	lena = "lena@legal.example"
	marc = "marc@risk.example"
	nora = "nora@risk.example"
)

// A reviewing is a model under review: who reviews it, under which policy.
type reviewing struct {
	*bed
	by     user
	p      published
	policy string
}

// startReviewing publishes DeepSeek-R1 as its publisher signs it, keyless, under
// a regulated policy that names two reviewers' roles.
func startReviewing(t *testing.T, edit func(files map[string][]byte)) *reviewing {
	t.Helper()
	b := startBed(t)
	r := &reviewing{bed: b, by: newUser(t, b.workshop)}
	r.p = r.publish(t, "review/r1", edit)
	r.policy = r.writePolicy(t, "regulated.yaml", nil)
	return r
}

func (r *reviewing) publish(t *testing.T, repository string, edit func(files map[string][]byte)) published {
	t.Helper()
	files := seedModel(t, "deepseek-r1")
	if edit != nil {
		edit(files)
	}
	folder := t.TempDir()
	writeFiles(t, folder, files)
	p := r.push(t, r.registries[0], repository, folder)
	r.by.sign(t, 0, nil, append(r.services(), "--identity-token", r.people.person(t, alice), p.tag())...)
	return p
}

// writePolicy writes the starter policy for regulated use, as "policy init"
// gives it, with this bed's root and people filled in, and a second reviewer of
// model risk.
func (r *reviewing) writePolicy(t *testing.T, name string, edit func(string) string) string {
	t.Helper()
	text, _ := r.modelcheck(t, 0, "policy", "init", "--starter", "regulated")
	keyless := func(subject string) string {
		return fmt.Sprintf("keyless: {issuer: %q, subject: %q}", r.people.url, subject)
	}
	key := func(file string) string { return "key:\n      file: " + file + "\n" }
	example := func(subject string) string {
		return "keyless:\n      issuer: https://accounts.example.com\n      subject: " + subject + "\n"
	}
	for _, f := range []struct{ from, to string }{
		{"file: trusted_root.json", fmt.Sprintf("file: %q", r.trustedRoot)},
		{key("producer.pub"), keyless(alice) + "\n"},
		{key("cosign.pub"), fmt.Sprintf("key: {file: %q}\n", absolute(t, "../../testdata/keys/demo.pub"))},
		{example("legal@example.com"), keyless(lena) + "\n"},
		{example("risk@example.com"), keyless(marc) + "\n  - name: second-risk-officer\n    " + keyless(nora) + "\n"},
		{"  - {name: Risk officer,", "  - {name: Second risk officer, roles: [model-risk], signers: [second-risk-officer]}\n  - {name: Risk officer,"},
		{"models: [acme/approved-base]", "models: [DeepSeek-V3-Base]"},
	} {
		if strings.Count(text, f.from) != 1 {
			t.Fatalf("the starter does not hold %q once:\n%s", f.from, text)
		}
		text = strings.Replace(text, f.from, f.to, 1)
	}
	if edit != nil {
		text = edit(text)
	}
	file := r.write(t, name, []byte(text))
	r.modelcheck(t, 0, "policy", "lint", file)
	return file
}

func absolute(t *testing.T, name string) string {
	t.Helper()
	name, err := filepath.Abs(name)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// modelcheck runs the binary and wants the exit code.
func (r *reviewing) modelcheck(t *testing.T, exit int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, talk bytes.Buffer
	cmd := r.command(beforeDeadline(t), r.by.binary, args...)
	cmd.Stdout, cmd.Stderr = &out, &talk
	if code, err := exitCode(cmd.Run()); err != nil || code != exit {
		t.Fatalf("modelcheck %s: exit %d (%v), want %d\n%s%s", strings.Join(args, " "), code, err, exit, &out, &talk)
	}
	return out.String(), talk.String()
}

// code is what a reviewer types after reading the sheet.
func (r *reviewing) code(t *testing.T, p published) string {
	t.Helper()
	_, stderr := r.modelcheck(t, 0, "review", "show", p.pinned(), "--policy", r.policy)
	found := regexp.MustCompile(`report code ([0-9a-z]{8})`).FindStringSubmatch(stderr)
	if found == nil {
		t.Fatalf("no code in %s", stderr)
	}
	return found[1]
}

// as are the flags by which somebody signs keyless.
func (r *reviewing) as(t *testing.T, email string) []string {
	t.Helper()
	return append(r.services(), "--identity-token", r.people.person(t, email), "--reviewer", email)
}

func (r *reviewing) review(t *testing.T, p published, email string, args ...string) {
	t.Helper()
	args = append([]string{"review", "sign", p.pinned(), "--policy", r.policy, "--code", r.code(t, p)}, args...)
	r.modelcheck(t, 0, append(args, r.as(t, email)...)...)
}

// conditional is the decision of model risk: one rule waived, two conditions.
func (r *reviewing) conditional(t *testing.T) string {
	t.Helper()
	return r.write(t, "risk.yaml", []byte(`role: model-risk
decision: approve-with-conditions
expires: 90d
criteria:
  - {id: training-data-disclosed, result: met, note: Enough for the uses that c1 leaves.}
waivers:
  - {id: w1, rule: training-summary-present, justification: compensating-control, owner: cro@risk.example, statement: Outputs are filtered., expires: 60d}
conditions:
  - {id: c1, text: No customer data in prompts.}
  - {id: c2, text: The weights are safetensors., rule: 'every(files, f, f.role != "weights" || f.format == "safetensors")'}
`))
}

func (r *reviewing) approve(t *testing.T, p published) {
	t.Helper()
	r.review(t, p, lena, "--role", "legal", "--decision", "approve", "--met", "license-acceptable")
	r.review(t, p, marc, "--decision-file", r.conditional(t))
}

func (r *reviewing) judge(t *testing.T, p published, args ...string) outcome {
	t.Helper()
	return r.by.verify(t, append([]string{p.pinned(), "--policy", r.policy}, args...)...)
}

// next wants "review status" to name a command.
func (r *reviewing) next(t *testing.T, p published, exit int, policy, command string) {
	t.Helper()
	status, _ := r.modelcheck(t, exit, "review", "status", p.pinned(), "--policy", policy)
	if _, steps, _ := strings.Cut(status, "Next, "); !strings.Contains(steps, command) {
		t.Errorf("no %q in %s", command, status)
	}
}

// statement finds the statement of a person's review.
func (r *reviewing) statement(t *testing.T, p published, person string) string {
	t.Helper()
	var got struct {
		Reviews struct {
			Reviews []struct{ Statement, Person, Code string }
		}
	}
	if err := json.Unmarshal(r.judge(t, p).stdout, &got); err != nil {
		t.Fatal(err)
	}
	for _, v := range got.Reviews.Reviews {
		if v.Person == person && v.Code == "review-counted" {
			return v.Statement
		}
	}
	t.Fatalf("%s has no review that counts: %+v", person, got)
	return ""
}

// TestE2EReview takes DeepSeek-R1 from hold to allow by three people with
// keyless signatures, and turns it back in each way there is.
func TestE2EReview(t *testing.T) {
	r := startReviewing(t, nil)
	before := r.judge(t, r.p)
	before.expectAll(t, exitHold, "hold", "review-missing", "rule-not-met")
	r.approve(t, r.p)
	after := r.judge(t, r.p)
	after.expect(t, exitAllow, "allow", "")
	after.mentions(t, "rule-waived")

	t.Run("cosign accepts the statement", func(t *testing.T) {
		r.run(t, "cosign", "verify-attestation", "--allow-http-registry", "--trusted-root", r.trustedRoot, "--use-signed-timestamps",
			"--type", "https://github.com/modelcheck/modelcheck/model-review/v1", "--certificate-identity", lena, "--certificate-oidc-issuer", r.people.url, r.p.pinned())
	})
	t.Run("another version of the tool", func(t *testing.T) {
		other := filepath.Join(t.TempDir(), "modelcheck")
		build(t, other, "-ldflags", "-X main.version=v99.0.0")
		u := r.by
		u.binary = other
		u.verify(t, r.p.pinned(), "--policy", r.policy).expect(t, exitAllow, "allow", "")
	})
	t.Run("signed again by the same signer", func(t *testing.T) {
		before := r.judge(t, r.p).SubstanceDigest
		r.by.sign(t, 0, nil, append(r.services(), "--identity-token", r.people.person(t, alice), r.p.pinned())...)
		o := r.judge(t, r.p)
		o.expect(t, exitAllow, "allow", "")
		if o.SubstanceDigest != before {
			t.Error("signing again changed the substance")
		}
	})
	t.Run("expiry", func(t *testing.T) {
		// Marc's approval ends after 90 days, Lena's after 180.
		for days, want := range map[int]string{0: "allow", 100: "hold", 200: "hold"} {
			if got := r.judgedAfter(t, r.p, days); got.Verdict.Outcome.String() != want {
				t.Errorf("after %d days: %+v", days, got.Verdict)
			} else if days > 0 && !strings.Contains(fmt.Sprint(got.Verdict.Reasons), "review-expired") {
				t.Errorf("after %d days: %+v", days, got.Verdict.Reasons)
			} else if days > 0 {
				var status bytes.Buffer
				err := render.ReviewStatus(&status, got, time.Now(), func(verb string) string { return "modelcheck review " + verb })
				if err != nil || !strings.Contains(status.String(), "modelcheck review renew") {
					t.Errorf("after %d days: %v, %s", days, err, &status)
				}
			}
		}
	})
	t.Run("policy change", func(t *testing.T) {
		stricter := r.writePolicy(t, "stricter.yaml", func(s string) string { return strings.Replace(s, "maxAge: 180d", "maxAge: 30d", 1) })
		o := r.by.verify(t, r.p.pinned(), "--policy", stricter)
		o.expectAll(t, exitHold, "hold", "review-missing", "rule-not-met")
		o.mentions(t, "review-policy-changed")
		r.next(t, r.p, exitHold, stricter, "modelcheck review start "+r.p.pinned())
	})
	t.Run("new named signer", func(t *testing.T) {
		both := r.writePolicy(t, "both.yaml", func(s string) string {
			s = strings.Replace(s, "signers:\n", fmt.Sprintf("signers:\n  - {name: second, keyless: {issuer: %q, subject: %q}}\n", r.people.url, mallory), 1)
			return strings.Replace(s, "anyOf: [producer, platform-team]", "anyOf: [producer, platform-team, second]", 1)
		})
		p := r.publish(t, "review/second", nil)
		saved := r.policy
		r.policy = both
		defer func() { r.policy = saved }()
		r.approve(t, p)
		r.judge(t, p).expect(t, exitAllow, "allow", "")
		r.by.sign(t, 0, nil, append(r.services(), "--identity-token", r.people.person(t, mallory), p.pinned())...)
		o := r.judge(t, p)
		o.expectAll(t, exitHold, "hold", "review-missing", "rule-not-met")
		o.mentions(t, "review-outdated")
	})
	t.Run("new licence text", func(t *testing.T) {
		p := r.publish(t, "review/licence", func(files map[string][]byte) {
			files["LICENSE"] = append(files["LICENSE"], "\nUse by competitors is not permitted.\n"...)
		})
		o := r.judge(t, p)
		o.expectAll(t, exitDeny, "deny", "rule-not-met") // a licence that nobody knows is not among those allowed
		o.mentions(t, "license-allowed")
		o.mentions(t, "review-missing")
		r.next(t, p, exitDeny, r.policy, "modelcheck review start "+p.pinned())
		// The same reviews, copied to it, are about another artifact.
		r.copySignatures(t, r.p, p)
		o = r.judge(t, p)
		o.expectAll(t, exitDeny, "deny", "rule-not-met")
		o.mentions(t, "review-missing")
	})
	t.Run("withdrawal", func(t *testing.T) {
		p := r.publish(t, "review/withdrawal", func(files map[string][]byte) { files["NOTICE"] = []byte("a\n") })
		r.approve(t, p)
		r.judge(t, p).expect(t, exitAllow, "allow", "")
		r.modelcheck(t, 0, append([]string{"review", "withdraw", p.pinned(), "--policy", r.policy, "--role", "model-risk", "--reason", "second thoughts",
			"--statement-digest", r.statement(t, p, "Legal officer")}, r.as(t, nora)...)...)
		o := r.judge(t, p)
		o.expect(t, exitHold, "hold", "review-missing")
		o.mentions(t, "review-withdrawn")
		r.next(t, p, exitHold, r.policy, "modelcheck review start "+p.pinned())
	})
	t.Run("violation", func(t *testing.T) {
		p := r.publish(t, "review/violation", func(files map[string][]byte) { files["NOTICE"] = []byte("b\n") })
		r.approve(t, p)
		r.modelcheck(t, 0, append([]string{"review", "violation", p.pinned(), "--policy", r.policy, "--role", "model-risk", "--reason", "leaks data"}, r.as(t, nora)...)...)
		r.judge(t, p).expect(t, exitDeny, "deny", "review-violation")
		r.next(t, p, exitDeny, r.policy, "modelcheck review withdraw "+p.pinned())
	})
	t.Run("two at the same moment", func(t *testing.T) {
		p := r.publish(t, "review/together", func(files map[string][]byte) { files["NOTICE"] = []byte("c\n") })
		code, risk := r.code(t, p), r.conditional(t)
		signs := [][]string{
			append([]string{"review", "sign", p.pinned(), "--policy", r.policy, "--code", code, "--role", "legal", "--decision", "approve", "--met", "license-acceptable"}, r.as(t, lena)...),
			append([]string{"review", "sign", p.pinned(), "--policy", r.policy, "--code", code, "--decision-file", risk}, r.as(t, marc)...),
		}
		var wait sync.WaitGroup
		for _, args := range signs {
			wait.Go(func() {
				if out, err := r.command(beforeDeadline(t), r.by.binary, args...).CombinedOutput(); err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
		wait.Wait()
		r.judge(t, p).expect(t, exitAllow, "allow", "")
	})
	t.Run("somebody else's certificate", func(t *testing.T) {
		args := append([]string{"review", "sign", r.p.pinned(), "--policy", r.policy, "--code", r.code(t, r.p), "--role", "legal", "--decision", "approve", "--met", "license-acceptable"}, r.services()...)
		_, stderr := r.modelcheck(t, 1, append(args, "--identity-token", r.people.person(t, mallory), "--reviewer", lena)...)
		if !strings.Contains(stderr, "names another reviewer") {
			t.Error(stderr)
		}
	})
}

// judgedAfter judges at a later time.
func (r *reviewing) judgedAfter(t *testing.T, p published, days int) *check.Report {
	t.Helper()
	pol, err := policy.Parse(readFile(t, r.policy))
	if err != nil {
		t.Fatal(err)
	}
	if err := pol.Resolve(os.ReadFile); err != nil {
		t.Fatal(err)
	}
	checker, err := check.New(check.Config{Policy: pol, Now: func() time.Time { return time.Now().AddDate(0, 0, days) }})
	if err != nil {
		t.Fatal(err)
	}
	ref, err := artifact.ParseReference(p.pinned())
	if err != nil {
		t.Fatal(err)
	}
	report, err := checker.Examine(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// expectAll checks the exit code, the verdict's word, and that these codes, and
// no others, speak against the model.
func (o outcome) expectAll(t *testing.T, exit int, word string, codes ...string) {
	t.Helper()
	if got := o.codes(); o.exit != exit || o.Verdict.Outcome != word || !slices.Equal(got, codes) {
		t.Errorf("exit %d, %q for %q, want %d, %q for %q\n%s\n%s", o.exit, o.Verdict.Outcome, got, exit, word, codes, o.stdout, o.stderr)
	}
}

// mentions wants a code among all that the report says.
func (o outcome) mentions(t *testing.T, code string) {
	t.Helper()
	if !bytes.Contains(o.stdout, []byte(`"`+code+`"`)) && !bytes.Contains(o.stdout, []byte("["+code+"]")) {
		t.Errorf("%q is not among the reasons: %s", code, o.stdout)
	}
}
