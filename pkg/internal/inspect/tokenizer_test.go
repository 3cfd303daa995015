package inspect

import (
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

const tokenizerText = `{"version":"1.0","truncation":null,"added_tokens":[{"id":0,"content":"<s>"}],"normalizer":null,"pre_tokenizer":{"type":"ByteLevel"},"model":{"type":"BPE","vocab":{"a":1,"b":2},"merges":["a b"]},"decoder":null}`

func fingerprintOf(text []byte) artifact.Digest {
	t, err := readTokenizer(text)
	if err != nil {
		return artifact.Digest{}
	}
	return t.fingerprint()
}

// TestTokenizerFindings: what a tokenizer does beyond turning text into
// numbers, each with neighbours that are usual.
func TestTokenizerFindings(t *testing.T) {
	unigram := `{"model":{"type":"Unigram","vocab":[["<unk>",0],["a",-1.5],["b",-2]]},"added_tokens":[{"id":0,"content":"<unk>"}]}`
	for name, tc := range map[string]struct{ old, new, rule string }{
		"usual":                         {`"b":2`, `"b":3`, ""},
		"a number twice":                {`"b":2`, `"b":1`, "MC-TOKENIZER-IDS"},
		"added over the vocabulary":     {`"id":0`, `"id":1`, "MC-TOKENIZER-IDS"},
		"added as in the vocabulary":    {`{"id":0,"content":"<s>"}`, `{"id":1,"content":"a"}`, ""},
		"added with another number":     {`{"id":0,"content":"<s>"}`, `{"id":7,"content":"a"}`, "MC-TOKENIZER-IDS"},
		"added twice":                   {`{"id":0,"content":"<s>"}`, `{"id":0,"content":"<s>"},{"id":0,"content":"</s>"}`, "MC-TOKENIZER-IDS"},
		"added with two numbers":        {`{"id":0,"content":"<s>"}`, `{"id":0,"content":"<s>"},{"id":9,"content":"<s>"}`, "MC-TOKENIZER-IDS"},
		"a negative number":             {`"b":2`, `"b":-2`, "MC-TOKENIZER-IDS"},
		"a number over all bounds":      {`"b":2`, `"b":99999999999`, "MC-TOKENIZER-IDS"},
		"a text for a number":           {`"b":2`, `"b":"2"`, "MC-TOKENIZER-IDS"},
		"unigram":                       {tokenizerText, unigram, ""},
		"unigram, added over":           {tokenizerText, strings.Replace(unigram, `"id":0`, `"id":1`, 1), "MC-TOKENIZER-IDS"},
		"unigram, a token twice, added": {tokenizerText, strings.Replace(unigram, `"b"`, `"<unk>"`, 1), "MC-TOKENIZER-IDS"},
		"a normalizer":                  {`"normalizer":null`, `"normalizer":{"type":"Replace","pattern":{"Regex":"n.t"},"content":""}`, "MC-TOKENIZER-REPLACE"},
		"order does not count":          {`"normalizer":null`, `"normalizer":{"content":"","pattern":{"String":"not"},"type":"Replace"}`, "MC-TOKENIZER-REPLACE"},
		"spaces":                        {`"normalizer":null`, `"normalizer":{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},{"type":"Replace","pattern":{"String":" "},"content":"▁"}]}`, ""},
		"many spaces":                   {`"normalizer":null`, `"normalizer":{"type":"Replace","pattern":{"Regex":" {2,}"},"content":"▁"}`, ""},
		"a space for a word":            {`"normalizer":null`, `"normalizer":{"type":"Replace","pattern":{"String":"not"},"content":" "}`, "MC-TOKENIZER-REPLACE"},
		"a word for a space":            {`"decoder":null`, `"decoder":{"type":"Replace","pattern":{"String":"▁"},"content":" not "}`, "MC-TOKENIZER-REPLACE"},
		"no replacement":                {`"normalizer":null`, `"normalizer":{"type":"Split","pattern":{"String":"a"},"content":"b"}`, ""},
		"a name twice":                  {`"a":1`, `"a":2,"a":1`, "MC-CONFIG-MALFORMED"},
		"no model":                      {`"model"`, `"models"`, "MC-CONFIG-MALFORMED"},
	} {
		text := strings.Replace(tokenizerText, tc.old, tc.new, 1)
		f := look("tokenizer.json", []byte(text), 100)
		if got := ruleIDs(f.Findings); tc.rule == "" && len(got) > 0 || tc.rule != "" && !slices.Equal(got, []string{tc.rule}) {
			t.Errorf("%s: %v %+v", name, got, f.Findings)
		}
		if unreadable := tc.rule == "MC-CONFIG-MALFORMED"; unreadable != (f.Class == ClassUnknown) {
			t.Errorf("%s: class %v", name, f.Class)
		}
	}
}

// TestFingerprint: layout and padding do not count, everything that maps text
// to numbers does.
func TestFingerprint(t *testing.T) {
	one := fingerprintOf([]byte(tokenizerText))
	change := func(old, replacement string) string { return strings.Replace(tokenizerText, old, replacement, 1) }
	for name, text := range map[string]string{
		"layout":     change(`{"version"`, "{ \n \"version\""),
		"order":      change(`{"a":1,"b":2}`, `{"b":2,"a":1}`),
		"truncation": change(`"truncation":null`, `"truncation":{"max_length":5}`),
	} {
		if fingerprintOf([]byte(text)) != one {
			t.Errorf("%s counts", name)
		}
	}
	for name, text := range map[string]string{
		"another id":    change(`"b":2`, `"b":3`),
		"other merges":  change(`"a b"`, `"b a"`),
		"a normaliser":  change(`"normalizer":null`, `"normalizer":{"type":"Replace","pattern":"a","content":"b"}`),
		"a decoder":     change(`"decoder":null`, `"decoder":{"type":"Replace"}`),
		"another token": change(`"<s>"`, `"<t>"`),
	} {
		if d := fingerprintOf([]byte(text)); d == one || d.IsZero() {
			t.Errorf("%s does not count", name)
		}
	}
	for name, text := range map[string]string{
		"two readings": change(`"a":1`, `"a":2,"a":1`),
		"no model":     `{"version":"1.0"}`,
		"not JSON":     "x",
	} {
		if !fingerprintOf([]byte(text)).IsZero() {
			t.Errorf("%s has a fingerprint", name)
		}
	}
}

// TestFingerprintsAreVerified: templates, tokenizer, mix of number formats and
// shards are observations on bytes, with the file that they are in.
func TestFingerprintsAreVerified(t *testing.T) {
	files := llamaFiles("", nil)
	files["tokenizer.json"] = tokenizerText
	files["tokenizer_config.json"] = `{"chat_template":"{{ messages }}"}`
	s := summaryOf(files)
	want := map[string]string{
		claimTokenizer: `"` + fingerprintOf([]byte(tokenizerText)).String() + `"`,
		claimTemplates: `["` + artifact.SumSHA256([]byte("{{ messages }}")).String() + `"]`,
		claimMix:       `{"BF16":2792}`,
		claimShards:    `{"files":2,"numbered":2,"indexed":2,"missing":0}`,
		claimStored:    `{"count":2792,"text":"2792"}`,
	}
	for claim, value := range want {
		i := slices.IndexFunc(s.Observations, func(o provenance.ClaimObservation) bool { return o.Claim == claim })
		if i < 0 {
			t.Errorf("no %s", claim)
			continue
		}
		if o := s.Observations[i]; string(o.Value) != value || o.Grade != provenance.Verified || o.Source.Digest.IsZero() || o.Source.Path == "" {
			t.Errorf("%s: %s %+v", claim, o.Value, o)
		}
	}
	delete(files, "model-00002-of-000002.safetensors")
	for _, o := range summaryOf(files).Observations {
		if o.Claim == claimShards && string(o.Value) != `{"files":1,"numbered":2,"indexed":2,"missing":1}` {
			t.Errorf("a lost shard: %s", o.Value)
		}
	}
}

// TestTokenizerOverTheLimit: one that is too large to be read is not passed over.
func TestTokenizerOverTheLimit(t *testing.T) {
	padding := strings.Repeat(" ", maxIndex-len(tokenizerText))
	for name, tc := range map[string]struct {
		more string
		want []string
	}{
		"at the limit": {"", nil},
		"a byte over":  {" ", []string{"MC-CODE-LIMIT"}},
	} {
		f := look("tokenizer.json", []byte(tokenizerText+padding+tc.more), 1<<20)
		if got := ruleIDs(f.Findings); !slices.Equal(got, tc.want) || (f.Class == ClassUnknown) != (tc.want != nil) {
			t.Errorf("%s: %v, class %v", name, got, f.Class)
		}
	}
}
