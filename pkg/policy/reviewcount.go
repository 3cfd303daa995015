package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// assess says for which criteria a review that holds can answer: those whose
// very text it names, found to be met, or waived by somebody who may.
func (j *reviewJudge) assess(r *provenance.Review, v *ReviewVerdict) {
	v.met, v.refused = map[string]bool{}, map[string]ReviewRefusal{}
	for _, want := range j.rules.criteria {
		i := slices.IndexFunc(r.Criteria, func(c provenance.CriterionResult) bool { return c.ID == want.id })
		if i < 0 || r.Criteria[i].Digest != want.digest {
			if answered, all := answers(r, want); answered {
				if all {
					v.met[want.id] = true
				} else {
					v.refused[want.id] = ReviewRefusal{provenance.CodeReviewCriterionUnmet, "not met in the words of somebody else, which the policy accepts"}
				}
				continue
			}
		}
		if i < 0 {
			v.refused[want.id] = ReviewRefusal{provenance.CodeReviewCriterionUnmet, notAssessed}
			continue
		}
		got := r.Criteria[i]
		switch {
		case got.Digest != want.digest:
			v.refused[want.id] = ReviewRefusal{provenance.CodeReviewCriteriaDiffer, "assessed against another text"}
		case got.Result == provenance.CriterionMet:
			v.met[want.id] = true
		case got.Result == provenance.CriterionNotMet && got.Waiver != "":
			if why := j.waiverRefused(r, got.Waiver, got.ID); why != "" {
				v.refused[want.id] = ReviewRefusal{provenance.CodeReviewWaiverRefused, why}
			} else {
				v.met[want.id] = true
			}
		default:
			v.refused[want.id] = ReviewRefusal{provenance.CodeReviewCriterionUnmet, got.Result.String()}
		}
	}
	for _, c := range j.rules.criteria {
		i := slices.IndexFunc(r.Criteria, func(o provenance.CriterionResult) bool { return o.ID == c.id })
		if !v.met[c.id] || i < 0 || r.Criteria[i].Digest != c.digest || r.Criteria[i].Result != provenance.CriterionMet {
			continue // what is waived, or said in the words of somebody else, implies nothing
		}
		for _, id := range c.implies {
			if v.refused[id].Message == notAssessed {
				v.met[id] = true
				delete(v.refused, id)
			}
		}
	}
}

// answers says whether a review assesses texts of others that the policy
// accepts for a criterion, and whether all of them are met. What others waive,
// they waive by their own policy.
func answers(r *provenance.Review, want criterion) (answered, all bool) {
	all = true
	for _, c := range r.Criteria {
		if slices.Contains(want.accepts, c.Digest) && c.Result != provenance.CriterionNotAssessed {
			answered, all = true, all && c.Result == provenance.CriterionMet
		}
	}
	return answered, all
}

// notAssessed is said of a criterion that the review does not mention.
const notAssessed = "not assessed"

// waiverRefused says why a waiver of a rule does not count; "" if it does.
func (j *reviewJudge) waiverRefused(r *provenance.Review, id, rule string) string {
	i := slices.IndexFunc(r.Waivers, func(w provenance.Waiver) bool { return w.ID == id && w.Rule == rule })
	if i < 0 {
		return fmt.Sprintf("there is no waiver %q of %q", id, rule)
	}
	if j.c.At.IsZero() || !j.c.At.Before(r.Waivers[i].ExpiresAt) {
		return fmt.Sprintf("waiver %q expired on %s", id, r.Waivers[i].ExpiresAt.Format("2006-01-02"))
	}
	for _, w := range j.rules.waivable {
		if w.rule == rule && slices.Contains(w.roles, r.Reviewer.Role) {
			return ""
		}
	}
	return fmt.Sprintf("the policy lets nobody waive %q as %s", rule, r.Reviewer.Role)
}

// chained follows delta reviews by their baselines to a full approval that was
// in force: each by a reviewer of the same role, none longer than maxDeltas.
func (j *reviewJudge) chained(r *provenance.Review, v *ReviewVerdict) (code, message string) {
	if r.Kind != provenance.Delta {
		return "", ""
	}
	at := r
	for range maxDeltas {
		base := at.Reviewed.Baseline
		next := j.approved(*base, v.Role)
		if next == nil {
			return provenance.CodeReviewBaselineMissing, fmt.Sprintf("no approval as %s of its baseline %v is at hand", v.Role, base.Subject)
		}
		if next.Kind != provenance.Delta {
			return "", ""
		}
		at = next
	}
	return provenance.CodeReviewBaselineMissing, fmt.Sprintf("no full approval within %d delta reviews", maxDeltas)
}

