package check

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// LockVersion is the version of the lockfile's format, described by
// schemas/lock-v1.json.
const LockVersion = "1"

// A Lock pins references to digests, with what was recorded of each under one
// policy. It vouches for nothing: who can change it can change what is pinned.
type Lock struct {
	LockVersion string          `json:"lockVersion"`
	Policy      artifact.Digest `json:"policy"` // of the effective policy that allowed all of them
	Models      []LockedModel   `json:"models"` // by reference
}

// A LockedModel is one reference and what was found under it.
type LockedModel struct {
	Reference       string          `json:"reference"` // canonical
	Digest          artifact.Digest `json:"digest"`
	ManifestDigest  artifact.Digest `json:"manifestDigest"`
	SubstanceDigest artifact.Digest `json:"substanceDigest"`
}

// ErrLock is wrapped by every error about what a lockfile says.
var ErrLock = errors.New("invalid lockfile")

// A LockError says what is wrong with a lockfile, and where. Lines and columns
// (bytes) count from 1. It wraps ErrLock.
type LockError struct {
	Line, Column int
	Problem      string
}

func (e *LockError) Error() string { return fmt.Sprintf("%v: %s", ErrLock, e.Problem) }

// Unwrap returns ErrLock.
func (e *LockError) Unwrap() error { return ErrLock }

// NewLock pins what the reports found. All must be allowed, by one policy, and
// have a record.
func NewLock(reports []*Report) (*Lock, error) {
	l := &Lock{LockVersion: LockVersion}
	for _, r := range reports {
		if !r.Verdict.Allowed() || r.ManifestDigest.IsZero() || r.Resolved == nil {
			return nil, fmt.Errorf("%w: %q is not allowed, or not every byte of it was verified", ErrLock, r.Reference)
		}
		if !l.Policy.IsZero() && l.Policy != r.Verdict.Policy {
			return nil, fmt.Errorf("%w: two policies", ErrLock)
		}
		l.Policy = r.Verdict.Policy
		l.Models = append(l.Models, LockedModel{r.Reference, r.Resolved.Digest, r.ManifestDigest, r.SubstanceDigest})
	}
	slices.SortFunc(l.Models, func(a, b LockedModel) int { return cmp.Compare(a.Reference, b.Reference) })
	return l, nil
}

// Encode writes the lockfile: the same content gives the same bytes.
func (l *Lock) Encode() ([]byte, error) {
	b, err := json.Marshal(l, jsontext.WithIndent("  "))
	return append(b, '\n'), err
}

// ParseLock reads what Encode wrote, and nothing else: a file that was edited,
// sorted or merged by hand is refused where it first differs.
func ParseLock(data []byte) (*Lock, error) {
	l := new(Lock)
	err := strictjson.Check(data)
	if err == nil {
		err = json.Unmarshal(data, l, json.RejectUnknownMembers(true))
	}
	if err != nil {
		return nil, lockErrorAt(data, offsetOf(err), "%v", err)
	}
	if l.LockVersion != LockVersion {
		return nil, lockErrorAt(data, int64(max(bytes.Index(data, []byte("lockVersion")), 0)), "lockVersion is %q, want %q", l.LockVersion, LockVersion)
	}
	if l.Policy.IsZero() || len(l.Models) == 0 {
		return nil, lockErrorAt(data, 0, "no policy digest, or no model: run modelcheck lock")
	}
	for i, m := range l.Models {
		at := int64(max(bytes.Index(data, []byte(`"`+m.Reference+`"`)), 0))
		ref, err := artifact.ParseReference(m.Reference)
		switch {
		case err != nil || ref.String() != m.Reference:
			return nil, lockErrorAt(data, at, "%q is no reference in its canonical spelling", m.Reference)
		case i > 0 && l.Models[i-1].Reference >= m.Reference:
			return nil, lockErrorAt(data, at, "%q stands twice, or is not in its order", m.Reference)
		case m.Digest.IsZero() || m.ManifestDigest.IsZero() || m.SubstanceDigest.IsZero():
			return nil, lockErrorAt(data, at, "%q lacks a digest", m.Reference)
		}
	}
	again, err := l.Encode()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLock, err)
	}
	if !bytes.Equal(again, data) {
		i := 0
		for i < len(again) && i < len(data) && again[i] == data[i] {
			i++
		}
		return nil, lockErrorAt(data, int64(i), "it was edited: run modelcheck lock to write it")
	}
	return l, nil
}

