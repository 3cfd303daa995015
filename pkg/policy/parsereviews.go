package policy

import (
	"cmp"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// parseReviewers reads who may review, and against which texts.
func (p *Policy) parseReviewers(criteria, reviewers *yaml.Node) error {
	if criteria == nil && reviewers == nil {
		return nil
	}
	p.reviews = &reviewRules{}
	if criteria != nil {
		if err := p.parseCriteria(criteria); err != nil {
			return err
		}
	}
	if reviewers == nil {
		return fail(criteria, "criteria are named, and no reviewers")
	}
	list, err := items(reviewers, "reviewers")
	if err != nil {
		return err
	}
	for _, item := range list {
		who, err := p.parsePerson(item)
		if err != nil {
			return err
		}
		p.reviews.persons = append(p.reviews.persons, who)
	}
	slices.SortFunc(p.reviews.persons, func(a, b person) int { return cmp.Compare(a.name, b.name) })
	return nil
}

func (p *Policy) parseCriteria(n *yaml.Node) error {
	list, err := items(n, "criteria")
	if err != nil {
		return err
	}
	for _, item := range list {
		f, err := fields(item, "criterion", "id", "digest", "implies", "accepts")
		if err != nil {
			return err
		}
		if f["id"] == nil || f["digest"] == nil {
			return fail(item, "criterion: want an id and the digest of its text (modelcheck review criteria prints both)")
		}
		var c criterion
		if c.id, err = text(f["id"], "id of a criterion"); err != nil {
			return err
		}
		s, err := text(f["digest"], "digest of a criterion")
		if err != nil {
			return err
		}
		if c.digest, err = artifact.ParseDigest(s); err != nil {
			return fail(f["digest"], "criterion %q: %v", c.id, err)
		}
		if f["implies"] != nil {
			if c.implies, err = texts(f["implies"], "implies"); err != nil {
				return err
			}
		}
		if f["accepts"] != nil {
			if c.accepts, err = parseAccepts(f["accepts"], c); err != nil {
				return err
			}
		}
		if p.hasCriterion(c.id) {
			return fail(item, "criterion %q stands twice", c.id)
		}
		p.reviews.criteria = append(p.reviews.criteria, c)
	}
	for i, c := range p.reviews.criteria {
		for _, id := range c.implies {
			if id == c.id || !p.hasCriterion(id) {
				return fail(list[i], "criterion %q implies %q, which is not another one of the policy", c.id, id)
			}
		}
	}
	slices.SortFunc(p.reviews.criteria, func(a, b criterion) int { return cmp.Compare(a.id, b.id) })
	return nil
}

// parseAccepts reads whose other texts answer a criterion, by digest.
func parseAccepts(n *yaml.Node, c criterion) ([]artifact.Digest, error) {
	list, err := texts(n, "accepts")
	if err != nil {
		return nil, err
	}
	var out []artifact.Digest
	for _, s := range list {
		d, err := artifact.ParseDigest(s)
		switch {
		case err != nil:
			return nil, fail(n, "criterion %q accepts: %v", c.id, err)
		case d == c.digest:
			return nil, fail(n, "criterion %q accepts its own text", c.id)
		}
		out = append(out, d)
	}
	slices.SortFunc(out, artifact.Digest.Compare)
	return out, nil
}

// parsePerson reads one person with all identities that are theirs: listed
// together, so that nobody counts twice.
func (p *Policy) parsePerson(item *yaml.Node) (person, error) {
	f, err := fields(item, "reviewer", "name", "roles", "signers")
	if err != nil {
		return person{}, err
	}
	var who person
	if who.name, err = named(item, f, "reviewer"); err != nil {
		return person{}, err
	}
	if f["roles"] == nil || f["signers"] == nil {
		return person{}, fail(item, "reviewer %q: want roles and signers", who.name)
	}
	if who.roles, err = texts(f["roles"], "roles"); err != nil {
		return person{}, err
	}
	if who.signers, err = p.parseSignerNames(f["signers"], "signers of a reviewer"); err != nil {
		return person{}, err
	}
	for _, o := range p.reviews.persons {
		if o.name == who.name {
			return person{}, fail(item, "reviewer %q stands twice", who.name)
		}
		for _, s := range who.signers {
			if slices.Contains(o.signers, s) {
				return person{}, fail(f["signers"], "signer %q is both %q and %q: one of them would count twice", s, o.name, who.name)
			}
		}
	}
	return who, nil
}

func (p *Policy) parseSignerNames(n *yaml.Node, what string) ([]string, error) {
	names, err := texts(n, what)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if !p.hasSigner(name) {
			return nil, fail(n, "%s: there is no signer %q", what, name)
		}
	}
	return names, nil
}

