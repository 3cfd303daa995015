package oms

import (
	"bytes"
	"maps"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// The statement as it stands in JSON (in-toto Statement v1; §5.2, §6.5).
// Members that are none of these are kept apart: they are ignored, and told.
type (
	members = map[string]jsontext.Value

	wireStatement struct {
		Type          string         `json:"_type"`
		Subject       []wireSubject  `json:"subject"`
		PredicateType string         `json:"predicateType"`
		Predicate     jsontext.Value `json:"predicate"`
		More          members        `json:",embed"`
	}

	wireSubject struct {
		Name   string            `json:"name"`
		Digest map[string]string `json:"digest"`
		More   members           `json:",embed"`
	}

	wirePredicate struct {
		Serialization *wireSerialization `json:"serialization"`
		Resources     []wireResource     `json:"resources"`
		More          members            `json:",embed"`
	}

	wireSerialization struct {
		Method        string         `json:"method"`
		HashType      string         `json:"hash_type"`
		AllowSymlinks *bool          `json:"allow_symlinks"`
		ShardSize     jsontext.Value `json:"shard_size,omitzero"`
		IgnorePaths   []string       `json:"ignore_paths,omitzero"`
		More          members        `json:",embed"`
	}

	wireResource struct {
		Name      string  `json:"name"`
		Algorithm string  `json:"algorithm"`
		Digest    string  `json:"digest"`
		More      members `json:",embed"`
	}
)

// tooMany says whether the document has more than maxTokens tokens. Whether it
// is JSON at all is for its reader to say.
func tooMany(payload []byte) bool {
	dec := jsontext.NewDecoder(bytes.NewReader(payload), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	for range maxTokens {
		if _, err := dec.ReadToken(); err != nil {
			return false
		}
	}
	return true
}

// maxUnknown bounds how many unknown members are told: one is enough for a
// person to look at the document.
const maxUnknown = 32

// unknown names the members that v1.0 does not know, sorted.
func unknown(s *wireStatement, p *wirePredicate) []string {
	found := map[string]bool{}
	note := func(prefix string, more members) {
		for _, name := range slices.Sorted(maps.Keys(more)) {
			if len(found) < maxUnknown {
				found[prefix+name] = true
			}
		}
	}
	note("", s.More)
	for i := range s.Subject {
		note("subject[].", s.Subject[i].More)
	}
	note("predicate.", p.More)
	note("predicate.serialization.", p.Serialization.More)
	for i := range p.Resources {
		note("predicate.resources[].", p.Resources[i].More)
	}
	return slices.Sorted(maps.Keys(found))
}