func offsetOf(err error) int64 {
	var syntactic *jsontext.SyntacticError
	var semantic *json.SemanticError
	switch {
	case errors.As(err, &semantic):
		return semantic.ByteOffset
	case errors.As(err, &syntactic):
		return syntactic.ByteOffset
	default:
		return 0
	}
}

func lockErrorAt(data []byte, offset int64, format string, args ...any) error {
	before := data[:min(max(offset, 0), int64(len(data)))]
	return &LockError{
		Line: bytes.Count(before, []byte("\n")) + 1, Column: len(before) - bytes.LastIndexByte(before, '\n'),
		Problem: fmt.Sprintf(format, args...),
	}
}

// Find returns the entry of a reference, nil where it is not locked.
func (l *Lock) Find(ref artifact.Reference) *LockedModel {
	i := slices.IndexFunc(l.Models, func(m LockedModel) bool { return m.Reference == ref.String() })
	if i < 0 {
		return nil
	}
	return &l.Models[i]
}

// Pinned is the reference by its locked digest; a tag is only compared.
func (m LockedModel) Pinned() (artifact.Reference, error) {
	ref, err := artifact.ParseReference(m.Reference)
	if err != nil || ref.Place() == artifact.Directory || ref.Digest() == m.Digest {
		return ref, err
	}
	name, _, _ := strings.Cut(m.Reference, "@")
	return artifact.ParseReference(name + "@" + m.Digest.String())
}

// Hold compares a report about m with what is locked, and denies what has
// drifted: other bytes, another policy, or another record of the same bytes. It
// never turns a verdict into one that allows more.
func (l *Lock) Hold(m LockedModel, r *Report) {
	if r.Error != nil {
		return
	}
	var drift []policy.Reason
	deny := func(format string, args ...any) {
		drift = append(drift, policy.Reason{Code: provenance.CodeLockDrift, Effect: policy.Deny, Message: fmt.Sprintf(format, args...)})
	}
	if r.Resolved == nil || r.Resolved.Digest != m.Digest {
		deny("the lockfile pins other bytes: %v", m.Digest)
	}
	if r.Verdict.Policy != l.Policy {
		deny("the lockfile was made under another policy: %v", l.Policy)
	}
	substance := r.SubstanceDigest
	if r.Summary != nil {
		substance = r.Summary.SubstanceDigest
	}
	if r.Verdict.Allowed() && substance.IsZero() || !substance.IsZero() && substance != m.SubstanceDigest {
		deny("the record differs from the locked one, of substance %v", m.SubstanceDigest)
	}
	if len(drift) > 0 {
		r.Verdict.Outcome = policy.Deny
		r.Verdict.Reasons = append(drift, r.Verdict.Reasons...)
	}
	if r.Summary != nil {
		r.Summary.Accepted = r.Verdict.Allowed()
	}
}

// NotLocked is the report about a reference that the lockfile does not hold.
func NotLocked(ref artifact.Reference, version string) *Report {
	r := Failed(ref.String(), "", errors.New("nothing was checked"), version)
	r.Error, r.Place = nil, ref.Place().String()
	r.Verdict = policy.Verdict{Outcome: policy.Deny, Reasons: []policy.Reason{{
		Code: provenance.CodeLockMissing, Effect: policy.Deny, Message: "the lockfile does not hold this reference, and --locked was given",
	}}}
	return r
}
