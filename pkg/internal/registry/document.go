package registry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
)

// A document is an OCI index that others write too. What they wrote is kept as
// they wrote it, members that nobody here knows included; only an entry is
// ever added.
type document struct {
	members map[string]json.RawMessage
	entries []json.RawMessage
	known   []listed // entries, as far as they are understood
}

func newDocument() *document {
	return &document{members: map[string]json.RawMessage{
		"schemaVersion": json.RawMessage("2"),
		"mediaType":     json.RawMessage(`"` + typeOCIIndex + `"`),
	}}
}

// parseDocument reads an index strictly: what two readers could read in two
// ways is not written on.
func parseDocument(body []byte) (*document, error) {
	d := new(document)
	var err error
	if d.known, err = parseIndex(body); err != nil {
		return nil, err
	}
	// The bytes are one JSON value without duplicate names; parseIndex saw to it.
	if err := json.Unmarshal(body, &d.members); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrResponse, err)
	}
	if err := json.Unmarshal(d.members["manifests"], &d.entries); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrResponse, err)
	}
	var mediaType string
	if raw, ok := d.members["mediaType"]; ok {
		if err := json.Unmarshal(raw, &mediaType); err != nil || mediaType != typeOCIIndex {
			return nil, refuse("a list of type %q, want an OCI index", clip(mediaType))
		}
	}
	return d, nil
}

// holds says whether an entry for the same bytes is there. What it says of
// their type is not compared: others have their own ways, and a second entry
// would say no more.
func (d *document) holds(e listed) bool { return contains(d.known, e) }

func contains(list []listed, e listed) bool {
	for _, k := range list {
		if k.Digest == e.Digest && k.Size == e.Size {
			return true
		}
	}
	return false
}

// with returns the document with one more entry, within the bounds that
// Referrers reads by.
func (d *document) with(e listed) ([]byte, error) {
	if n := len(d.entries) + 1; n > maxReferrers {
		return nil, &LimitError{What: "entries of the list", Limit: maxReferrers, Got: int64(n)}
	}
	own, err := marshal(struct {
		MediaType    string            `json:"mediaType"`
		Digest       string            `json:"digest"`
		Size         int64             `json:"size"`
		ArtifactType string            `json:"artifactType,omitempty"`
		Annotations  map[string]string `json:"annotations,omitempty"`
	}{e.MediaType, e.Digest, e.Size, e.ArtifactType, e.Annotations})
	if err != nil {
		return nil, err
	}
	members := maps.Clone(d.members)
	if members["manifests"], err = marshal(append(d.entries[:len(d.entries):len(d.entries)], own)); err != nil {
		return nil, err
	}
	body, err := marshal(members)
	if err == nil && len(body) > maxManifest {
		return nil, &LimitError{What: "size of the list in bytes", Limit: maxManifest, Got: int64(len(body))}
	}
	return body, err
}

// without returns the document without entries of the tag, where it is not
// empty, and without a nameless entry for the same bytes as e.
func (d *document) without(tag string, e listed) *document {
	out := &document{members: d.members}
	for i, k := range d.known {
		name := k.Annotations[refName]
		if tag != "" && name == tag || name == "" && k.Digest == e.Digest {
			continue
		}
		out.known, out.entries = append(out.known, k), append(out.entries, d.entries[i])
	}
	return out
}

// marshal writes v without the escapes that are meant for web pages, so that
// foreign text stays as it was.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
