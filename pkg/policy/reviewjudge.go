package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/policy/internal/expression"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// Reviews judges every review of the case by itself and counts those that hold
// towards the quorum of each role. It depends on nothing but p and c.
//
// A violation wins over everything; a rejection denies until two persons have
// taken it back; an approval takes one person to withdraw.
func (p *Policy) Reviews(c Case) ReviewState {
	var out ReviewState
	for _, level := range p.levels() {
		s := level.reviewsOwn(c)
		out.Required = out.Required || s.Required
		out.Reviews = append(out.Reviews, s.Reviews...)
		out.Quorum = append(out.Quorum, s.Quorum...)
		out.Reasons = append(out.Reasons, s.Reasons...)
	}
	return out
}

func (p *Policy) reviewsOwn(c Case) ReviewState {
	if p == nil || p.reviews == nil {
		return ReviewState{}
	}
	return p.judgeReviews(c).state()
}

func (p *Policy) judgeReviews(c Case) *reviewJudge {
	j := &reviewJudge{p: p, c: c, rules: p.reviews}
	if c.Manifest != nil && len(c.Reviewing.Reviews) > 0 {
		j.substance, _ = provenance.SubstanceDigest(c.Manifest)
	}
	j.judge()
	return j
}

func (j *reviewJudge) state() ReviewState {
	out := ReviewState{Required: true}
	out.Reviews = j.verdicts
	out.Quorum = j.quorum()
	out.Reasons = slices.Concat(j.reasons(out.Quorum), j.judgeIndex())
	if unseen(j.c.Candidates) {
		out.Reasons = append(out.Reasons, unseenReason(Hold, "a rejection or withdrawal"))
	}
	return out
}

// approvals are the reviews in force, as rules see them.
func (j *reviewJudge) approvals() []expression.Review {
	var out []expression.Review
	for _, v := range j.verdicts {
		if v.Counts() {
			out = append(out, expression.Review{Reviewer: v.Person, Role: v.Role, Decision: v.Decision.String(), Time: v.SignedAt, Expires: v.ExpiresAt})
		}
	}
	return out
}

type reviewJudge struct {
	p         *Policy
	c         Case
	rules     *reviewRules
	substance artifact.Digest
	verdicts  []ReviewVerdict
	record    *expression.Record // nil until a condition needs it
}

// judge gives each review of the artifact its verdict. Of several copies of one
// the best counts: strangers may sign it again, or leave its time out.
func (j *reviewJudge) judge() {
	at := map[artifact.Digest]int{}
	for _, s := range j.c.Reviewing.Reviews {
		if j.c.Manifest == nil || s.Review != nil && s.Review.Subject != j.c.Manifest.Subject {
			continue
		}
		v := j.one(s)
		if i, again := at[s.Statement]; !again {
			at[s.Statement] = len(j.verdicts)
			j.verdicts = append(j.verdicts, v)
		} else if v.before(j.verdicts[i]) {
			j.verdicts[i] = v
		}
	}
	j.withdraw()
	j.supersede()
	slices.SortFunc(j.verdicts, func(a, b ReviewVerdict) int {
		return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.Person, b.Person), a.SignedAt.Compare(b.SignedAt), cmp.Compare(a.Statement.String(), b.Statement.String()))
	})
}

// before says whether v, of another copy of the same review, is the one to go
// by: a reviewer's own copy, and of those the oldest, since anybody can have a
// signature stamped again.
func (v ReviewVerdict) before(o ReviewVerdict) bool {
	rank := func(v ReviewVerdict) int {
		switch {
		case v.Counts() || !v.SignedAt.IsZero():
			return 0
		case v.Person != "":
			return 1
		default:
			return 2
		}
	}
	return cmp.Or(cmp.Compare(rank(v), rank(o)), v.SignedAt.Compare(o.SignedAt)) < 0
}

// one judges a review as if it were alone.
func (j *reviewJudge) one(s SignedReview) ReviewVerdict {
	v := ReviewVerdict{Statement: s.Statement, identity: s.Candidate.Identity, review: s.Review}
	if code, message := j.admits(s, &v); code != "" {
		v.Code, v.Message = code, message
		return v
	}
	r := s.Review
	switch r.Kind {
	case provenance.Violation, provenance.Rejection, provenance.Withdrawal:
		v.Code, v.Message = provenance.CodeReviewCounted, fmt.Sprintf("%s of %s", r.Kind, v.Person)
		return v // a warning does not lapse, whatever it was that was seen
	case provenance.Approval, provenance.Renewal, provenance.Delta:
	default:
		v.Code, v.Message = provenance.CodeReviewMalformed, "no kind"
		return v
	}
	for _, check := range []func(*provenance.Review, *ReviewVerdict) (string, string){
		j.independent, j.current, j.sameRecord, j.inScope, j.conditions, j.complete, j.chained,
	} {
		if code, message := check(r, &v); code != "" {
			v.Code, v.Message = code, message
			return v
		}
	}
	j.assess(r, &v)
	v.Code, v.Message = provenance.CodeReviewCounted, fmt.Sprintf("%s as %s, until %s", r.Decision, v.Role, r.Validity.ExpiresAt.Format(time.DateOnly))
	return v
}

