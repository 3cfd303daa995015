package policy

// effectiveReviews is what the policy's digest covers of reviews.
type effectiveReviews struct {
	Persons  []effectivePerson   `json:"reviewers"`
	Criteria map[string][]string `json:"criteria"`
	Quorum   []effectiveQuorum   `json:"quorum"`
	Waivable map[string][]string `json:"waivers"`
	Excluded []string            `json:"notAmong"`
	MaxAge   string              `json:"maxAge"`
	Claimed  bool                `json:"claimedTime"`
	Index    []string            `json:"index"`
}

type effectivePerson struct {
	Name    string   `json:"name"`
	Roles   []string `json:"roles"`
	Signers []string `json:"signers"`
}

type effectiveQuorum struct {
	Role     string   `json:"role"`
	Min      int      `json:"min"`
	Criteria []string `json:"criteria"`
}

func (r *reviewRules) effective() *effectiveReviews {
	if r == nil {
		return nil
	}
	out := &effectiveReviews{Criteria: map[string][]string{}, Waivable: map[string][]string{}, Excluded: r.excluded, MaxAge: r.maxAge.String(), Claimed: r.claimed}
	for _, who := range r.persons {
		out.Persons = append(out.Persons, effectivePerson{who.name, who.roles, who.signers})
	}
	for _, c := range r.criteria {
		out.Criteria[c.id] = append([]string{c.digest.String()}, c.implies...)
		for _, d := range c.accepts {
			out.Criteria[c.id] = append(out.Criteria[c.id], "accepts "+d.String())
		}
	}
	for _, q := range r.quorum {
		out.Quorum = append(out.Quorum, effectiveQuorum{q.role, q.min, q.criteria})
	}
	for _, w := range r.waivable {
		out.Waivable[w.rule] = w.roles
	}
	if r.index != nil {
		out.Index = r.index.signers
	}
	return out
}
