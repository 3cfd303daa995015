package admission

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// Limits of what people read. An API server shows 256 characters of a warning
// well, and cuts all of them together at 4,096 (k8s.io/apiserver, warnings).
const (
	maxWarning  = 255
	maxWarnings = 12
	maxRefused  = 3   // references that a message spells out, so that the commands fit in
	maxPerModel = 3   // reasons of each
	maxReason   = 300 // bytes of a reason
	maxAudit    = 2 << 10
)

// conclude turns what was found into the answer.
func (g *Gate) conclude(d *Decision, req Request) {
	d.Outcome = d.gravest()
	text := d.sentence(req)
	switch {
	case d.Outcome == policy.Allow:
		d.Response = Response{Allowed: true, Code: http.StatusOK, Message: cut(text)}
	case d.Mode != policy.Enforce:
		d.Response = Response{Allowed: true, Code: http.StatusOK, Message: cut("let in, for the policy only says " + d.Mode.String() + " in this namespace: " + text)}
	default:
		d.Response = Response{Code: d.code(), Message: cut(text)}
	}
	d.warn()
	d.audit()
}

// code is the HTTP status of a denial.
func (d *Decision) code() int {
	if d.Outcome != policy.Undecided {
		return http.StatusForbidden
	}
	if slices.Contains(d.Codes(), provenance.CodeDeadline) {
		return http.StatusGatewayTimeout
	}
	return http.StatusInternalServerError
}

// Codes are the reason codes that speak against the object, each once.
func (d *Decision) Codes() []string {
	var out []string
	add := func(reasons []policy.Reason) {
		for _, r := range reasons {
			if r.Effect != policy.Allow && !slices.Contains(out, r.Code) {
				out = append(out, r.Code)
			}
		}
	}
	add(d.Reasons)
	for _, j := range d.Judgements {
		if !j.Admitted {
			add(j.Reasons)
		}
	}
	return out
}

// sentence says what was decided and why: of what is kept out the references,
// the reasons, and what to run.
func (d *Decision) sentence(req Request) string {
	var parts []string
	for _, r := range d.Reasons {
		if r.Effect != policy.Allow {
			parts = append(parts, short(r.Message, maxReason)+" ("+r.Code+")")
		}
	}
	refused, seen := 0, map[string]bool{}
	for _, j := range d.Judgements {
		if j.Admitted || seen[j.Text] {
			continue
		}
		seen[j.Text] = true
		if refused++; refused <= maxRefused {
			parts = append(parts, j.sentence())
		}
	}
	if refused > maxRefused {
		parts = append(parts, fmt.Sprintf("and %d more references", refused-maxRefused))
	}
	if len(parts) > 0 {
		return fmt.Sprintf("modelcheck %s %s: %s", verb(d.Outcome), req.name(), strings.Join(parts, "; "))
	}
	return fmt.Sprintf("modelcheck allows %s: %s", req.name(), d.counts())
}

// verb says what an outcome does.
func verb(o policy.Outcome) string {
	switch o {
	case policy.Hold:
		return "holds"
	case policy.Undecided:
		return "reached no verdict on"
	default:
		return "denies"
	}
}

