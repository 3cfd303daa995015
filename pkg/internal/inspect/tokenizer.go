package inspect

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

const methodTokenizer = "tokenizer-fingerprint/1"

// A tokenizer is what of a tokenizer.json says how text becomes numbers and
// back.
type tokenizer struct {
	AddedTokens   jsontext.Value `json:"added_tokens,omitzero"`
	Normalizer    jsontext.Value `json:"normalizer,omitzero"`
	PreTokenizer  jsontext.Value `json:"pre_tokenizer,omitzero"`
	Model         jsontext.Value `json:"model,omitzero"`
	PostProcessor jsontext.Value `json:"post_processor,omitzero"`
	Decoder       jsontext.Value `json:"decoder,omitzero"`
}

// readTokenizer wants one strict JSON document with a model.
func readTokenizer(text []byte) (*tokenizer, error) {
	t := new(tokenizer)
	if err := strictjson.Check(text); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, t); err != nil {
		return nil, fmt.Errorf("malformed tokenizer: %w", err)
	}
	if len(t.Model) == 0 || t.Model.Kind() != '{' {
		return nil, errors.New("malformed tokenizer: it has no model")
	}
	return t, nil
}

// fingerprint is the SHA-256 of the canonical JSON (RFC 8785) of the members
// that count: the same whatever the order and the layout of the file, and
// whatever it says about padding and truncation.
func (t *tokenizer) fingerprint() artifact.Digest {
	b, err := json.Marshal(t)
	if err != nil {
		return artifact.Digest{}
	}
	v := jsontext.Value(b)
	if v.Canonicalize() != nil {
		return artifact.Digest{}
	}
	return artifact.SumSHA256(v)
}

// tokenizerFacts reads a tokenizer.json: its fingerprint, and what it does
// beyond what its kind does.
func tokenizerFacts(name string, text []byte, f *Facts) {
	t, err := readTokenizer(text)
	if err != nil {
		f.Class = f.Class.Worse(ClassUnknown)
		f.Findings = append(f.Findings, newFinding("MC-CONFIG-MALFORMED", provenance.CodeConfigMalformed, name, err.Error(), nil))
		return
	}
	f.tokenizer = t.fingerprint()
	if said := t.twoMeanings(); said != "" {
		f.Findings = append(f.Findings, newFinding("MC-TOKENIZER-IDS", provenance.CodeTokenizerUnusual, name, said, nil))
	}
	for _, part := range []struct {
		what string
		raw  jsontext.Value
	}{{"normalizer", t.Normalizer}, {"pre_tokenizer", t.PreTokenizer}, {"decoder", t.Decoder}} {
		for _, r := range replacements(part.raw) {
			f.Findings = append(f.Findings, newFinding("MC-TOKENIZER-REPLACE", provenance.CodeTokenizerUnusual, name,
				fmt.Sprintf("the %s replaces %q by %q", part.what, clip(r.pattern), clip(r.content)), map[string]string{"part": part.what, "pattern": clip(r.pattern), "content": clip(r.content)}))
		}
	}
}

// maxTokenID bounds the numbers that are told apart; the largest vocabularies
// have 262,208.
const maxTokenID = 1 << 22

