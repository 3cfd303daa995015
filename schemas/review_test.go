package schemas_test

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// honestReview is a sound review as its signer writes it.
const honestReview = `{
 "_type": "https://in-toto.io/Statement/v1",
 "predicateType": "https://github.com/modelcheck/modelcheck/model-review/v1",
 "subject": [{"digest": {"sha256": "DIGEST"}}],
 "predicate": {
  "kind": "approval",
  "reviewer": {"id": "anna@example.com", "role": "legal"},
  "reviewedAt": "2026-11-01T10:00:00Z",
  "tool": "modelcheck 1.0",
  "reviewed": {"substance": "sha256:DIGEST", "manifest": "sha256:DIGEST", "report": "sha256:DIGEST", "renderer": "review-sheet/1", "policy": "sha256:DIGEST"},
  "decision": "approve-with-conditions",
  "criteria": [
   {"id": "license-acceptable", "digest": "sha256:DIGEST", "result": "met"},
   {"id": "training-data-disclosed", "digest": "sha256:DIGEST", "result": "not-met", "waiver": "w1"}
  ],
  "scope": {"environments": ["prod"]},
  "waivers": [{"id": "w1", "rule": "training-data-disclosed", "justification": "compensating-control", "owner": "cto@example.com", "statement": "Outputs are filtered.", "expiresAt": "2027-02-01T00:00:00Z"}],
  "conditions": [{"id": "c1", "text": "No customer data in prompts."}],
  "validity": {"notBefore": "2026-11-01T10:00:00Z", "expiresAt": "2027-05-01T00:00:00Z"},
  "statement": "I have seen report sha256:DIGEST."
 }
}`

// TestDishonestReviews: what a review may not say is refused twice, by the
// schema and by the reader.
func TestDishonestReviews(t *testing.T) {
	schema := compile(t, "review-v1.json")
	hex := strings.Repeat("ab", 32)
	check := func(doc string) (bySchema, byReader error) {
		var v any
		if err := json.Unmarshal([]byte(doc), &v); err != nil {
			t.Fatal(err)
		}
		_, byReader = provenance.DecodeReview([]byte(doc))
		return schema.Validate(v), byReader
	}
	honest := strings.ReplaceAll(honestReview, "DIGEST", hex)
	if bySchema, byReader := check(honest); bySchema != nil || byReader != nil {
		t.Fatalf("an honest review is refused: %v, %v", bySchema, byReader)
	}
	for name, edit := range map[string][2]string{
		"unmet criterion without waiver":      {`"result": "not-met", "waiver": "w1"`, `"result": "not-met"`},
		"a waiver of a criterion that is met": {`"result": "met"`, `"result": "met", "waiver": "w1"`},
		"approval that assessed nothing":      {`"criteria": [`, `"criteria": [], "x": [`},
		"no report":                           {`"report": "sha256:` + hex + `", `, ``},
		"no substance":                        {`"substance": "sha256:` + hex + `", `, ``},
		"two subjects":                        {`"subject": [`, `"subject": [{"digest": {"sha256": "` + hex + `"}}, `},
		"a subject by name":                   {`"subject": [{`, `"subject": [{"name": "tokenizer.json", `},
		"no expiry":                           {`, "expiresAt": "2027-05-01T00:00:00Z"`, ``},
		"a waiver without end":                {`, "expiresAt": "2027-02-01T00:00:00Z"`, ``},
		"a waiver in words of its own":        {`compensating-control`, `we-trust-them`},
		"conditions that are none":            {`"conditions": [{"id": "c1", "text": "No customer data in prompts."}],`, ``},
		"plain approval with conditions":      {`"approve-with-conditions"`, `"approve"`},
		"a rejection that approves":           {`"kind": "approval"`, `"kind": "rejection"`},
		"a withdrawal that approves":          {`"kind": "approval"`, `"kind": "withdrawal"`},
		"a delta without baseline":            {`"kind": "approval"`, `"kind": "delta"`},
		"a renewal of nothing":                {`"kind": "approval"`, `"kind": "renewal"`},
		"evidence out of band, unnamed":       {`compensating-control`, `evidence-out-of-band`},
		"a statement about no report":         {`I have seen report sha256:` + hex, `I have seen it`},
		"no role":                             {`, "role": "legal"`, ``},
		"an unknown decision":                 {`"approve-with-conditions"`, `"lgtm"`},
		"an unknown member":                   {`"tool":`, `"quorum": "met", "tool":`},
		"another predicate":                   {`model-review/v1`, `model-review/v9`},
	} {
		if !strings.Contains(honest, edit[0]) {
			t.Fatalf("%s: nothing to edit", name)
		}
		doc := strings.Replace(honest, edit[0], edit[1], 1)
		if name == "approval that assessed nothing" {
			doc = strings.Replace(honest, `"result": "met"`, `"result": "not-assessed"`, 1)
			doc = strings.Replace(doc, `"result": "not-met", "waiver": "w1"`, `"result": "not-assessed"`, 1)
		}
		bySchema, byReader := check(doc)
		if bySchema == nil {
			t.Errorf("%s: the schema accepts it", name)
		}
		if byReader == nil {
			t.Errorf("%s: the reader accepts it", name)
		}
	}
	// What only arithmetic can refuse.
	for name, edit := range map[string][2]string{
		"valid for ever":                  {`"expiresAt": "2027-05-01T00:00:00Z"`, `"expiresAt": "2029-05-01T00:00:00Z"`},
		"ends before it begins":           {`"expiresAt": "2027-05-01T00:00:00Z"`, `"expiresAt": "2026-05-01T00:00:00Z"`},
		"a waiver that outlives it":       {`"2027-02-01T00:00:00Z"`, `"2027-06-01T00:00:00Z"`},
		"a waiver of another criterion":   {`"rule": "training-data-disclosed"`, `"rule": "license-acceptable"`},
		"a vendor who is waited for long": {`compensating-control`, `vendor-response-pending`},
		"the same criterion twice":        {`"id": "license-acceptable"`, `"id": "training-data-disclosed"`},
	} {
		if _, byReader := check(strings.Replace(honest, edit[0], edit[1], 1)); byReader == nil {
			t.Errorf("%s: the reader accepts it", name)
		}
	}
}