// admits asks who made the review, and when: by facts that were proven, never
// by the review's own word.
func (j *reviewJudge) admits(s SignedReview, v *ReviewVerdict) (code, message string) {
	c := s.Candidate
	switch {
	case c.Verdict != provenance.Proven || c.Code != provenance.CodeAttestationVerified || c.PredicateType != provenance.ReviewType:
		return provenance.CodeReviewUnknownReviewer, "its signature is not verified: " + cmp.Or(c.Detail, c.Code)
	}
	name, roles := j.person(c)
	if v.Person = name; s.Review == nil {
		return provenance.CodeReviewMalformed, cmp.Or(s.Problem, "it cannot be read")
	}
	r := s.Review
	v.Kind, v.Decision, v.Role, v.ExpiresAt, v.Scope = r.Kind, r.Decision, r.Reviewer.Role, r.Validity.ExpiresAt, r.Scope
	v.Conditions, v.Waivers = r.Conditions, r.Waivers
	if name == "" {
		return provenance.CodeReviewUnknownReviewer, fmt.Sprintf("the policy calls %s no reviewer", describe(c.Identity))
	}
	if r.Reviewer.ID != identityID(c.Identity) {
		return provenance.CodeReviewWrongIdentity, fmt.Sprintf("it says that %q reviewed, and %s signed it", r.Reviewer.ID, describe(c.Identity))
	}
	if !slices.Contains(roles, r.Reviewer.Role) {
		return provenance.CodeReviewWrongRole, fmt.Sprintf("%s reviews as %q, and the policy gives %s", name, r.Reviewer.Role, strings.Join(roles, ", "))
	}
	at, ok := j.signedAt(c, r)
	if warns := r.Kind == provenance.Violation || r.Kind == provenance.Rejection; !ok && !warns {
		return provenance.CodeReviewNoTime, "no transparency log or timestamp authority says when it was signed"
	}
	v.SignedAt = at
	return "", ""
}

// person finds whose identity made the candidate, with everything that the
// policy demands of that signer.
func (j *reviewJudge) person(c provenance.Candidate) (name string, roles []string) {
	for _, person := range j.rules.persons {
		for _, s := range j.p.signers {
			if slices.Contains(person.signers, s.name) && j.p.made(s, c) {
				return person.name, person.roles
			}
		}
	}
	return "", nil
}

// identityID is how a review names its reviewer.
func identityID(i provenance.Identity) string { return cmp.Or(i.KeyFingerprint, i.Subject) }

// signedAt is the earliest verified time of signing: a later one may be that of
// a second timestamp, which anybody can ask for.
func (j *reviewJudge) signedAt(c provenance.Candidate, r *provenance.Review) (time.Time, bool) {
	var earliest time.Time
	for _, at := range trustedTimes(c.SignedAt) {
		t, err := time.Parse(time.RFC3339, at)
		if err != nil {
			return time.Time{}, false
		}
		if earliest.IsZero() || t.Before(earliest) {
			earliest = t
		}
	}
	if earliest.IsZero() && j.rules.claimed {
		earliest = r.ReviewedAt
	}
	return earliest, !earliest.IsZero()
}

// independent keeps those who signed the model, or whom the policy excludes,
// from approving it.
func (j *reviewJudge) independent(_ *provenance.Review, v *ReviewVerdict) (code, message string) {
	barred := slices.Clone(j.rules.excluded)
	for _, h := range j.p.signed(j.c.Manifest.Signatures) {
		barred = append(barred, h.signer)
	}
	for _, person := range j.rules.persons {
		if person.name != v.Person {
			continue
		}
		for _, name := range person.signers {
			if slices.Contains(barred, name) {
				return provenance.CodeReviewNotIndependent, fmt.Sprintf("%s signed the model as %q, or is excluded from reviewing", v.Person, name)
			}
		}
	}
	return "", ""
}

