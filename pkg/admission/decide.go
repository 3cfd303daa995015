package admission

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/policy"
)

// MaxMessage is the longest message of a Response in bytes. API servers cut
// nothing, but people read it in one line of a terminal.
const MaxMessage = 4 << 10

// maxReasons is how many reasons a message spells out.
const maxReasons = 10

// A Response is an admission answer: what stands in allowed and in
// status.{code,message} of an AdmissionReview v1. The zero value denies.
type Response struct {
	Allowed bool
	Code    int // an HTTP status
	Message string
}

// Decide turns a verdict into an answer, and is the only place that does. Only
// a verdict that allows lets the object in; a hold, a denial, and a verdict
// that was never reached keep it out, each with its own words. Reasons are
// quoted as the verdict gives them.
func Decide(v policy.Verdict) Response {
	switch v.Outcome {
	case policy.Allow:
		if v.Allowed() {
			return Response{Allowed: true, Code: http.StatusOK, Message: message("modelcheck allows the model", v.Reasons)}
		}
	case policy.Hold:
		return Response{Code: http.StatusForbidden, Message: message("modelcheck holds the model: somebody has to decide", v.Reasons)}
	case policy.Deny:
		return Response{Code: http.StatusForbidden, Message: message("modelcheck denies the model", v.Reasons)}
	case policy.Undecided:
	}
	return Response{Code: http.StatusInternalServerError, Message: message("modelcheck reached no verdict", v.Reasons)}
}

func message(head string, reasons []policy.Reason) string {
	var b strings.Builder
	b.WriteString(head)
	for i, r := range reasons {
		if i == maxReasons {
			fmt.Fprintf(&b, "; and %d more reasons", len(reasons)-i)
			break
		}
		separator := "; "
		if i == 0 {
			separator = ": "
		}
		b.WriteString(separator + r.Message + " (" + r.Code + ")")
	}
	return cut(b.String())
}

// cut keeps a message within MaxMessage, and valid UTF-8.
func cut(s string) string { return short(s, MaxMessage) }

// short keeps a text within so many bytes, and valid UTF-8.
func short(s string, most int) string {
	const more = "…"
	s = strings.ToValidUTF8(s, "\ufffd")
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most-len(more)], "") + more
}
