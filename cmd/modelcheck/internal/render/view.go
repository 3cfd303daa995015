package render

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A view is a report in words, in the order in which people read it. Markdown
// and HTML show the same one. Every string in it went through Printable; none
// is escaped for its format yet.
type view struct {
	Word     string // ALLOW, HOLD, DENY, NO VERDICT, NOT VERIFIED
	Sentence string
	Tone     string // go, wait or stop: colour, and nothing but colour
	Reasons  []reasonView

	Reference  string
	Note       string // what the reader must know of where this comes from
	Glance     []glanceView
	Artifact   []fieldView
	Verified   string // what was verified, in one sentence
	Signatures []signatureView
	Unsigned   string // where there are no signatures: why
	Roots      []string

	Claims      *claimsView // nil where there is no record
	Licences    []licenceView
	Terms       []termView
	Obligations []termView
	Bases       []baseView
	Elsewhere   []elsewhereView
	Loading     []fieldView
	Findings    []findingView
	Files       []fileView
	More        int // files that are not shown
	Others      []documentView
	Record      []fieldView
	Method      []fieldView
	Commands    []commandView
	Recorded    []fieldView // what was signed and attached
	Settings    []string    // what did not stand on the command line, and what loosens
}

// A reasonView is a reason of the verdict, or the failure that left none.
type reasonView struct{ Effect, Message, Code string }

// offline says how to make the check without a network.
const offline = "Without a network, copy the artifact into an OCI layout or a folder first, and write oci-layout:PATH or dir:PATH in place of the registry. The policy’s files and the trusted root are files too; nothing is asked for elsewhere."

type fieldView struct{ Name, Value string }

// A commandView is a command line, and what it must print to agree.
type commandView struct{ Line, Expect string }

type signatureView struct {
	Word, Who, Code, Detail, Checked, SignedAt, Signers string
	Counts                                              bool // the policy names who made it
}

type findingView struct{ Code, Subject, Detail, Meaning string }

type fileView struct{ ID, Role, Size, Digest, Path, Format string }

// headline says in one word and one sentence what became of a reference.
func headline(r *check.Report) (word, sentence string) {
	switch o := r.Verdict.Outcome; {
	case r.Inspected && r.Receipt != nil && r.Manifest == nil:
		return "UNCHANGED, NOT VERIFIED", "sizes, times and inodes are those of the receipt; nothing was hashed again"
	case r.Inspected && !r.ManifestDigest.IsZero():
		return "NOT JUDGED", "every byte was hashed; inspect gives no verdict, verify does"
	case r.Inspected:
		return "NOT VERIFIED", "inspect gives no verdict; verify checks every byte"
	case r.Verdict.Allowed() && r.Summary != nil:
		return "ALLOW", "by a verifier’s summary; no byte of the model was hashed in this run"
	case r.Verdict.Allowed():
		return "ALLOW", "every check that the policy asks for was made and holds"
	case o == policy.Hold:
		return "HOLD", "a person has to decide"
	case o == policy.Undecided:
		return "NO VERDICT", "the checks could not be made"
	default:
		return "DENY", "a check was made and does not hold"
	}
}

// tone is go only where the verdict allows.
func tone(r *check.Report) string {
	switch {
	case r.Inspected:
		return "wait"
	case r.Verdict.Allowed():
		return "go"
	case r.Verdict.Outcome == policy.Hold:
		return "wait"
	default:
		return "stop"
	}
}

// reasons lists why, with the failure last: where there is one, it is the why.
func reasons(r *check.Report) []reasonView {
	var out []reasonView
	for _, reason := range r.Verdict.Reasons {
		out = append(out, reasonView{weight(r, reason.Effect), Printable(reason.Message), Printable(reason.Code)})
	}
	if r.Error != nil {
		out = append(out, reasonView{"no verdict", Printable(r.Error.Message), Printable(r.Error.Code)})
	}
	return out
}