// current wants the review to be in force at the time of the judgement. The
// zero time is before every review.
func (j *reviewJudge) current(r *provenance.Review, v *ReviewVerdict) (code, message string) {
	at := j.c.At
	switch {
	case at.IsZero() || at.Before(r.Validity.NotBefore) || at.Before(v.SignedAt):
		return provenance.CodeReviewNotYetValid, fmt.Sprintf("it is valid from %s", r.Validity.NotBefore.Format(time.DateOnly))
	case !at.Before(r.Validity.ExpiresAt):
		return provenance.CodeReviewExpired, fmt.Sprintf("it expired on %s", r.Validity.ExpiresAt.Format(time.DateOnly))
	case !v.SignedAt.Before(r.Validity.ExpiresAt):
		return provenance.CodeReviewExpired, "it was signed after its own expiry"
	case v.SignedAt.Add(provenance.MaxReviewValidity).Before(r.Validity.ExpiresAt):
		return provenance.CodeReviewExpired, fmt.Sprintf("it says that it is valid until %s, longer than a review may after it was signed", r.Validity.ExpiresAt.Format(time.DateOnly))
	case j.rules.maxAge > 0 && at.Sub(v.SignedAt) > j.rules.maxAge:
		return provenance.CodeReviewExpired, fmt.Sprintf("it was signed %d days ago, and the policy wants at most %d", int(at.Sub(v.SignedAt).Hours()/24), int(j.rules.maxAge.Hours()/24))
	}
	return "", ""
}

// sameRecord wants the review to be of exactly what is seen now.
func (j *reviewJudge) sameRecord(r *provenance.Review, v *ReviewVerdict) (code, message string) {
	switch {
	case j.substance.IsZero() || r.Reviewed.Substance != j.substance:
		message = fmt.Sprintf("it is of a record with the substance digest %v, and something else is seen now", r.Reviewed.Substance)
		if before := j.c.Reviewing.Records[r.Reviewed.Substance]; before != nil {
			d := provenance.Diff(before, j.c.Manifest)
			v.Changes, message = &d, message+": "+d.String()
		}
		return provenance.CodeReviewOutdated, message
	case slices.Contains(r.Validity.InvalidatedBy, provenance.EventPolicy) && r.Reviewed.Policy != j.p.digest:
		return provenance.CodeReviewPolicyChanged, "it was made under another policy, and says that a change of policy ends it"
	}
	for _, s := range j.c.Reviewing.Sheets {
		if s.Renderer == r.Reviewed.Renderer && r.Reviewed.Policy == j.p.digest && s.Digest != r.Reviewed.Report {
			return provenance.CodeReviewReportDiffers, fmt.Sprintf("the report %v that it names was not rendered of this record", r.Reviewed.Report)
		}
	}
	return "", ""
}

func (j *reviewJudge) inScope(r *provenance.Review, _ *ReviewVerdict) (code, message string) {
	asked := j.c.Reviewing.For
	for _, s := range []struct {
		what, asked string
		granted     []string
	}{{"environment", asked.Environment, r.Scope.Environments}, {"use", asked.Use, r.Scope.Uses}} {
		switch {
		case s.asked != "" && slices.Contains(r.Scope.Excludes, s.asked):
			return provenance.CodeReviewOutOfScope, fmt.Sprintf("it excludes %s %q", s.what, s.asked)
		case len(s.granted) > 0 && s.asked == "":
			return provenance.CodeReviewOutOfScope, fmt.Sprintf("it holds for %s %s only, and nobody said which is wanted", s.what, strings.Join(s.granted, ", "))
		case len(s.granted) > 0 && !slices.Contains(s.granted, s.asked):
			return provenance.CodeReviewOutOfScope, fmt.Sprintf("it holds for %s %s, not for %q", s.what, strings.Join(s.granted, ", "), s.asked)
		}
	}
	if len(r.Scope.Excludes) > 0 && asked.Environment == "" && asked.Use == "" {
		return provenance.CodeReviewOutOfScope, "it excludes some uses, and nobody said what is wanted"
	}
	return "", ""
}

// conditions checks those that can be checked.
func (j *reviewJudge) conditions(r *provenance.Review, _ *ReviewVerdict) (code, message string) {
	for _, c := range r.Conditions {
		if c.Rule == "" {
			continue // for people: shown wherever the approval is
		}
		if ok, why := j.holds(c.Rule); !ok {
			return provenance.CodeReviewConditionUnmet, fmt.Sprintf("condition %q does not hold: %s", c.ID, why)
		}
	}
	return "", ""
}

// complete refuses an approval that decides nothing.
func (j *reviewJudge) complete(r *provenance.Review, _ *ReviewVerdict) (code, message string) {
	if !r.Decision.Approves() {
		return provenance.CodeReviewAbstained, "it abstains"
	}
	return "", ""
}

// holds evaluates a condition over the record. What cannot be evaluated does
// not hold.
func (j *reviewJudge) holds(condition string) (ok bool, why string) {
	e, err := expression.Condition(condition)
	if err != nil {
		return false, err.Error()
	}
	if j.record == nil {
		j.record = expression.NewRecord(j.p.facts(j.c))
	}
	held, err := e.Holds(j.record)
	switch {
	case err != nil:
		return false, "it could not be evaluated: " + printed(err.Error())
	case !held:
		return false, "it is false: " + printed(condition)
	}
	return true, ""
}
