package policy

import (
	"strconv"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// An Effect says what a finding does to the verdict where the policy file does
// not say otherwise. Allow means that it is noted and decides nothing.
type Effect struct {
	Code    string
	Outcome Outcome
	Fixed   bool   // no policy can relax it
	Why     string // one clause
}

// Effects returns the effect of every finding that this version knows; one
// that it does not know denies. The line between them:
//
//   - Deny: the bytes are not what was named or cannot be said to be; two
//     readers could see two different models; or somebody states what the
//     bytes refute.
//   - Hold: everything was hashed, but a part was not understood, so that a
//     person has to look; or loading it takes in more than was verified.
//   - Noted: a fact about the model that buyers judge differently. Code that
//     runs on load and pickles are in models that most people run today; the
//     record names them, and `findings: {deny: […]}` makes them count.
func Effects() []Effect {
	return []Effect{
		// The bytes.
		{provenance.CodeDigestMismatch, Deny, true, "these are other bytes than were named"},
		{provenance.CodeSizeMismatch, Deny, true, "these are more or fewer bytes than were named"},
		{provenance.CodeLimitExceeded, Deny, true, "not all of it was looked at"},
		{provenance.CodeManifestMalformed, Deny, true, "readers can see different artifacts in it"},
		{provenance.CodeMediaTypeMismatch, Deny, true, "readers can see different artifacts in it"},
		{provenance.CodeEmptyArtifact, Deny, true, "nothing was verified"},
		{provenance.CodeFileChanged, Deny, true, "what was hashed is not what lies there now"},

		// The packaging.
		{provenance.CodeUnsafeName, Deny, true, "writing it would leave the model's folder"},
		{provenance.CodeUnsafeEntry, Deny, true, "unpacking it would reach out of the model"},
		{provenance.CodeDuplicateName, Deny, false, "which of the two is loaded depends on the reader"},
		{provenance.CodeUnnamedLayer, Deny, false, "nobody can say which file of the model it is"},
		{provenance.CodeExternalContent, Deny, false, "a client may fetch it from elsewhere"},
		{provenance.CodeArchiveMalformed, Deny, false, "readers can see different files in it"},
		{provenance.CodeAnnotationDiffers, Deny, false, "the manifest states what the bytes refute"},
		{provenance.CodeIrregularFile, Deny, false, "a link, device or pipe has no bytes of its own to verify"},
		{provenance.CodeUnknownPackaging, Hold, false, "hashed and listed, but what it is was not understood"},
		{provenance.CodePlatformsDiffer, Hold, false, "which model runs depends on the machine: choose a platform"},
		{provenance.CodeLinkEntry, Allow, false, "it stays inside the model, and its target was hashed"},
		{provenance.CodeTagMoved, Allow, false, "the digest was verified; tags move"},

		// The files.
		{provenance.CodeConfigMalformed, Deny, false, "loaders can see different settings in it"},
		{provenance.CodeFormatMalformed, Deny, false, "loaders can see different tensors in it, or crash"},
		{provenance.CodeWeightsIncomplete, Hold, false, "every byte was hashed, but it is a part of a model"},
		{provenance.CodeFormatMismatch, Hold, false, "its name promises another format than its bytes have"},
		{provenance.CodeIgnoredBySigner, Hold, false, "the signature does not cover it"},
		{provenance.CodeIgnoredByDefault, Allow, false, "no loader reads what is git's; it was hashed and listed"},
		{provenance.CodeDocumentTooLarge, Hold, false, "what it says was not read"},
		{provenance.CodeDocumentMalformed, Hold, false, "what it says was not read"},
		{provenance.CodeNetworkOnLoad, Hold, false, "what is loaded is more than what was verified"},
		{provenance.CodeLoadingUnknown, Hold, false, "nobody can say what loading it does"},
		{provenance.CodeReachesSystem, Hold, false, "weights and templates need none of it: a person has to look"},
		{provenance.CodeNativeCode, Allow, false, "a property of the model, named in the record"},
		{provenance.CodeCodeOnLoad, Allow, false, "a property of the model, named in the record"},
		{provenance.CodeSerializedObjects, Allow, false, "a property of the model, named in the record"},
		{provenance.CodeLicenseUnidentified, Allow, false, "no catalogue holds every licence"},
		{provenance.CodeLicenseModified, Allow, false, "the text itself says what it asks for"},
		{provenance.CodeObligationNotMet, Allow, false, "what was compared is named; what it means is for counsel"},
		{provenance.CodeLicenseFlow, Allow, false, "what was compared is named; what it means is for counsel"},
		{provenance.CodeLicenseRelicensed, Allow, false, "whoever granted the one may grant the other"},
		{provenance.CodeLineageDiffers, Allow, false, "both stand in the record"},
		{provenance.CodeProfileWeakMatch, Allow, false, "what it says stands beside the claims and changes none"},
		{provenance.CodeProfileDiffers, Allow, false, "what is said elsewhere changes no claim"},
		{provenance.CodeClaimConflict, Allow, false, "the claim itself is conflicting in the record"},
		{provenance.CodeTokenizerUnusual, Allow, false, "a property of the model, to be compared with its base model"},
	}
}

// effectOf finds the usual effect of a code.
func effectOf(code string) (Effect, bool) {
	for _, e := range Effects() {
		if e.Code == code {
			return e, true
		}
	}
	return Effect{Code: code, Outcome: Deny, Why: "this version does not know it"}, false
}

// judgeFindings gives a reason for every finding that has an effect, and for
// every one that has none only because the policy says so.
func (p *Policy) judgeFindings(findings []provenance.Finding) []Reason {
	usual := map[string]Effect{}
	for _, e := range Effects() {
		usual[e.Code] = e
	}
	var out []Reason
	for _, f := range findings {
		e, known := usual[f.ID]
		own, overridden := p.effects[f.ID]
		switch {
		case !known:
			out = append(out, Reason{Code: f.ID, Effect: Deny, Message: said(f) + " (a finding that this version does not know)", Subject: f.Subject})
		case e.Fixed:
			out = append(out, Reason{Code: f.ID, Effect: Deny, Message: said(f), Subject: f.Subject})
		case overridden && own == Allow:
			out = append(out, Reason{Code: f.ID, Effect: Allow, Message: said(f) + " (allowed by the policy)", Subject: f.Subject})
		case overridden:
			out = append(out, Reason{Code: f.ID, Effect: own, Message: said(f), Subject: f.Subject})
		case e.Outcome != Allow:
			out = append(out, Reason{Code: f.ID, Effect: e.Outcome, Message: said(f), Subject: f.Subject})
		}
	}
	return out
}

// said is what a finding says, with the file, blob or claim that it is about.
func said(f provenance.Finding) string {
	quoted := strconv.Quote(f.Subject)
	digest := strings.Contains(f.Subject, ":") && strings.Contains(f.Detail, f.Subject) // these are not quoted
	if f.Subject == "" || digest || strings.Contains(f.Detail, quoted) {
		return f.Detail
	}
	return quoted + ": " + f.Detail
}
