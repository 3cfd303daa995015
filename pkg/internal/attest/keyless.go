package attest

import (
	"crypto/x509"
	"errors"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// underRoot verifies the trust behind a certificate's signature under one
// root, step by step, and then once more by sigstore-go as a whole: a step
// forgotten here is not a door.
func (v *Verifier) underRoot(r trustedRoot, s *signed, leaf *x509.Certificate, subject artifact.Digest) (proof, error) {
	p := proof{scheme: s.scheme(schemeKeyless)}
	if s.notKeyless != nil {
		return p, s.notKeyless.at(stageForm)
	}
	chains, err := issuerChains(r.material, leaf)
	if err != nil {
		return p, err
	}
	if p.identity, err = identityOf(leaf); err != nil {
		return p, staged(err, stageSCT)
	}
	p.identity.TrustedRoot = r.name
	if err := verify.VerifySignedCertificateTimestamp(chains, v.thresholds.CertificateTimestamps, r.material); err != nil {
		return p, refuse(provenance.CodeCertificateNotLogged, "its certificate carries no timestamp of a trusted certificate log: %v", err).at(stageSCT)
	}
	ev, err := v.collect(s, r.material)
	if err != nil {
		return p, staged(err, stageLog)
	}
	if n := len(ev.logs); n < v.thresholds.LogEntries {
		return p, logRefusal(s, ev, v.thresholds.LogEntries).at(stageLog)
	}
	times := ev.times()
	if n := len(times); n < v.thresholds.Timestamps {
		return p, refuse(provenance.CodeNoTimestamp, "%d trusted times vouch for it, want %d%s", n, v.thresholds.Timestamps, because(ev.tsaErr)).at(stageTime)
	}
	for _, t := range times {
		if _, err := verify.VerifyLeafCertificate(t, leaf, r.material); err != nil {
			return p, refuse(provenance.CodeExpiredAtTime, "its certificate (%s to %s) or the one of its issuer was not valid at %s", rfc3339(leaf.NotBefore), rfc3339(leaf.NotAfter), rfc3339(t)).at(stageExpiry)
		}
	}
	if err := v.wholeCertificate(r, s, subject); err != nil {
		return p, refuse(provenance.CodeSignatureBad, "it does not verify: %v", err).at(stageWhole)
	}
	p.checked = append(p.checked, checkedChain, checkedSCT)
	p.evidence.CertificateTimestamps = v.thresholds.CertificateTimestamps
	ev.record(&p)
	return p, nil
}

// wholeCertificate is sigstore-go's own verification. Whether the identity is
// one to trust is the policy's question, hence the option with the long name.
func (v *Verifier) wholeCertificate(r trustedRoot, s *signed, subject artifact.Digest) error {
	times, e := v.thresholds.Timestamps, s.entity
	if s.stamped != nil {
		// Its timestamps are about other bytes than sigstore-go would compare.
		e.timeless, times = true, 1
	}
	whole, err := verify.NewVerifier(r.material,
		verify.WithSignedCertificateTimestamps(v.thresholds.CertificateTimestamps),
		verify.WithTransparencyLog(v.thresholds.LogEntries),
		verify.WithObserverTimestamps(times),
		verify.WithoutStatementPredicate())
	if err != nil {
		return err
	}
	_, err = whole.Verify(e, verify.NewPolicy(s.artifactOption(subject), verify.WithoutIdentitiesUnsafe()))
	return err
}

// issuerChains finds the authority of the root that issued the certificate,
// whenever that was: an unknown issuer and an expired one are two answers.
func issuerChains(tm root.TrustedMaterial, leaf *x509.Certificate) ([][]*x509.Certificate, error) {
	expired := false
	for _, ca := range tm.FulcioCertificateAuthorities() {
		if f, ok := ca.(*root.FulcioCertificateAuthority); ok {
			always := *f
			always.ValidityPeriodStart, always.ValidityPeriodEnd = time.Time{}, time.Time{}
			ca = &always
		}
		chains, err := ca.Verify(leaf, leaf.NotBefore)
		if err == nil {
			return chains, nil
		}
		expired = expired || invalidFor(err, x509.Expired)
	}
	if expired {
		return nil, refuse(provenance.CodeExpiredAtTime, "its certificate was issued when the one of its issuer was not valid").at(stageExpiry)
	}
	return nil, refuse(provenance.CodeUntrustedRoot, "no authority of a trusted root issued its certificate").at(stageIssuer)
}

func logRefusal(s *signed, ev evidence, want int) *refusal {
	switch {
	case len(s.entity.entries) == 0:
		return refuse(provenance.CodeLogInclusionFailed, "it has no transparency log entry")
	case len(ev.logs) == 0:
		return refuse(provenance.CodeLogInclusionFailed, "its log entries are by logs that the trusted root does not know")
	default:
		return refuse(provenance.CodeLogInclusionFailed, "%d transparency logs vouch for it, want %d", len(ev.logs), want)
	}
}

// staged notes the stage on a refusal that has none.
func staged(err error, stage int) error {
	var r *refusal
	if errors.As(err, &r) && r.stage < stage {
		r.stage = stage
	}
	return err
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return ": " + err.Error()
}

func rfc3339(t time.Time) string { return t.UTC().Format(time.RFC3339) }
