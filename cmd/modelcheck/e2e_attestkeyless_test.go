//go:build e2e

package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// TestE2EAttestKeyless: what a workflow attests by its identity alone, the real
// cosign accepts as that workflow's, and modelcheck in place of hashing where
// the policy names it: by the time of the log and for no longer than it says.
func TestE2EAttestKeyless(t *testing.T) {
	b := startBed(t)
	u := newUser(t, b.workshop)
	key := b.newKey(t, "release")
	folder := t.TempDir()
	writeFiles(t, folder, tinyModel())
	verifierNamed := func(name, subject, issuer string, more ...string) string {
		return b.write(t, name+".yaml", fmt.Appendf(nil, `apiVersion: modelcheck/v1
kind: Policy
trustedRoots:
  - {name: bed, file: %q}
signers:
  - {name: release, relation: producer, key: {file: %q}}
  - {name: ci, relation: verifier, keyless: {issuer: %q, subject: %q}}
require:
  signatures: {anyOf: [release]}
summaries: {signedBy: {anyOf: [ci]}, maxAge: 1d%s}
`, b.trustedRoot, key.public, issuer, subject, strings.Join(more, "")))
	}
	named := verifierNamed("named", workflowSubject, b.workflows.url)
	for _, reg := range b.registries {
		t.Run(reg.name, func(t *testing.T) {
			p, bare := b.push(t, reg, "attest/keyless", folder), b.push(t, reg, "attest/bare", folder)
			for _, p := range []published{p, bare} {
				u.sign(t, 0, nil, p.tag(), "--key", key.private)
			}
			judged := u.attest(t, exitAllow, b.workflows.workflow(t), append(b.services(), p.tag(), "--policy", named)...)
			for _, predicate := range []string{provenance.SummaryType, provenance.ResultType, provenance.PredicateType} {
				b.run(t, "cosign", cosignKeylessStatement(b, p, predicate, workflowSubject, b.workflows.url)...)
				for _, other := range [][2]string{{mallory, b.workflows.url}, {workflowSubject, b.people.url}} {
					cmd := u.command(beforeDeadline(t), os.Getenv("MODELCHECK_TOOLS")+"/cosign", cosignKeylessStatement(b, p, predicate, other[0], other[1])...)
					if code, err := exitCode(cmd.Run()); err != nil || code == 0 {
						t.Errorf("cosign takes %s for one of %q: exit %d, %v", predicate, other, code, err)
					}
				}
			}
			accepted := u.verify(t, "--policy", named, "--accept-summary", p.tag())
			accepted.expect(t, exitAllow, "allow", "")
			if accepted.ManifestDigest != "" {
				t.Error("a manifest without hashing")
			}

			also := fmt.Sprintf(", policies: [%q]", judged) // no other reason to refuse is left
			for name, tc := range map[string]struct {
				policy string
				p      published
				code   string
			}{
				"another identity":       {verifierNamed("identity", strings.Replace(workflowSubject, "release.yml", "other.yml", 1), b.workflows.url, also), p, provenance.CodeSummaryWrongSigner},
				"another issuer":         {verifierNamed("issuer", workflowSubject, b.people.url, also), p, provenance.CodeSummaryWrongSigner},
				"another policy":         {verifierNamed("policy", workflowSubject, b.workflows.url, ", verifier: https://verify.example/v1"), p, provenance.CodeSummaryWrongPolicy},
				"no summary":             {named, bare, provenance.CodeSummaryMissing},
				"another name of itself": {verifierNamed("self", workflowSubject, b.workflows.url, also, ", verifier: https://verify.example/v1"), p, provenance.CodeSummaryWrongSigner},
			} {
				t.Run(name, func(t *testing.T) {
					u.verify(t, "--policy", tc.policy, "--accept-summary", tc.p.tag()).expect(t, exitDeny, "deny", tc.code)
				})
			}
			for days, want := range map[int]string{0: "", 2: provenance.CodeSummaryStale} {
				if got := acceptedAfter(t, named, p, days); got.Allowed() != (want == "") || want != "" && !strings.Contains(fmt.Sprint(got.Reasons), want) {
					t.Errorf("after %d days: %+v", days, got)
				}
			}
		})
	}
	t.Run("a token of nobody's", func(t *testing.T) {
		p := b.push(t, b.registries[0], "attest/nobody", folder)
		u.sign(t, 0, nil, p.tag(), "--key", key.private)
		u.attest(t, exitNoVerdict, startIssuer(t).workflow(t), append(b.services(), p.tag(), "--policy", named)...)
		u.verify(t, "--policy", named, "--accept-summary", p.tag()).expect(t, exitDeny, "deny", provenance.CodeSummaryMissing)
	})
}

func cosignKeylessStatement(b *bed, p published, predicate, subject, issuer string) []string {
	return []string{"verify-attestation", "--allow-http-registry", "--trusted-root", b.trustedRoot, "--use-signed-timestamps",
		"--type", predicate, "--certificate-identity", subject, "--certificate-oidc-issuer", issuer, p.pinned()}
}

// attest runs modelcheck attest as the job that the token speaks for, wants the
// exit code, and gives the digest of the policy.
func (u user) attest(t *testing.T, exit int, token string, args ...string) string {
	t.Helper()
	var out, talk bytes.Buffer
	cmd := u.command(beforeDeadline(t), u.binary, append([]string{"attest", "--output", "json"}, args...)...)
	cmd.Env = append(cmd.Env, "SIGSTORE_ID_TOKEN="+token)
	cmd.Stdout, cmd.Stderr = &out, &talk
	var got struct{ Verdict struct{ Policy string } }
	if code, err := exitCode(cmd.Run()); err != nil || code != exit || json.Unmarshal(out.Bytes(), &got) != nil {
		t.Fatalf("exit %d (%v), want %d\n%s%s", code, err, exit, &out, &talk)
	}
	return got.Verdict.Policy
}

// acceptedAfter judges by summaries at a later time.
func acceptedAfter(t *testing.T, file string, p published, days int) policy.Verdict {
	t.Helper()
	pol, err := policy.Parse(readFile(t, file))
	if err == nil {
		err = pol.Resolve(os.ReadFile)
	}
	if err != nil {
		t.Fatal(err)
	}
	ref, err := artifact.ParseReference(p.pinned())
	if err != nil {
		t.Fatal(err)
	}
	checker, err := check.New(check.Config{Policy: pol, Now: func() time.Time { return time.Now().AddDate(0, 0, days) }})
	if err != nil {
		t.Fatal(err)
	}
	report, err := checker.Accept(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return report.Verdict
}
