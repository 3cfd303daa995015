package disclose

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A jsonDoc is a JSON object of a stranger whose members can be pointed at.
type jsonDoc struct {
	kind   provenance.SourceKind
	method string
	path   string
	digest artifact.Digest
	text   []byte
}

// A member is a value in a jsonDoc with its place.
type member struct {
	value   jsontext.Value
	pointer string
	start   int // byte at which its name begins
	end     int
}

// open checks the text as a whole, so that no other reader can see another
// document in it. One that fails is reported and not read.
func (c *collector) open(d jsonDoc) bool {
	err := strictjson.Check(d.text)
	if err == nil {
		c.searched(d.path, d.digest)
		return true
	}
	c.find(provenance.Finding{ID: provenance.CodeConfigMalformed, Subject: d.path, Digest: d.digest, Detail: valid(err.Error())})
	return false
}

// at finds a member by its RFC 6901 pointer; every step is a name of an object.
func (d jsonDoc) at(pointer string) (member, bool) {
	m := member{value: d.text, end: len(d.text)}
	for step := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		name := strings.ReplaceAll(strings.ReplaceAll(step, "~1", "/"), "~0", "~")
		inner, ok := memberOf(m.value, name)
		if !ok {
			return member{}, false
		}
		inner.start += m.end - len(m.value)
		inner.end += m.end - len(m.value)
		m = inner
	}
	m.pointer = pointer
	return m, true
}

// memberOf finds a member of the object that text holds. The text was checked.
func memberOf(text []byte, name string) (member, bool) {
	dec := jsontext.NewDecoder(bytes.NewReader(text))
	if token, err := dec.ReadToken(); err != nil || token.Kind() != '{' {
		return member{}, false
	}
	for dec.PeekKind() == '"' {
		token, err := dec.ReadToken()
		if err != nil {
			return member{}, false
		}
		key := token.String()
		at := int(dec.InputOffset())
		value, err := dec.ReadValue()
		if err != nil {
			return member{}, false
		}
		if key == name {
			start := bytes.LastIndexByte(text[:at-1], '"')
			return member{value: bytes.Clone(value), start: max(start, 0), end: int(dec.InputOffset())}, true
		}
	}
	return member{}, false
}

// source points at a member, and quotes it as it stands.
func (d jsonDoc) source(m member) provenance.Source {
	s := provenance.Source{
		Kind: d.kind, Path: d.path, Digest: d.digest, Pointer: m.pointer,
		Quote: quote(string(d.text[m.start:m.end])),
	}
	if d.kind == provenance.SourceFile {
		line := func(at int) int { return 1 + bytes.Count(d.text[:at], []byte{'\n'}) }
		s.Lines = []int{line(m.start), line(m.end)}
	}
	return s
}

func (d jsonDoc) observe(m member, v provenance.Value) provenance.Observation {
	return declared(v, d.method, d.source(m))
}

// string returns the string at pointer; other values are none.
func (d jsonDoc) string(pointer string) (string, member, bool) {
	m, ok := d.at(pointer)
	var s string
	if !ok || json.Unmarshal(m.value, &s) != nil || strings.TrimSpace(s) == "" {
		return "", m, false
	}
	return s, m, true
}

// strings returns the list of strings at pointer, or the one string there.
func (d jsonDoc) strings(pointer string) ([]string, member, bool) {
	if s, m, ok := d.string(pointer); ok {
		return []string{s}, m, true
	}
	m, ok := d.at(pointer)
	var list []string
	if !ok || json.Unmarshal(m.value, &list) != nil || len(list) == 0 {
		return nil, m, false
	}
	return list, m, true
}

// sayText and its like make an observation of a member that has the form that
// the claim wants; one of another form says nothing.
func (c *collector) sayText(d jsonDoc, pointer, claim string) {
	if s, m, ok := d.string(pointer); ok {
		c.say(claim, d.observe(m, textValue(s)))
	}
}

func (c *collector) sayList(d jsonDoc, pointer, claim string) {
	if list, m, ok := d.strings(pointer); ok {
		c.say(claim, d.observe(m, listValue(list)))
	}
}

// sayLicenses makes one observation of each licence in the list: a list does
// not say whether it means all of them or any.
func (c *collector) sayLicenses(d jsonDoc, pointer, claim string) bool {
	list, m, ok := d.strings(pointer)
	for _, id := range list {
		c.say(claim, d.observe(m, textValue(hubLicense(id))))
	}
	return ok
}

// sayNumber reads a positive integer.
func (c *collector) sayNumber(d jsonDoc, pointer, claim string) {
	m, ok := d.at(pointer)
	if !ok || m.value.Kind() != '0' {
		return
	}
	f, err := strconv.ParseFloat(string(m.value), 64)
	if err != nil {
		return
	}
	if n, ok := roundCount(f); ok {
		c.say(claim, d.observe(m, marshal(count{Count: n, Text: string(m.value)})))
	}
}

// sayElementLicenses reads the license member of every object in a list.
func (c *collector) sayElementLicenses(d jsonDoc, pointer, claim string) {
	list, ok := d.at(pointer)
	var elements []jsontext.Value
	if !ok || json.Unmarshal(list.value, &elements) != nil {
		return
	}
	for i, element := range elements {
		m, ok := memberOf(element, "license")
		var id string
		if !ok || json.Unmarshal(m.value, &id) != nil || strings.TrimSpace(id) == "" {
			continue
		}
		s := d.source(list)
		s.Pointer = pointer + "/" + strconv.Itoa(i) + "/license"
		s.Quote = quote(string(element[m.start:m.end]))
		c.say(claim, declared(textValue(hubLicense(id)), d.method, s))
	}
}
