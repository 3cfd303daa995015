package policy

import "regexp"

// patternSuffix ends the name of a field whose value is a pattern.
const patternSuffix = "Pattern"

// A matcher compares a whole string: with a text, byte by byte (no slash at an
// end is overlooked), or with a pattern. The zero value matches nothing.
type matcher struct {
	exact   string
	source  string // of the pattern
	pattern *regexp.Regexp
}

func (m matcher) matches(s string) bool {
	switch {
	case s == "":
		return false
	case m.pattern != nil:
		return m.pattern.MatchString(s)
	default:
		return m.exact == s
	}
}

// strangers are identities that nobody can have: .invalid is reserved (RFC
// 2606 §2). A pattern that matches one of them names nobody in particular.
var strangers = [...]string{
	"x",
	"mallory@modelcheck.invalid",
	"https://modelcheck.invalid/mallory",
	"https://modelcheck.invalid/mallory/model/.github/workflows/release.yaml@refs/heads/main",
	"spiffe://modelcheck.invalid/mallory",
}

// compilePattern makes the matcher of an RE2 expression, which must match the
// whole string whether it says so or not.
func compilePattern(source string) (matcher, string) {
	if _, err := regexp.Compile(source); err != nil { // by itself: "a)|(b" is none
		return matcher{}, "pattern does not compile: " + err.Error()
	}
	pattern, err := regexp.Compile("^(?:" + source + ")$")
	if err != nil {
		return matcher{}, "pattern does not compile: " + err.Error()
	}
	if pattern.MatchString("") {
		return matcher{}, "pattern matches the empty string"
	}
	for _, s := range strangers {
		if pattern.MatchString(s) {
			return matcher{}, "pattern names nobody in particular: it also matches " + s
		}
	}
	return matcher{source: source, pattern: pattern}, ""
}
