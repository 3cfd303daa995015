package provenance

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
)

// A listValue is a set of names, folded. The zero value is none.
type listValue struct {
	names   map[string]bool
	last    map[string]bool // what follows the last slash of each
	slashes int
}

func readList(v Value) (listValue, error) {
	var items []string
	if err := json.Unmarshal(v, &items); err != nil {
		return listValue{}, fmt.Errorf("want a JSON array of strings: %w", err)
	}
	l := listValue{names: make(map[string]bool, len(items)), last: make(map[string]bool, len(items))}
	for _, item := range items {
		if strings.TrimSpace(item) == "" {
			return listValue{}, errors.New("blank item")
		}
		name := fold(item)
		l.names[name] = true
		l.last[lastPart(name)] = true
		l.slashes += strings.Count(name, "/")
	}
	return l, nil
}

func lastPart(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// within says whether every name of t is one of u, with or without the part
// before its last slash; two such parts that differ name two things.
func (t listValue) within(u listValue) bool {
	for name := range t.names {
		qualified := strings.Contains(name, "/")
		switch {
		case u.names[name]:
		case !qualified && u.last[name]:
		case qualified && u.names[lastPart(name)]:
		default:
			return false
		}
	}
	return true
}