// weight is effectWord, but no reason says "allow" where the verdict does not.
func weight(r *check.Report, effect policy.Outcome) string {
	if effect == policy.Allow && !r.Verdict.Allowed() {
		return "in favour"
	}
	return effectWord(effect)
}

// newView puts a report into words. At most files files are listed; id makes
// the names of places in a document distinct from those of other reports.
func newView(r *check.Report, files int, id string) view {
	v := view{Tone: tone(r), Reasons: reasons(r), Reference: Printable(r.Reference), Verified: verified(r)}
	v.Word, v.Sentence = headline(r)
	v.artifact(r)
	if r.Resolved != nil {
		for _, c := range r.Signatures {
			v.Signatures = append(v.Signatures, newSignature(c))
		}
		for _, root := range r.TrustedRoots {
			v.Roots = append(v.Roots, fmt.Sprintf("%s (%v, %s)", Quoted(cmp.Or(root.Installed, root.Name)), root.Digest, ageWord(root.AgeSeconds)))
		}
	}
	v.Unsigned = "None was found."
	if r.Resolved == nil || r.Error != nil {
		v.Unsigned = "None is known of: the checks could not be made."
	}
	v.method(r)
	v.Recorded, v.Settings = recordedFields(r), settingLines(r)
	if s := r.Summary; s != nil && !s.ManifestDigest.IsZero() {
		v.Artifact = append(v.Artifact, fieldView{"its manifest", s.ManifestDigest.String()})
	}
	if r.Manifest == nil {
		return v
	}
	v.manifest(r.Manifest, files, id)
	v.record(r)
	return v
}

// manifest fills in what the record says, whoever shows it.
func (v *view) manifest(m *provenance.Manifest, files int, id string) {
	v.files(m, files, id)
	v.Others = otherDocuments(m, id)
	anchors := anchorsOf(v.Files, v.Others)
	v.Claims = newClaims(m, anchors, id)
	v.licensing(m, anchors)
	v.Elsewhere = elsewhere(m, questionTitles(), anchors)
	v.Glance = glance(m)
	v.Loading = append(loadingFields(m), weightFields(m)...)
	texts := codeTexts()
	for _, f := range m.Findings {
		v.Findings = append(v.Findings, findingView{Printable(f.ID), Printable(f.Subject), Printable(f.Detail), texts[f.ID].meaning})
	}
}

func (v *view) artifact(r *check.Report) {
	add := func(name, value string) {
		if value != "" {
			v.Artifact = append(v.Artifact, fieldView{name, value})
		}
	}
	if r.Resolved != nil {
		add("digest", r.Resolved.Digest.String())
		if !r.Resolved.TagDigest.IsZero() {
			add("tag", fmt.Sprintf("points elsewhere now: %v", r.Resolved.TagDigest))
		}
	}
	if r.Manifest != nil {
		v.packaging(r.Manifest)
	}
	if !r.StartedAt.IsZero() {
		add("examined at", r.StartedAt.UTC().Format(time.RFC3339))
	}
}

func (v *view) packaging(m *provenance.Manifest) {
	for _, member := range m.Artifact.Members {
		v.Artifact = append(v.Artifact, fieldView{"packaging", strings.TrimSpace(Printable(member.Packaging + " " + member.Platform))})
	}
	if id := m.Artifact.ContentIdentity; !id.IsZero() {
		v.Artifact = append(v.Artifact, fieldView{"content", id.String()})
	}
}

