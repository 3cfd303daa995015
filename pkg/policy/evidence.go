package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// The words of Signature.Evidence: what a policy can demand beyond the
// signature itself. They stand in the record so that a policy which demands
// more than the one that it was made under does not take it on trust.
const (
	evidenceLog    = "transparency-log"       // a log holds the signature
	evidenceTime   = "trusted-time"           // a log or timestamp authority vouches for the time
	evidenceWindow = evidenceTime + ":"       // and it lies in FROM/TO, RFC 3339, ".." for no bound
	evidenceSCTs   = "certificate-timestamps" // COUNT logs vouch for the certificate, where more than one is demanded
	evidenceLogs   = "log-entries"            // COUNT logs hold the signature, likewise
	evidenceTimes  = "timestamps"             // COUNT authorities vouch for the time, likewise
)

// demands are the words that the signer's signatures need, sorted.
func (s signer) demands(t Thresholds) []string {
	var out []string
	switch {
	case s.key != nil:
		if s.key.logged {
			out = append(out, evidenceLog)
		}
		if s.key.window() {
			out = append(out, evidenceWindow+bound(s.key.notBefore)+"/"+bound(s.key.notAfter))
		}
	case s.certificate != nil:
		if !s.certificate.current {
			out = append(out, evidenceTime)
		}
	case s.keyless != nil:
		for _, c := range t.counts(provenance.Evidence{}) {
			if c.want > 1 {
				out = append(out, c.word+":"+strconv.Itoa(c.want))
			}
		}
	}
	slices.Sort(out)
	return out
}

func bound(t time.Time) string {
	if t.IsZero() {
		return ".."
	}
	return t.UTC().Format(time.RFC3339)
}

// shown says whether the record's words cover what is demanded. Of a count,
// more will do.
func shown(demanded, words []string) bool {
	for _, d := range demanded {
		name, want, counted := cutCount(d)
		if !slices.ContainsFunc(words, func(w string) bool {
			other, got, ok := cutCount(w)
			return w == d || counted && ok && name == other && got >= want
		}) {
			return false
		}
	}
	return true
}

func cutCount(word string) (name string, count int, ok bool) {
	name, digits, _ := strings.Cut(word, ":")
	count, err := strconv.Atoi(digits)
	return name, count, err == nil && slices.Contains([]string{evidenceSCTs, evidenceLogs, evidenceTimes}, name)
}

// A count is one threshold and what became of it.
type count struct {
	word, code, what string
	want, got        int
}

func (t Thresholds) counts(e provenance.Evidence) []count {
	return []count{
		{evidenceSCTs, provenance.CodeCertificateNotLogged, "certificate logs", t.CertificateTimestamps, e.CertificateTimestamps},
		{evidenceLogs, provenance.CodeLogInclusionFailed, "transparency logs", t.LogEntries, e.LogEntries},
		{evidenceTimes, provenance.CodeNoTimestamp, "trusted times", t.Timestamps, e.Timestamps},
	}
}

// lacks says which demand of the signer a proven candidate does not meet, by
// code and clause; "" if none. That one authority of each kind vouches for a
// keyless signature is what makes it proven, and is not asked again.
func (s signer) lacks(c provenance.Candidate, t Thresholds) (code, detail string) {
	switch {
	case s.key != nil:
		if s.key.logged && !slices.Contains(c.Checked, evidenceLog) {
			return provenance.CodeLogInclusionFailed, "no transparency log that is trusted holds it"
		}
		if s.key.window() {
			return s.key.outside(c.SignedAt)
		}
	case s.certificate != nil:
		if !s.certificate.current && len(trustedTimes(c.SignedAt)) == 0 {
			return provenance.CodeNoTimestamp, "no trusted time says when the certificate was used"
		}
	case s.keyless != nil:
		for _, n := range t.counts(c.Evidence) {
			if n.want > 1 && n.got < n.want {
				return n.code, fmt.Sprintf("%d of %d %s vouch for it", n.got, n.want, n.what)
			}
		}
	}
	return "", ""
}

// outside says why times are not, all of them, within the key's window.
func (k *keyRule) outside(signedAt []provenance.Timestamp) (code, detail string) {
	times := trustedTimes(signedAt)
	if len(times) == 0 {
		return provenance.CodeNoTimestamp, "the key is trusted for a time only, and no trusted time says when it was used"
	}
	for _, at := range times {
		t, err := time.Parse(time.RFC3339, at)
		if err != nil {
			return provenance.CodeNoTimestamp, fmt.Sprintf("its time %q cannot be read", at)
		}
		if !k.notBefore.IsZero() && t.Before(k.notBefore) || !k.notAfter.IsZero() && t.After(k.notAfter) {
			return provenance.CodeExpiredAtTime, fmt.Sprintf("it was made at %s, and the key is trusted from %s to %s", bound(t), bound(k.notBefore), bound(k.notAfter))
		}
	}
	return "", ""
}

// trustedTimes are those for which a log or timestamp authority vouches.
func trustedTimes(signedAt []provenance.Timestamp) []string {
	var out []string
	for _, t := range signedAt {
		if t.Source == "rekor-set" || t.Source == "rfc3161" {
			out = append(out, t.Time)
		}
	}
	return out
}
