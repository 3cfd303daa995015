package admission

import (
	"net/http"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/policy"
)

func TestDecide(t *testing.T) {
	unsigned := []policy.Reason{{Code: "signature-missing", Effect: policy.Deny, Message: "nobody signed it"}}
	tests := []struct {
		name    string
		verdict policy.Verdict
		allowed bool
		code    int
		says    string
	}{
		{"allow", policy.Verdict{Outcome: policy.Allow}, true, http.StatusOK, "modelcheck allows the model"},
		{"zero", policy.Verdict{}, false, http.StatusInternalServerError, "modelcheck reached no verdict"},
		{"hold", policy.Verdict{Outcome: policy.Hold}, false, http.StatusForbidden, "modelcheck holds the model: somebody has to decide"},
		{"deny", policy.Verdict{Outcome: policy.Deny, Reasons: unsigned}, false, http.StatusForbidden, "modelcheck denies the model: nobody signed it (signature-missing)"},
		{"an outcome of the future", policy.Verdict{Outcome: policy.Outcome(77)}, false, http.StatusInternalServerError, "modelcheck reached no verdict"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Decide(tt.verdict)
			if got.Allowed != tt.allowed || got.Code != tt.code || got.Message != tt.says {
				t.Errorf("%+v", got)
			}
		})
	}
	if (Response{}).Allowed {
		t.Error("the zero response allows")
	}
}

func TestDecideIsBrief(t *testing.T) {
	long := make([]policy.Reason, 50)
	for i := range long {
		long[i] = policy.Reason{Code: "x", Message: strings.Repeat("ü", 500)}
	}
	got := Decide(policy.Verdict{Outcome: policy.Deny, Reasons: long})
	if len(got.Message) > MaxMessage {
		t.Errorf("%d bytes", len(got.Message))
	}
	short := Decide(policy.Verdict{Outcome: policy.Deny, Reasons: make([]policy.Reason, 12)})
	if !strings.HasSuffix(short.Message, "and 2 more reasons") {
		t.Error(short.Message)
	}
}