// verified says in one sentence what was verified, and "" where nothing can
// be said.
func verified(r *check.Report) string {
	switch {
	case r.Inspected && r.Manifest != nil && r.ManifestDigest.IsZero():
		return fmt.Sprintf("%s of %s were read; the rest is what the manifest claims.", Bytes(r.Bytes.Hashed), Bytes(r.Manifest.Artifact.TotalBytes))
	case r.Stopped != "":
		return "No file was read: the signatures deny already."
	case r.Summary != nil:
		return "No byte of the model was hashed in this run: " + summaryWords(r.Summary)
	case r.Manifest == nil:
		return "Not every byte was verified, so there is no record of what the artifact holds."
	case r.Manifest.Artifact.Kind == "tree":
		return fmt.Sprintf("%s in %s were hashed; nobody named digests to compare them with.", Bytes(r.Bytes.Hashed), plural(r.Bytes.Files, "file"))
	}
	counted := 0
	for _, c := range r.Signatures {
		if c.Verdict == provenance.Proven && c.Code == provenance.CodeSignatureVerified && len(c.Signers) > 0 {
			counted++
		}
	}
	return fmt.Sprintf("%s in %s, %s, were hashed, and every size and digest matches; %s by those whom the policy names.",
		Bytes(r.Bytes.Hashed), plural(r.Bytes.Blobs, "blob"), plural(r.Bytes.Files, "file"), plural(counted, "signature"))
}

func newSignature(c provenance.Candidate) signatureView {
	v := signatureView{Who: identity(c.Identity), Code: Printable(c.Code), Detail: Printable(c.Detail), Checked: Printable(strings.Join(c.Checked, ", "))}
	switch {
	case c.Verdict == provenance.Unchecked:
		v.Word = "unproven"
	case c.Verdict != provenance.Proven:
		v.Word = "refused"
	case len(c.Signers) == 0:
		v.Word, v.Signers = "stranger", "nobody whom the policy names"
	default:
		v.Word, v.Counts, v.Signers = "verified", true, "the policy’s signer "+Quoted(strings.Join(c.Signers, ", "))
	}
	if c.Code == provenance.CodeAttestationVerified {
		v.Word, v.Detail, v.Signers = "attestation", "", v.Signers+", of type "+Quoted(c.PredicateType)
	}
	var at []string
	for _, t := range c.SignedAt {
		at = append(at, Printable(t.Time+" ("+t.Source+")"))
	}
	v.SignedAt = strings.Join(at, ", ")
	return v
}

func (v *view) files(m *provenance.Manifest, most int, id string) {
	for i, f := range m.Files {
		if i == most {
			v.More = len(m.Files) - most
			return
		}
		v.Files = append(v.Files, fileView{
			ID:   fmt.Sprintf("%sfile-%d", id, i+1),
			Role: f.Role.String(), Size: Bytes(f.Size), Digest: f.Digest.String(), Path: Printable(f.Path), Format: Printable(f.Format),
		})
	}
}

func (v *view) record(r *check.Report) {
	if r.ManifestDigest.IsZero() {
		return
	}
	v.Record = []fieldView{{"manifest", r.ManifestDigest.String()}, {"substance", r.SubstanceDigest.String()}}
	if !r.Verdict.Policy.IsZero() {
		v.Record = append(v.Record, fieldView{"policy", r.Verdict.Policy.String()})
	}
	if ref, ok := pinned(r); ok {
		v.Commands = []commandView{
			{"modelcheck verify " + ref + " --policy POLICY --manifest manifest.json", v.Word + ", under a policy of the digest above"},
			{"sha256sum manifest.json", r.ManifestDigest.Hex()},
		}
	}
}

// pinned writes the reference by digest for a shell, where that can be done
// without a character that somebody would have to look up.
func pinned(r *check.Report) (string, bool) {
	ref, err := artifact.ParseReference(r.Reference)
	if err != nil || r.Resolved == nil {
		return "", false
	}
	if ref.Place() != artifact.Directory {
		ref = ref.WithDigest(r.Resolved.Digest)
	}
	s := ref.String()
	if s != Printable(s) || strings.ContainsAny(s, `'`) {
		return "", false
	}
	return "'" + s + "'", true
}

func (v *view) method(r *check.Report) {
	v.Method = append(v.Method, fieldView{"tool", Printable(strings.TrimSpace(r.Tool.Name + " " + r.Tool.Version))})
	if r.Manifest != nil {
		v.catalogs(r.Manifest)
	}
}

func (v *view) catalogs(m *provenance.Manifest) {
	for _, c := range m.Generator.Catalogs {
		v.Method = append(v.Method, fieldView{"catalogue of " + Printable(c.Name), c.Digest.String()})
	}
}
