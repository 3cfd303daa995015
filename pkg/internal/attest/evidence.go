package attest

import (
	"cmp"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// The words of Candidate.Checked (docs/errors.md). Each is said only of what
// was checked and held.
const (
	checkedSubject        = "subject"
	checkedSignature      = "signature"
	checkedChain          = "certificate-chain"
	checkedSCT            = "signed-certificate-timestamp"
	checkedLog            = "transparency-log"
	checkedTimestamp      = "signed-timestamp"
	checkedIntegratedTime = "integrated-time"
	checkedCurrentTime    = "current-time" // the certificate is valid now; when it signed is not known
)

// The sources of a Timestamp.
const (
	sourceRekor   = "rekor-set"
	sourceRFC3161 = "rfc3161"
)

// A proof is what held of one candidate.
type proof struct {
	scheme   string
	identity provenance.Identity
	checked  []string
	times    []provenance.Timestamp
	evidence provenance.Evidence
	logIndex *int64
}

// evidence is what the logs and timestamp authorities of one root vouch for.
type evidence struct {
	logs     map[string]bool // key ids of logs whose entry held
	unknown  int             // entries by logs that the root does not know
	logIndex *int64
	logTimes []time.Time // from signed entry timestamps
	tsaTimes []time.Time
	tsaErr   error // why timestamps did not hold; they may be by strangers
}

// times returns every verified time.
func (e evidence) times() []time.Time {
	return append(append([]time.Time(nil), e.logTimes...), e.tsaTimes...)
}

// record adds what was checked to p.
func (e evidence) record(p *proof) {
	if len(e.logs) > 0 {
		p.checked = append(p.checked, checkedLog)
		p.logIndex = e.logIndex
	}
	p.evidence.LogEntries, p.evidence.Timestamps = len(e.logs), len(e.logTimes)+len(e.tsaTimes)
	if len(e.logTimes) > 0 {
		p.checked = append(p.checked, checkedIntegratedTime)
	}
	if len(e.tsaTimes) > 0 {
		p.checked = append(p.checked, checkedTimestamp)
	}
	for _, t := range e.logTimes {
		p.times = append(p.times, provenance.Timestamp{Time: t.UTC().Format(time.RFC3339), Source: sourceRekor})
	}
	for _, t := range e.tsaTimes {
		p.times = append(p.times, provenance.Timestamp{Time: t.UTC().Format(time.RFC3339), Source: sourceRFC3161})
	}
}

// collect verifies the log entries and timestamps of s under tm. Entries by
// logs that tm does not know are counted and prove nothing; one by a known log
// that does not hold is an error, whatever the others say.
func (v *Verifier) collect(s *signed, tm root.TrustedMaterial) (evidence, error) {
	ev := evidence{logs: map[string]bool{}}
	logs := tm.RekorLogs()
	for _, entry := range s.entity.entries {
		if _, ok := logs[hex.EncodeToString([]byte(entry.LogKeyID()))]; !ok {
			ev.unknown++
			continue
		}
		// One entry at a time, so that each is known to hold or not.
		times, err := verify.VerifyTlogEntry(s.entity.with(entry), tm, 1, true)
		if err != nil {
			return ev, entryRefusal(s, entry, tm, err)
		}
		if ev.logs[entry.LogKeyID()] {
			continue // a second entry of one log adds nothing
		}
		ev.logs[entry.LogKeyID()] = true
		for _, t := range times {
			ev.logTimes = append(ev.logTimes, t.Time)
		}
		// The index is signed in a signed entry timestamp, and in Rekor v2
		// part of what the inclusion proof proves; else it is only a claim.
		if index := entry.LogIndex(); ev.logIndex == nil && (entry.HasInclusionPromise() || entry.IsRekorV2()) {
			ev.logIndex = &index
		}
	}
	stamps, failed, err := verify.VerifySignedTimestamp(s.stampedEntity(), tm)
	if err != nil {
		return ev, refuse(provenance.CodeSignatureMalformed, "its timestamps: %v", err)
	}
	for _, t := range stamps {
		ev.tsaTimes = append(ev.tsaTimes, t.Time)
	}
	ev.tsaErr = errors.Join(failed...)
	for _, t := range ev.times() {
		if limit := v.now().Add(maxAhead); t.After(limit) {
			return ev, refuse(provenance.CodeNoTimestamp, "its time %s lies in the future", t.UTC().Format(time.RFC3339))
		}
	}
	return ev, nil
}

// stampedEntity is s as its timestamps see it.
func (s *signed) stampedEntity() verify.SignedEntity {
	if s.stamped == nil {
		return s.entity
	}
	return stampedEntity{s.entity, stampedContent{s.content, s.stamped}}
}

// A stampedEntity has timestamps of other bytes than its signature.
type stampedEntity struct {
	entity
	content stampedContent
}

type stampedContent struct {
	verify.SignatureContent
	stamped []byte
}

// SignatureContent returns content whose signature is what was stamped.
func (e stampedEntity) SignatureContent() (verify.SignatureContent, error) { return e.content, nil }

// Signature returns what the timestamps are about.
func (c stampedContent) Signature() []byte { return c.stamped }

// A ground is what one root vouches for, and the trust under which it does.
type ground struct {
	evidence
	trust root.TrustedMaterial
}

// grounds verifies log entries and timestamps where a root knows who vouches,
// for signatures that need none: under each root by itself, the one that
// vouches for most first, and last nothing at all. But what stands in a log
// that a root knows must hold under one root at least.
func (v *Verifier) grounds(s *signed, base root.TrustedMaterial) ([]ground, error) {
	var out []ground
	var failed error
	held := false
	for _, r := range v.roots {
		tm := root.TrustedMaterialCollection{base, r.material}
		ev, err := v.collect(s, tm)
		if err != nil {
			failed = err
			continue
		}
		held = held || len(ev.logs) > 0
		out = append(out, ground{ev, tm})
	}
	if failed != nil && !held {
		return nil, failed
	}
	slices.SortStableFunc(out, func(a, b ground) int {
		return cmp.Compare(len(b.logs)+len(b.tsaTimes), len(a.logs)+len(a.tsaTimes))
	})
	return append(out, ground{trust: base}), nil
}

// entryRefusal tells an entry that was logged when the certificate was not
// valid from one that is not in the log.
func entryRefusal(s *signed, entry *tlog.Entry, tm root.TrustedMaterial, err error) error {
	leaf := s.material.Certificate()
	if leaf != nil && entry.HasInclusionPromise() && tlog.VerifySET(entry, tm.RekorLogs()) == nil && !validAt(leaf, entry.IntegratedTime()) {
		return refuse(provenance.CodeExpiredAtTime, "it was logged at %s, its certificate was valid from %s to %s",
			entry.IntegratedTime().UTC().Format(time.RFC3339), leaf.NotBefore.UTC().Format(time.RFC3339), leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	return refuse(provenance.CodeLogInclusionFailed, "its log entry does not hold: %v", err)
}

func validAt(c *x509.Certificate, t time.Time) bool {
	return !t.Before(c.NotBefore) && !t.After(c.NotAfter)
}
