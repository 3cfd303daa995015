package check_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

func sampleLock(t testing.TB) (*check.Lock, []byte) {
	t.Helper()
	d := artifact.SumSHA256([]byte("x"))
	l := &check.Lock{LockVersion: check.LockVersion, Policy: d, Models: []check.LockedModel{
		{Reference: "r.example/a:v1", Digest: d, ManifestDigest: d, SubstanceDigest: d},
		{Reference: "r.example/b:v1", Digest: d, ManifestDigest: d, SubstanceDigest: d},
	}}
	b, err := l.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return l, b
}

// TestParseLock: what was edited is refused, with its place.
func TestParseLock(t *testing.T) {
	_, good := sampleLock(t)
	if _, err := check.ParseLock(good); err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string][2]string{
		"twice": {"r.example/b:v1", "r.example/a:v1"}, "order": {"r.example/a:v1", "r.example/z:v1"}, "spelling": {"r.example/a:v1", "oci://r.example/a:v1"},
		"no tag": {"r.example/a:v1", "r.example/a"}, "unknown": {"lockVersion", "lockversion"}, "space": {"{\n", "{\n\n"}, "digest": {"sha256:", "sha256"},
		"more": {"\n}\n", "\n}\n{}"}, "duplicate": {`"policy"`, `"policy": "", "policy"`}, "cut": {"]", ""},
	} {
		_, err := check.ParseLock([]byte(strings.Replace(string(good), edit[0], edit[1], 1)))
		var at *check.LockError
		if !errors.As(err, &at) || at.Line < 1 || at.Column < 1 || !errors.Is(err, check.ErrLock) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLockHold: a lock only ever denies.
func TestLockHold(t *testing.T) {
	l, _ := sampleLock(t)
	d, other := l.Policy, artifact.SumSHA256([]byte("other"))
	for name, tc := range map[string]struct {
		edit func(*check.Report)
		want policy.Outcome
	}{
		"the same":           {func(*check.Report) {}, policy.Allow},
		"held":               {func(r *check.Report) { r.Verdict.Outcome = policy.Hold }, policy.Hold},
		"no verdict":         {func(r *check.Report) { r.Verdict.Outcome = policy.Undecided }, policy.Undecided},
		"other bytes":        {func(r *check.Report) { r.Resolved.Digest = other }, policy.Deny},
		"nothing":            {func(r *check.Report) { r.Resolved = nil }, policy.Deny},
		"other policy":       {func(r *check.Report) { r.Verdict.Policy = other }, policy.Deny},
		"other record":       {func(r *check.Report) { r.SubstanceDigest = other }, policy.Deny},
		"no record":          {func(r *check.Report) { r.SubstanceDigest = artifact.Digest{} }, policy.Deny},
		"other summary":      {func(r *check.Report) { r.Summary = &check.SummaryReport{Accepted: true, SubstanceDigest: other} }, policy.Deny},
		"summary of nothing": {func(r *check.Report) { r.Summary = &check.SummaryReport{Accepted: true} }, policy.Deny},
		"held, other bytes":  {func(r *check.Report) { r.Verdict.Outcome, r.Resolved.Digest = policy.Hold, other }, policy.Deny},
	} {
		r := &check.Report{Resolved: &check.Resolved{Digest: d}, SubstanceDigest: d, Verdict: policy.Verdict{Outcome: policy.Allow, Policy: d}}
		tc.edit(r)
		l.Hold(l.Models[0], r)
		if r.Verdict.Outcome != tc.want || has(r, provenance.CodeLockDrift) != (tc.want == policy.Deny) || r.Summary != nil && r.Summary.Accepted {
			t.Errorf("%s: %+v", name, r.Verdict)
		}
	}
	if _, err := check.NewLock([]*check.Report{{Verdict: policy.Verdict{Outcome: policy.Allow}}}); !errors.Is(err, check.ErrLock) {
		t.Errorf("a report without a record was locked: %v", err)
	}
	if r := check.NotLocked(reference(t, "dir:x"), ""); r.Verdict.Outcome != policy.Deny || !has(r, provenance.CodeLockMissing) {
		t.Errorf("%+v", r.Verdict)
	}
}

// FuzzParseLock: what is read is written as it was.
func FuzzParseLock(f *testing.F) {
	_, good := sampleLock(f)
	f.Add(good)
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := check.ParseLock(data)
		if err != nil {
			return
		}
		if again, err := l.Encode(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%v\n%s\n%s", err, again, data)
		}
	})
}