// maxDeltas bounds delta upon delta: after ten, somebody looks at the whole.
const maxDeltas = 10

// approved finds an approval of a baseline by a reviewer of the role.
func (j *reviewJudge) approved(base provenance.Baseline, role string) *provenance.Review {
	var delta *provenance.Review
	for _, s := range j.c.Reviewing.Reviews {
		r := s.Review
		if r == nil || r.Subject != base.Subject || r.Reviewed.Substance != base.Substance || r.Reviewer.Role != role {
			continue
		}
		if r.Kind != provenance.Approval && r.Kind != provenance.Renewal && r.Kind != provenance.Delta || !r.Decision.Approves() {
			continue
		}
		if code, _ := j.admits(s, &ReviewVerdict{}); code != "" || j.takenBack(s.Statement, r.Subject) {
			continue
		}
		if r.Kind != provenance.Delta {
			return r
		}
		delta = r
	}
	return delta
}

// takenBack says whether somebody withdrew a review, or knows a violation, of
// a baseline.
func (j *reviewJudge) takenBack(statement, subject artifact.Digest) bool {
	return slices.ContainsFunc(j.c.Reviewing.Reviews, func(s SignedReview) bool {
		r := s.Review
		if r == nil || r.Subject != subject {
			return false
		}
		takes := r.Kind == provenance.Withdrawal && slices.Contains(r.Supersedes, statement)
		if !takes && r.Kind != provenance.Violation && r.Kind != provenance.Rejection {
			return false
		}
		code, _ := j.admits(s, &ReviewVerdict{})
		return code == ""
	})
}

// withdraw takes back what withdrawals name: an approval by one person, a
// rejection or violation by two, of whom none signed the model.
func (j *reviewJudge) withdraw() {
	takers, independent := map[artifact.Digest][]string{}, map[artifact.Digest][]string{}
	for _, v := range j.verdicts {
		if !v.Counts() || v.Kind != provenance.Withdrawal {
			continue
		}
		code, _ := j.independent(v.review, &v)
		for _, d := range v.review.Supersedes {
			if !slices.Contains(takers[d], v.Person) {
				takers[d] = append(takers[d], v.Person)
				if code == "" {
					independent[d] = append(independent[d], v.Person)
				}
			}
		}
	}
	for i := range j.verdicts {
		v := &j.verdicts[i]
		by := takers[v.Statement]
		need := 1
		if v.Kind == provenance.Rejection || v.Kind == provenance.Violation {
			by, need = independent[v.Statement], 2
		}
		if v.Counts() && v.Kind != provenance.Withdrawal && len(by) >= need {
			slices.Sort(by)
			v.Code, v.Message = provenance.CodeReviewWithdrawn, "taken back by "+strings.Join(by, ", ")
		}
	}
}

// supersede lets of one person's reviews in one role, which count, only the
// last stand: a later abstention ends an earlier approval as well.
func (j *reviewJudge) supersede() {
	decides := func(v ReviewVerdict) bool {
		return v.Kind == provenance.Approval || v.Kind == provenance.Renewal || v.Kind == provenance.Delta
	}
	for i := range j.verdicts {
		v := &j.verdicts[i]
		if !v.Counts() || !decides(*v) {
			continue
		}
		for _, o := range j.verdicts {
			later := o.SignedAt.After(v.SignedAt) && (o.Counts() || o.Code == provenance.CodeReviewAbstained)
			if later && decides(o) && o.Person == v.Person && o.Role == v.Role {
				v.Code, v.Message = provenance.CodeReviewSuperseded, fmt.Sprintf("%s reviewed again on %s", v.Person, o.SignedAt.Format("2006-01-02"))
				break
			}
		}
	}
}

// quorum lists who can stand for each role, and counts distinct persons: each
// stands for one role of a model, since nobody is their own second pair of eyes.
func (j *reviewJudge) quorum() []QuorumState {
	var out []QuorumState
	for _, q := range j.rules.quorum {
		s := QuorumState{Role: q.role, Min: q.min, Criteria: q.criteria}
		for _, v := range j.verdicts {
			if v.Role == q.role && v.Counts() && v.met != nil && !slices.Contains(s.Persons, v.Person) &&
				!slices.ContainsFunc(q.criteria, func(id string) bool { return !v.met[id] }) {
				s.Persons = append(s.Persons, v.Person)
			}
		}
		slices.Sort(s.Persons)
		out = append(out, s)
	}
	assign(out)
	return out
}

