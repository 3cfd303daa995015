package attest

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// maxDetail bounds the sentence of a candidate, in bytes: strangers' words and
// library errors can be long.
const maxDetail = 400

// A refusal says why a candidate does not hold.
type refusal struct {
	code   string
	detail string
	stage  int // how far checking against one root came
}

func (r *refusal) Error() string { return r.detail }

func refuse(code, format string, args ...any) *refusal {
	return &refusal{code: code, detail: fmt.Sprintf(format, args...)}
}

// at notes how far checking came.
func (r *refusal) at(stage int) *refusal {
	r.stage = stage
	return r
}

// reasonOf returns the code and the sentence for an error about a candidate.
func reasonOf(err error) (code, detail string) {
	var r *refusal
	var coded interface{ Code() string }
	switch {
	case errors.As(err, &r):
		return r.code, oneLine(r.detail)
	case errors.As(err, &coded):
		code = coded.Code()
	case errors.Is(err, artifact.ErrSizeMismatch):
		code = provenance.CodeSizeMismatch
	case errors.Is(err, artifact.ErrDigestMismatch):
		code = provenance.CodeDigestMismatch
	case errors.Is(err, strictjson.ErrMalformed):
		code = provenance.CodeManifestMalformed
	default:
		code = provenance.CodeRegistryError
	}
	return code, oneLine(err.Error())
}

// oneLine makes a library's error fit for a sentence: no control characters,
// no line ends, bounded.
func oneLine(s string) string {
	s = strings.Map(func(c rune) rune {
		switch {
		case c == '\n' || c == '\t' || c == '\u00a0':
			return ' ' // protojson writes U+00A0 at random, to keep callers from matching its errors
		case !unicode.IsPrint(c):
			return unicode.ReplacementChar
		}
		return c
	}, s)
	if len(s) <= maxDetail {
		return s
	}
	return strings.ToValidUTF8(s[:maxDetail], "") + "…"
}
