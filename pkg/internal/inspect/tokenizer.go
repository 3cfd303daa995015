package inspect

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
)

const methodTokenizer = "tokenizer-fingerprint/1"

// fingerprint is the SHA-256 of the canonical JSON (RFC 8785) of the members of
// a tokenizer.json that say how text becomes numbers and back: the same
// whatever the order and the layout of the file, and whatever it says about
// padding and truncation. It is zero where there is no one reading of the text.
func fingerprint(text []byte) artifact.Digest {
	var t struct {
		AddedTokens   jsontext.Value `json:"added_tokens,omitzero"`
		Normalizer    jsontext.Value `json:"normalizer,omitzero"`
		PreTokenizer  jsontext.Value `json:"pre_tokenizer,omitzero"`
		Model         jsontext.Value `json:"model,omitzero"`
		PostProcessor jsontext.Value `json:"post_processor,omitzero"`
		Decoder       jsontext.Value `json:"decoder,omitzero"`
	}
	if strictjson.Check(text) != nil || json.Unmarshal(text, &t) != nil || len(t.Model) == 0 || t.Model.Kind() != '{' {
		return artifact.Digest{}
	}
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