// assign gives persons to roles so that as many places as possible are filled
// (augmenting paths of a bipartite matching), and counts them.
func assign(roles []QuorumState) {
	holds := map[string]int{} // person → role
	var place func(role int, tried map[string]bool) bool
	place = func(role int, tried map[string]bool) bool {
		for _, name := range roles[role].Persons {
			if tried[name] {
				continue
			}
			tried[name] = true
			other, held := holds[name]
			if held && (other == role || !place(other, tried)) {
				continue
			}
			holds[name] = role
			return true
		}
		return false
	}
	for i := range roles {
		for range roles[i].Min {
			if !place(i, map[string]bool{}) {
				break
			}
			roles[i].Counted++
		}
	}
}

// reasons turns verdicts and quorum into what speaks for and against.
func (j *reviewJudge) reasons(state []QuorumState) []Reason {
	var out []Reason
	if j.c.Manifest == nil {
		return []Reason{{Code: provenance.CodeReviewMissing, Effect: Hold, Message: "there is no record that a review could be of"}}
	}
	for _, v := range j.verdicts {
		r := Reason{Code: v.Code, Effect: Allow, Subject: v.Statement.String(), Message: v.Message}
		if v.Person != "" {
			r.Message = fmt.Sprintf("review of %s as %s: %s", v.Person, v.Role, v.Message)
		}
		switch {
		case v.Code == provenance.CodeReviewMalformed && v.Person != "":
			r.Effect = Hold // a reviewer said something, and nobody can read what
		case v.Code == provenance.CodeReviewNoTime && v.Kind == provenance.Withdrawal:
			r.Effect = Hold // a reviewer takes something back, and nobody knows when
		case v.Counts() && v.Kind == provenance.Violation:
			r.Code, r.Effect = provenance.CodeReviewViolation, Deny
			r.Message = fmt.Sprintf("%s reports a violation: %q", v.Person, v.review.Statement)
		case v.Counts() && v.Kind == provenance.Rejection:
			r.Code, r.Effect = provenance.CodeReviewRejected, Deny
			r.Message = fmt.Sprintf("%s rejects it: %q", v.Person, v.review.Statement)
		}
		out = append(out, r)
	}
	for _, q := range state {
		if q.Met() {
			continue
		}
		message := fmt.Sprintf("%d of %d reviews as %s count", q.Counted, q.Min, q.Role)
		if why := j.shortfall(q); why != "" {
			message += ": " + why
		}
		out = append(out, Reason{Code: provenance.CodeReviewMissing, Effect: Hold, Subject: q.Role, Message: message})
	}
	return out
}

// shortfall says why reviews of a role do not count towards its quorum.
func (j *reviewJudge) shortfall(q QuorumState) string {
	var why []string
	for _, v := range j.verdicts {
		if v.Role != q.Role || slices.Contains(q.Persons, v.Person) {
			continue
		}
		if !v.Counts() {
			why = append(why, fmt.Sprintf("%s [%s]", v.Message, v.Code))
			continue
		}
		for _, id := range q.Criteria {
			if r, ok := v.refused[id]; ok {
				why = append(why, fmt.Sprintf("criterion %q: %s [%s]", id, r.Message, r.Code))
			}
		}
	}
	return strings.Join(why, "; ")
}

// waive lets reviews in force take the place of rules that are not met, where
// the policy says that they may. A rule that could not be evaluated is not
// waived: nobody knows what of.
func (j *reviewJudge) waive(reasons []Reason) []Reason {
	for i, r := range reasons {
		if r.Code != provenance.CodeRuleNotMet {
			continue
		}
		if by, ok := j.waived(r.Subject); ok {
			reasons[i].Code, reasons[i].Effect = provenance.CodeRuleWaived, Allow
			reasons[i].Message = fmt.Sprintf("%s (waived by %s)", r.Message, by)
			continue
		}
		for _, w := range j.rules.waivable {
			if w.rule == r.Subject {
				reasons[i].Message = fmt.Sprintf("%s (may be waived by a reviewer as %s)", r.Message, strings.Join(w.roles, " or "))
			}
		}
	}
	return reasons
}

// waived says whether a review in force waives a rule, by whom and until when.
func (j *reviewJudge) waived(rule string) (by string, ok bool) {
	for _, v := range j.verdicts {
		if !v.Counts() || v.met == nil {
			continue
		}
		for _, w := range v.Waivers {
			if w.Rule == rule && j.waiverRefused(v.review, w.ID, rule) == "" {
				return fmt.Sprintf("%s as %s, until %s: %q", v.Person, v.Role, w.ExpiresAt.Format("2006-01-02"), w.Statement), true
			}
		}
	}
	return "", false
}
