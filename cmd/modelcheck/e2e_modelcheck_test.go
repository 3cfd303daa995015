//go:build e2e

package main_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"testing"
)

// Exit codes, as the help text promises them.
const (
	exitAllow     = 0
	exitNoVerdict = 1
	exitDeny      = 3
	exitHold      = 4
)

// A report is the part of `modelcheck verify --output json` that tests look at.
type report struct {
	Resolved struct {
		Digest string `json:"digest"`
	} `json:"resolved"`
	Verdict struct {
		Outcome string   `json:"outcome"`
		Reasons []reason `json:"reasons"`
	} `json:"verdict"`
	Signatures []struct {
		Verdict string `json:"verdict"`
		Code    string `json:"code"`
	} `json:"signatures"`
	ManifestDigest  string  `json:"manifestDigest"`
	SubstanceDigest string  `json:"substanceDigest"`
	Copied          *copied `json:"copied"`
	Error           *reason `json:"error"`
}

type reason struct {
	Code    string `json:"code"`
	Effect  string `json:"effect"`
	Message string `json:"message"`
}

// codes lists the codes of what decided: the reasons that lead to the verdict, and
// the error where there is none.
func (r report) codes() []string {
	var codes []string
	for _, reason := range r.Verdict.Reasons {
		if reason.Effect == r.Verdict.Outcome {
			codes = append(codes, reason.Code)
		}
	}
	if r.Error != nil {
		codes = append(codes, r.Error.Code)
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// A user runs the built binary.
type user struct {
	*workshop
	binary string
}

// newUser builds modelcheck.
func newUser(t *testing.T, w *workshop) user {
	t.Helper()
	binary := w.path("modelcheck")
	build(t, binary)
	return user{workshop: w, binary: binary}
}

// An outcome is how a run of modelcheck ended.
type outcome struct {
	report
	exit           int
	stdout, stderr []byte
}

// verify runs `modelcheck verify --output json`.
func (u user) verify(t *testing.T, args ...string) outcome {
	t.Helper()
	return u.judge(t, "verify", args...)
}

// judge runs a command that ends with a verdict. Whatever the verdict is, stdout
// must be one JSON document.
func (u user) judge(t *testing.T, command string, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := u.command(beforeDeadline(t), u.binary, append([]string{command, "--output", "json"}, args...)...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	code, err := exitCode(cmd.Run())
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	return readOutcome(t, code, stdout.Bytes(), stderr.Bytes())
}

func readOutcome(t *testing.T, code int, stdout, stderr []byte) outcome {
	t.Helper()
	o := outcome{exit: code, stdout: stdout, stderr: stderr}
	if err := json.Unmarshal(stdout, &o.report); err != nil {
		t.Fatalf("exit %d, and stdout is not a report: %v\nstdout: %s\nstderr: %s", code, err, stdout, stderr)
	}
	return o
}

// expect checks the exit code, the verdict's word, and that the code is the one
// reason for it; an empty code is not looked for.
func (o outcome) expect(t *testing.T, exit int, word, code string) {
	t.Helper()
	if o.exit == exit && o.Verdict.Outcome == word && (code == "" || slices.Equal(o.codes(), []string{code})) {
		return
	}
	said, err := json.MarshalIndent(o.report, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	t.Errorf("exit %d, %q for %q, want %d, %q for %q\n%s\n%s", o.exit, o.Verdict.Outcome, o.codes(), exit, word, code, said, o.stderr)
}

// trust builds the flags that name a keyless signer.
func (s *sigstore) trust(subject, issuer string) []string {
	return []string{"--certificate-identity", subject, "--certificate-oidc-issuer", issuer, "--trusted-root", s.trustedRoot}
}

// build compiles the command in this folder as it is shipped (Makefile,
// deploy/kubernetes/Containerfile), with the environment of the test: the Go
// command needs its caches.
func build(t *testing.T, binary string, flags ...string) {
	t.Helper()
	cmd := exec.CommandContext(beforeDeadline(t), "go", slices.Concat([]string{"build", "-trimpath", "-o", binary}, flags, []string{"."})...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("building modelcheck: %v\n%s", err, out)
	}
}