// counts says what was judged and what was not.
func (d *Decision) counts() string {
	out := fmt.Sprintf("%d %s judged", len(d.Judgements), plural(len(d.Judgements), "model"))
	if d.Images > 0 {
		out += fmt.Sprintf("; %d container %s that no scope of the policy calls a model, not judged", d.Images, plural(d.Images, "image"))
	}
	if d.Unchanged > 0 {
		out += fmt.Sprintf("; %d %s that stood there before, not judged again", d.Unchanged, plural(d.Unchanged, "reference"))
	}
	return out
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// sentence names the reference, why it is not admitted, and the command.
func (j Judgement) sentence() string {
	name := quote(j.Text)
	if !j.Digest.IsZero() && !strings.Contains(j.Text, j.Digest.String()) {
		name += " (" + j.Digest.String() + ")"
	}
	out := j.Pointer + " " + name + ": "
	n := 0
	for _, r := range j.Reasons {
		if r.Effect == policy.Allow {
			continue
		}
		if n++; n > maxPerModel {
			continue
		}
		if n > 1 {
			out += ", "
		}
		out += short(r.Message, maxReason) + " (" + r.Code + ")"
	}
	switch {
	case n == 0:
		out += "there is no verdict"
	case n > maxPerModel:
		out += fmt.Sprintf(", and %d more reasons", n-maxPerModel)
	}
	if j.Command != "" {
		out += "; run: " + j.Command
	}
	return out
}

// command says what to run about a reference that was not admitted.
func (g *Gate) command(j Judgement) string {
	if j.Reference == "" {
		return ""
	}
	name := j.Reference
	if j.Pin != "" {
		name = strings.TrimPrefix(j.Pin, "oci://")
	}
	against := map[string]bool{}
	for _, r := range j.Reasons {
		if r.Effect != policy.Allow {
			against[r.Code] = true
			against[strings.SplitAfter(r.Code, "-")[0]] = true
		}
	}
	switch {
	case len(j.Reasons) > 0 && j.Reasons[0].Code == provenance.CodeUnpinned: // that alone
		return "modelcheck admit -f FILE --policy " + g.cfg.PolicyName + " --write-digests"
	case against["signature-"]: // nobody could attest it
	case against["review-"]:
		return "modelcheck review show " + name + " --policy " + g.cfg.PolicyName
	case against[provenance.CodeSummaryMissing], against[provenance.CodeSummaryStale], against[provenance.CodeSummaryWrongPolicy]:
		return "modelcheck attest " + name + " --policy " + g.cfg.PolicyName
	}
	return "modelcheck verify " + name + " --policy " + g.cfg.PolicyName + " --explain"
}

// warn says what whoever brings the object should know: what would be denied
// where nothing is enforced, and what was let in all the same.
func (d *Decision) warn() {
	if d.Mode == policy.Audit {
		d.Warnings = nil
		return
	}
	var out []string
	lenient := d.Mode != policy.Enforce
	add := func(where string, r policy.Reason) {
		if r.Effect != policy.Allow {
			where = "would deny: " + where
		}
		out = append(out, warning("modelcheck: "+where+r.Message+" ("+r.Code+")"))
	}
	for _, r := range d.Reasons {
		if warns(r) || lenient && r.Effect != policy.Allow {
			add("", r)
		}
	}
	for _, j := range d.Judgements {
		where := j.Pointer + " " + quote(j.Text) + ": "
		for _, r := range j.Reasons {
			if j.Admitted && warns(r) || !j.Admitted && lenient && r.Effect != policy.Allow {
				add(where, r)
			}
		}
	}
	out = append(out, d.Warnings...)
	if len(out) > maxWarnings {
		out = append(out[:maxWarnings-1], fmt.Sprintf("modelcheck: and %d more warnings", len(out)-maxWarnings+1))
	}
	d.Warnings = out
}

// warns says whether a reason that lets in is worth a warning.
func warns(r policy.Reason) bool {
	switch r.Code {
	case provenance.CodeKindUnknown, provenance.CodeExempted, provenance.CodeNotVerifiable, provenance.CodeUnpinned, provenance.CodeRuleWarned, provenance.CodeTagMoved, provenance.CodeUnsignedAllowed:
		return r.Effect == policy.Allow
	}
	return false
}

// audit fills what the API server's audit log keeps.
func (d *Decision) audit() {
	models := make([]string, len(d.Judgements))
	for i, j := range d.Judgements {
		name := j.Reference
		if name == "" {
			name = j.Text
		}
		models[i] = fmt.Sprintf("%s %s %v", name, j.Digest, j.Outcome)
	}
	d.Audit = map[string]string{
		"outcome": d.Outcome.String(), "mode": d.Mode.String(), "policy": d.Policy.String(),
		"models": short(strings.Join(models, "; "), maxAudit), "images-not-judged": fmt.Sprint(d.Images),
	}
	if codes := d.Codes(); len(codes) > 0 {
		d.Audit["reasons"] = short(strings.Join(codes, ","), maxAudit)
	}
}

func warning(s string) string { return short(strings.Join(strings.Fields(s), " "), maxWarning) }