// parseReviews reads what reviews are demanded.
func (p *Policy) parseReviews(top, n *yaml.Node) error {
	switch {
	case n == nil && p.reviews == nil:
		return nil
	case n == nil:
		return fail(top, "reviewers are named and require.reviews is not: nothing would ask for them")
	case p.reviews == nil:
		return fail(n, "reviews: no reviewers are named")
	}
	f, err := fields(n, "reviews", "quorum", "waivers", "notAmong", "maxAge", "index", "claimedTime")
	if err != nil {
		return err
	}
	if f["quorum"] == nil {
		return fail(n, "reviews: no quorum")
	}
	if err := p.parseQuorum(f["quorum"]); err != nil {
		return err
	}
	if f["waivers"] != nil {
		if err := p.parseWaivable(f["waivers"]); err != nil {
			return err
		}
	}
	if f["notAmong"] != nil {
		if p.reviews.excluded, err = p.parseSignerNames(f["notAmong"], "notAmong"); err != nil {
			return err
		}
	}
	if p.reviews.maxAge, err = parseAge(f["maxAge"], "maxAge"); err != nil {
		return err
	}
	if f["claimedTime"] != nil {
		if p.reviews.claimed, err = boolean(f["claimedTime"], "claimedTime"); err != nil {
			return err
		}
	}
	return p.parseIndex(f["index"])
}

func (p *Policy) parseQuorum(n *yaml.Node) error {
	list, err := items(n, "quorum")
	if err != nil {
		return err
	}
	for _, item := range list {
		f, err := fields(item, "quorum", "role", "min", "criteria")
		if err != nil {
			return err
		}
		if f["role"] == nil || f["criteria"] == nil {
			return fail(item, "quorum: want a role, and the criteria that it answers for")
		}
		q := quorum{min: 1}
		if q.role, err = text(f["role"], "role"); err != nil {
			return err
		}
		if f["min"] != nil {
			if q.min, err = natural(f["min"], "min"); err != nil {
				return err
			}
		}
		if q.criteria, err = texts(f["criteria"], "criteria of a quorum"); err != nil {
			return err
		}
		for _, id := range q.criteria {
			if !p.hasCriterion(id) {
				return fail(f["criteria"], "quorum of %q: there is no criterion %q", q.role, id)
			}
		}
		if slices.ContainsFunc(p.reviews.quorum, func(o quorum) bool { return o.role == q.role }) {
			return fail(item, "the quorum of %q stands twice", q.role)
		}
		if have := p.withRole(q.role); have < q.min {
			return fail(item, "the quorum of %q can never be met: %d reviewers have that role, and %d are wanted", q.role, have, q.min)
		}
		p.reviews.quorum = append(p.reviews.quorum, q)
	}
	slices.SortFunc(p.reviews.quorum, func(a, b quorum) int { return cmp.Compare(a.role, b.role) })
	return nil
}

func (p *Policy) withRole(role string) int {
	n := 0
	for _, who := range p.reviews.persons {
		if slices.Contains(who.roles, role) {
			n++
		}
	}
	return n
}

func (p *Policy) hasCriterion(id string) bool {
	return slices.ContainsFunc(p.reviews.criteria, func(c criterion) bool { return c.id == id })
}

// parseWaivable reads what may be waived by whom: nothing that is not named.
func (p *Policy) parseWaivable(n *yaml.Node) error {
	list, err := items(n, "waivers")
	if err != nil {
		return err
	}
	for _, item := range list {
		f, err := fields(item, "waiver", "rule", "roles")
		if err != nil {
			return err
		}
		if f["rule"] == nil || f["roles"] == nil {
			return fail(item, "waiver: want a rule (a criterion's id or a rule's name), and the roles that may waive it")
		}
		var w waivable
		if w.rule, err = text(f["rule"], "rule of a waiver"); err != nil {
			return err
		}
		if w.roles, err = texts(f["roles"], "roles of a waiver"); err != nil {
			return err
		}
		for _, role := range w.roles {
			if p.withRole(role) == 0 {
				return fail(f["roles"], "waiver of %q: no reviewer has the role %q", w.rule, role)
			}
		}
		if slices.ContainsFunc(p.reviews.waivable, func(o waivable) bool { return o.rule == w.rule }) {
			return fail(item, "the waiver of %q stands twice", w.rule)
		}
		p.reviews.waivable = append(p.reviews.waivable, w)
	}
	slices.SortFunc(p.reviews.waivable, func(a, b waivable) int { return cmp.Compare(a.rule, b.rule) })
	return nil
}

func (p *Policy) parseIndex(n *yaml.Node) error {
	if n == nil {
		return nil
	}
	f, err := fields(n, "index", "signers")
	if err != nil {
		return err
	}
	if f["signers"] == nil {
		return fail(n, "index: want the signers of the list of reviews")
	}
	p.reviews.index = &indexRule{}
	p.reviews.index.signers, err = p.parseSignerNames(f["signers"], "signers of the index")
	return err
}

// reviewSigners are the names of signers that reviews ask for.
func (p *Policy) reviewSigners() []string {
	if p.reviews == nil {
		return nil
	}
	var out []string
	for _, who := range p.reviews.persons {
		out = append(out, who.signers...)
	}
	if p.reviews.index != nil {
		out = append(out, p.reviews.index.signers...)
	}
	return append(out, p.reviews.excluded...)
}
