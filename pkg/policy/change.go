package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"go.yaml.in/yaml/v3"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A Change makes another record of a recorded one, for a test: a value is set,
// added to a list, or removed. Its path goes down the record's JSON by names,
// by numbers, and in lists by a member that an element has:
// /claims/id=license.weights/state.
type Change struct {
	Set, Add, Remove string // the path; one of them is given
	Value            any
}

func parseChanges(n *yaml.Node) ([]Change, error) {
	if n == nil {
		return nil, nil
	}
	list, err := items(n, "change")
	if err != nil {
		return nil, err
	}
	var out []Change
	for _, item := range list {
		f, err := fields(item, "change", "set", "add", "remove", "value")
		if err != nil {
			return nil, err
		}
		var c Change
		given := 0
		for name, to := range map[string]*string{"set": &c.Set, "add": &c.Add, "remove": &c.Remove} {
			if f[name] == nil {
				continue
			}
			given++
			if *to, err = text(f[name], name); err != nil {
				return nil, err
			}
			if !strings.HasPrefix(*to, "/") {
				return nil, fail(f[name], "%s: %q is no path: it begins with a slash", name, *to)
			}
		}
		if given != 1 || (c.Remove == "") != (f["value"] != nil) {
			return nil, fail(item, "change: want set with value, add with value, or remove")
		}
		if f["value"] != nil {
			if err := f["value"].Decode(&c.Value); err != nil {
				return nil, fail(f["value"], "value: %v", err)
			}
		}
		out = append(out, c)
	}
	return out, nil
}

// changed returns a copy of the record with the changes. It may be dishonest:
// that is for the policy to see.
func changed(m *provenance.Manifest, changes []Change) (*provenance.Manifest, error) {
	if len(changes) == 0 {
		return m, nil
	}
	data, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("changing the record: %w", err)
	}
	var tree any
	if err := json.Unmarshal(data, &tree); err != nil {
		return nil, fmt.Errorf("changing the record: %w", err)
	}
	for _, c := range changes {
		if tree, err = c.apply(tree, strings.Split(strings.TrimPrefix(c.Set+c.Add+c.Remove, "/"), "/")); err != nil {
			return nil, fmt.Errorf("changing %s: %w", c.Set+c.Add+c.Remove, err)
		}
	}
	if data, err = json.Marshal(tree); err != nil {
		return nil, fmt.Errorf("changing the record: %w", err)
	}
	out := new(provenance.Manifest)
	if err := json.Unmarshal(data, out, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("changing the record: %w", err)
	}
	out.Subject = m.Subject
	return out, nil
}

// apply changes what lies at path below node, and returns node.
func (c Change) apply(node any, path []string) (any, error) {
	switch node := node.(type) {
	case map[string]any:
		return c.applyObject(node, path)
	case []any:
		return c.applyList(node, path)
	default:
		return nil, fmt.Errorf("nothing lies below a value at %q", path[0])
	}
}

func (c Change) applyObject(node map[string]any, path []string) (any, error) {
	name := path[0]
	below, there := node[name]
	switch {
	case len(path) > 1 && !there:
		return nil, fmt.Errorf("there is no %q", name)
	case len(path) > 1:
		next, err := c.apply(below, path[1:])
		node[name] = next
		return node, err
	case c.Remove != "" && !there:
		return nil, fmt.Errorf("there is no %q to remove", name)
	case c.Remove != "":
		delete(node, name)
	case c.Set != "":
		node[name] = c.Value
	default:
		list, ok := below.([]any)
		if there && !ok {
			return nil, fmt.Errorf("%q is no list", name)
		}
		node[name] = append(list, c.Value)
	}
	return node, nil
}

func (c Change) applyList(node []any, path []string) (any, error) {
	i := place(node, path[0])
	switch {
	case i < 0:
		return nil, fmt.Errorf("no element %q", path[0])
	case len(path) > 1:
		next, err := c.apply(node[i], path[1:])
		node[i] = next
		return node, err
	case c.Remove != "":
		return slices.Delete(node, i, i+1), nil
	case c.Set != "":
		node[i] = c.Value
		return node, nil
	default:
		return nil, fmt.Errorf("to add to a list, name the list")
	}
}

// place finds an element by its number, or by a member that it has.
func place(list []any, at string) int {
	if name, value, ok := strings.Cut(at, "="); ok {
		return slices.IndexFunc(list, func(e any) bool {
			o, _ := e.(map[string]any)
			s, ok := o[name].(string)
			return ok && s == value
		})
	}
	i, err := strconv.Atoi(at)
	if err != nil || i < 0 || i >= len(list) {
		return -1
	}
	return i
}