// twoMeanings says of the first number that stands for two tokens, or token
// that has two numbers, what it is, and how many there are; "" without one.
func (t *tokenizer) twoMeanings() string {
	first, n := "", 0
	note := func(format string, args ...any) {
		if n++; first == "" {
			first = fmt.Sprintf(format, args...)
		}
	}
	var added []struct {
		ID      uint64 `json:"id"`
		Content string `json:"content"`
	}
	if len(t.AddedTokens) > 0 && json.Unmarshal(t.AddedTokens, &added) != nil {
		return "the list of added tokens is not one of numbers and texts"
	}
	byID, byText := map[uint64]string{}, map[string]uint64{}
	for _, a := range added {
		if other, ok := byID[a.ID]; ok {
			note("the added tokens %q and %q have the number %d", clip(other), clip(a.Content), a.ID)
		}
		if other, ok := byText[a.Content]; ok {
			note("the added token %q has the numbers %d and %d", clip(a.Content), other, a.ID)
		}
		byID[a.ID], byText[a.Content] = a.Content, a.ID
	}
	var seen [maxTokenID / 64]uint64
	err := vocabulary(t.Model, func(token string, id uint64) {
		if id >= maxTokenID {
			note("token %q has the number %d, over all bounds", clip(token), id)
			return
		}
		if seen[id/64]&(1<<(id%64)) != 0 {
			note("token %q has the number %d, which another token has", clip(token), id)
		}
		seen[id/64] |= 1 << (id % 64)
		if other, ok := byID[id]; ok && other != token {
			note("number %d is token %q in the vocabulary and %q among the added tokens", id, clip(token), clip(other))
		} else if other, ok := byText[token]; ok && other != id {
			note("token %q has the number %d in the vocabulary and %d among the added tokens", clip(token), id, other)
		}
	})
	if err != nil {
		return "the vocabulary is not one of tokens and numbers: " + err.Error()
	}
	if n > 1 {
		first += fmt.Sprintf("; %d more are like it", n-1)
	}
	return first
}

// vocabulary visits the tokens of a model: a map to numbers, or for Unigram a
// list of pairs of a token and its score, in which the place is the number.
func vocabulary(model jsontext.Value, visit func(token string, id uint64)) error {
	var m struct {
		Vocab jsontext.Value `json:"vocab"`
	}
	if err := json.Unmarshal(model, &m); err != nil || len(m.Vocab) == 0 {
		return err
	}
	dec := jsontext.NewDecoder(bytes.NewReader(m.Vocab))
	switch open, err := dec.ReadToken(); {
	case err != nil:
		return err
	case open.Kind() == '[':
		for id := uint64(0); dec.PeekKind() == '['; id++ {
			pair, err := dec.ReadValue()
			var entry []jsontext.Value
			var token string
			if err == nil {
				err = json.Unmarshal(pair, &entry)
			}
			if err == nil && len(entry) > 0 {
				err = json.Unmarshal(entry[0], &token)
			}
			if err != nil {
				return err
			}
			visit(token, id)
		}
		return nil
	case open.Kind() != '{':
		return errors.New("it is no list and no map")
	}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return err
		}
		token := name.String()
		value, err := dec.ReadValue()
		if err != nil {
			return err
		}
		id, err := strconv.ParseUint(string(value), 10, 64)
		if err != nil {
			return fmt.Errorf("token %q", clip(token))
		}
		visit(token, id)
	}
	return nil
}

// A replacement is a part of a tokenizer that puts one text in the place of
// another.
type replacement struct{ pattern, content string }

// maxReplacements bounds those that are reported of one part.
const maxReplacements = 16

// replacements lists what a normalizer or decoder replaces, wherever it stands
// in a sequence. Spaces and the sign that SentencePiece writes for them are
// left out: replacing one by the other is what such tokenizers do.
func replacements(part jsontext.Value) []replacement {
	var out []replacement
	var at []string // the pattern and the content of the object at hand, by its place
	found := map[string]*replacement{}
	replaces := map[string]bool{}
	if len(part) == 0 {
		return nil
	}
	_ = walk(part, func(s scalar) { // strictjson has read it
		if len(s.path) == 0 {
			return
		}
		depth := len(s.path) - 2 // of the object that the member is in
		if s.path[len(s.path)-1].name == "String" || s.path[len(s.path)-1].name == "Regex" {
			depth--
		}
		place := ""
		if depth >= 0 {
			place = s.pointer(depth)
		}
		if found[place] == nil {
			found[place], at = &replacement{}, append(at, place)
		}
		switch last := s.path[depth+1].name; {
		case last == "type" && s.text == "Replace":
			replaces[place] = true
		case last == "pattern":
			found[place].pattern = s.text
		case last == "content":
			found[place].content = s.text
		}
	})
	for _, place := range at {
		r := *found[place]
		if replaces[place] && len(out) < maxReplacements && !(blank(r.pattern) && blank(r.content)) {
			out = append(out, r)
		}
	}
	return out
}

// blank knows texts, and patterns of them, that are nothing but spaces.
func blank(s string) bool { return strings.Trim(s, " \u2581{}(),+*^$\\s0123456789") == "" }
