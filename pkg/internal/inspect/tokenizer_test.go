package inspect

import (
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

const tokenizerText = `{"version":"1.0","truncation":null,"added_tokens":[{"id":0,"content":"<s>"}],"normalizer":null,"pre_tokenizer":{"type":"ByteLevel"},"model":{"type":"BPE","vocab":{"a":1,"b":2},"merges":["a b"]},"decoder":null}`

// TestFingerprint: layout and padding do not count, everything that maps text
// to numbers does.
func TestFingerprint(t *testing.T) {
	one := fingerprint([]byte(tokenizerText))
	change := func(old, replacement string) string { return strings.Replace(tokenizerText, old, replacement, 1) }
	for name, text := range map[string]string{
		"layout":     change(`{"version"`, "{ \n \"version\""),
		"order":      change(`{"a":1,"b":2}`, `{"b":2,"a":1}`),
		"truncation": change(`"truncation":null`, `"truncation":{"max_length":5}`),
	} {
		if fingerprint([]byte(text)) != one {
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
		if d := fingerprint([]byte(text)); d == one || d.IsZero() {
			t.Errorf("%s does not count", name)
		}
	}
	for name, text := range map[string]string{
		"two readings": change(`"a":1`, `"a":2,"a":1`),
		"no model":     `{"version":"1.0"}`,
		"not JSON":     "x",
	} {
		if !fingerprint([]byte(text)).IsZero() {
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
		claimTokenizer: `"` + fingerprint([]byte(tokenizerText)).String() + `"`,
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
