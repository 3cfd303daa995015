package registry

import (
	"io"
	"net/http"
	"net/netip"
	"regexp"

	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
)

const (
	// maxErrorBody bounds what is read of an error page.
	maxErrorBody = 64 << 10
	// maxErrorText bounds what is shown of it.
	maxErrorText = 200
)

// reErrorCode is the form of error codes (distribution-spec 1.1, §Error Codes).
var reErrorCode = regexp.MustCompile(`^[A-Z_]{1,64}$`)

// noPrefixes blocks no realm; see newRemote.
var noPrefixes = []netip.Prefix{}

// statusError describes an answer with a status that was not asked for. Of the
// body only the registry's error code and message are kept (distribution-spec
// 1.1, §Error Codes); a page for browsers is not repeated.
func statusError(resp *http.Response) error {
	e := &StatusError{Host: resp.Request.URL.Host, Status: resp.StatusCode, RetryAfter: clip(resp.Header.Get("Retry-After"))}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	if err != nil {
		return e // the status says enough
	}
	var list struct {
		Errors []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	if strictjson.Decode(body, &list) != nil || len(list.Errors) == 0 {
		return e
	}
	if c := list.Errors[0].Code; reErrorCode.MatchString(c) {
		e.Code = c
	}
	e.Message = clip(list.Errors[0].Message)
	return e
}

func clip(s string) string { return s[:min(len(s), maxErrorText)] }
