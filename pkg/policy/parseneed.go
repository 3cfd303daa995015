package policy

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// parseNeed reads anyOf, allOf or atLeast of signers, and of groups of
// signers.
func (p *Policy) parseNeed(n *yaml.Node, what string) (need, error) {
	out, err := parseGroup(n, what, true)
	if err != nil {
		return need{}, err
	}
	names := out.names()
	for i, name := range names {
		if !p.hasSigner(name) {
			return need{}, fail(n, "%s: there is no signer %q", what, name)
		}
		if i > 0 && names[i-1] == name {
			return need{}, fail(n, "%s: signer %q stands twice, and counts once", what, name)
		}
	}
	if len(out.joint()) > maxJoint {
		return need{}, fail(n, "%s: more than %d groups that need several signers each", what, maxJoint)
	}
	return out, nil
}

// parseGroup reads one level. Only the upper one has groups.
func parseGroup(n *yaml.Node, what string, upper bool) (need, error) {
	f, err := fields(n, what, "anyOf", "allOf", "atLeast")
	if err != nil {
		return need{}, err
	}
	if len(f) != 1 {
		return need{}, fail(n, "%s: want exactly one of anyOf, allOf, atLeast", what)
	}
	if f["atLeast"] != nil {
		return parseAtLeast(f["atLeast"], upper)
	}
	if list := f["allOf"]; list != nil {
		out, err := parseParts(list, "allOf", upper)
		out.Count = out.parts()
		return out, err
	}
	out, err := parseParts(f["anyOf"], "anyOf", upper)
	out.Count = 1
	return out, err
}

func parseAtLeast(n *yaml.Node, upper bool) (need, error) {
	f, err := fields(n, "atLeast", "count", "of")
	if err != nil {
		return need{}, err
	}
	if f["count"] == nil || f["of"] == nil {
		return need{}, fail(n, "atLeast: want count and of")
	}
	count, err := natural(f["count"], "count")
	if err != nil {
		return need{}, err
	}
	out, err := parseParts(f["of"], "of", upper)
	if err != nil {
		return need{}, err
	}
	if out.Count = count; count > out.parts() {
		return need{}, fail(f["count"], "atLeast %d of %d can never be met", count, out.parts())
	}
	return out, nil
}

func parseParts(n *yaml.Node, what string, upper bool) (need, error) {
	list, err := items(n, what)
	if err != nil {
		return need{}, err
	}
	var out need
	for _, item := range list {
		if item.Kind == yaml.MappingNode {
			if !upper {
				return need{}, fail(item, "%s: groups of groups are too deep: two levels at most", what)
			}
			g, err := parseGroup(item, "group in "+what, false)
			if err != nil {
				return need{}, err
			}
			out.Groups = append(out.Groups, g)
			continue
		}
		name, err := text(item, what)
		if err != nil {
			return need{}, err
		}
		if slices.Contains(out.Of, name) {
			return need{}, fail(item, "%s: %q stands twice", what, name)
		}
		out.Of = append(out.Of, name)
	}
	slices.Sort(out.Of)
	slices.SortFunc(out.Groups, compareNeeds)
	return out, nil
}
