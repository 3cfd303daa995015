package check

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// quotes wants every quotation to stand at its lines, and every pointer to
// lead somewhere, in the documents that are here.
func (k *evidenceCheck) quotes() {
	for _, c := range k.record.Claims {
		for _, o := range c.Observations {
			k.quote(c.ID, o.Source)
		}
	}
	for _, l := range k.record.Licensing {
		for _, t := range l.Terms {
			k.quote("licensing of "+l.Asset, t.Source)
		}
		for _, o := range l.Obligations {
			k.quote("licensing of "+l.Asset, o.Source)
		}
	}
	for _, l := range k.record.Lineage {
		k.quote("lineage", l.Source)
		k.quote("lineage", l.LicenseSource)
	}
}

func (k *evidenceCheck) quote(subject string, s provenance.Source) {
	text := k.dossier.Blobs[s.Digest]
	if text == nil || s.Digest.IsZero() {
		return
	}
	if len(s.Lines) == 2 && s.Quote != "" {
		if !standsAt(text, s.Lines[0], s.Lines[1], s.Quote) {
			k.refuse(provenance.CodeEvidenceQuote, subject, fmt.Sprintf("%q does not stand at lines %d to %d of %q", s.Quote, s.Lines[0], s.Lines[1], s.Path))
			return
		}
		k.out.Rechecked.Quotes++
	}
	var ok bool
	switch {
	case s.Kind == provenance.SourceAnnotation:
		ok = annotated(text, s.Pointer)
	case strings.HasPrefix(s.Pointer, "/"):
		if !jsontext.Value(text).IsValid() {
			return // a pointer into what was read another way: YAML, front matter
		}
		ok = pointed(text, s.Pointer)
	default:
		return
	}
	if !ok {
		k.refuse(provenance.CodeEvidencePointer, subject, fmt.Sprintf("%q leads to nothing in %q", s.Pointer, s.Path))
		return
	}
	k.out.Rechecked.Pointers++
}

// standsAt says whether a quotation stands at lines first to last, from 1,
// without regard to white space. What was cut off ends in "…".
func standsAt(text []byte, first, last int, quote string) bool {
	lines := bytes.Split(bytes.TrimPrefix(text, []byte("\ufeff")), []byte("\n"))
	if first < 1 || last < first || last > len(lines) {
		return false
	}
	there := squeeze(string(bytes.Join(lines[first-1:last], []byte("\n"))))
	want := squeeze(quote)
	if strings.Contains(there, want) {
		return true
	}
	cut, wasCut := strings.CutSuffix(want, "…")
	return wasCut && cut != "" && strings.Contains(there, cut)
}

// squeeze drops white space and replaces what is not UTF-8, as quotations do.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

func annotated(manifest []byte, name string) bool {
	var m struct {
		Annotations map[string]string `json:"annotations"`
	}
	if json.Unmarshal(manifest, &m) != nil {
		return false
	}
	_, ok := m.Annotations[name]
	return ok
}

// pointed resolves a JSON Pointer (RFC 6901).
func pointed(doc []byte, pointer string) bool {
	value := jsontext.Value(doc)
	for part := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		var object map[string]jsontext.Value
		var list []jsontext.Value
		switch {
		case json.Unmarshal(value, &object) == nil && object != nil:
			next, ok := object[part]
			if !ok {
				return false
			}
			value = next
		case json.Unmarshal(value, &list) == nil:
			var i int
			if n, err := fmt.Sscanf(part, "%d", &i); n != 1 || err != nil || i < 0 || i >= len(list) || fmt.Sprint(i) != part {
				return false
			}
			value = list[i]
		default:
			return false
		}
	}
	return true
}

func canonicalJSON(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	value := jsontext.Value(b)
	err = value.Canonicalize()
	return value, err
}
