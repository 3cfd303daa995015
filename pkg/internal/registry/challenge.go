package registry

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// maxChallenge bounds the WWW-Authenticate headers of one answer, in bytes;
// real ones have about 200.
const maxChallenge = 8 << 10

// A challenge is one WWW-Authenticate challenge. Names of parameters are in
// lower case.
type challenge struct {
	scheme string // lower case
	params map[string]string
}

// A challenger stands between oras-go's authentication client and the wire and
// rewrites what registries ask for into what this client gives: a token for
// reading one repository, from a place that may be asked.
type challenger struct {
	next     http.RoundTripper
	registry *url.URL
	// secret says whether credentials would be sent to a token service.
	secret func(*http.Request) (bool, error)
}

// RoundTrip implements http.RoundTripper.
func (c *challenger) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusUnauthorized || !sameOrigin(req.URL, c.registry) {
		return resp, err
	}
	header, err := c.rewrite(req, resp.Header.Values("Www-Authenticate"))
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	if header == "" {
		resp.Header.Del("Www-Authenticate")
	} else {
		resp.Header.Set("Www-Authenticate", header)
	}
	return resp, nil
}

// rewrite picks the challenge to answer: Bearer before Basic. Its scope is
// dropped, whatever it says: the one that is asked for is the client's
// business (RP-21: a challenge may ask for push and delete on everything).
func (c *challenger) rewrite(req *http.Request, values []string) (string, error) {
	all := parseChallenges(values)
	for _, ch := range all {
		if ch.scheme != "bearer" {
			continue
		}
		realm := ch.params["realm"]
		if err := c.checkRealm(req, realm); err != nil {
			return "", err
		}
		header := "Bearer realm=" + quote(realm)
		if service := ch.params["service"]; service != "" {
			header += ",service=" + quote(service)
		}
		return header, nil
	}
	for _, ch := range all {
		if ch.scheme == "basic" {
			return `Basic realm="registry"`, nil
		}
	}
	return "", nil
}

// checkRealm judges where a token would be asked for. Anonymous tokens may
// come from anywhere that the dialer lets pass; a password or refresh token
// goes only to the registry's own host or its own domain (CVE-2026-48978).
func (c *challenger) checkRealm(req *http.Request, realm string) error {
	u, err := url.Parse(realm)
	if quoted, uerr := strconv.Unquote(quote(realm)); uerr != nil || quoted != realm {
		// What is judged here must be what oras-go will ask.
		return refuse("unusable challenge: token service %q", clip(realm))
	}
	if err != nil || u.Host == "" || u.User != nil || (u.Scheme != "http" && u.Scheme != "https") {
		return refuse("unusable challenge: token service %q", realm)
	}
	if c.registry.Scheme == "https" && u.Scheme != "https" {
		return refuse("unusable challenge: token service %q is not https", realm)
	}
	if sameParty(c.registry.Hostname(), u.Hostname()) {
		return nil
	}
	secret, err := c.secret(req)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnauthorized, err)
	}
	if secret {
		return fmt.Errorf("%w: refusing to send the credentials for %q to the token service at %q, which is not of the same domain",
			ErrUnauthorized, c.registry.Host, u.Host)
	}
	return nil
}

// sameParty says whether two hosts are one, or names below one registrable
// domain, as registry-1.docker.io and auth.docker.io are.
func sameParty(a, b string) bool {
	a, b = strings.ToLower(strings.TrimSuffix(a, ".")), strings.ToLower(strings.TrimSuffix(b, "."))
	if a == b {
		return true
	}
	for _, h := range []string{a, b} {
		if _, err := netip.ParseAddr(h); err == nil {
			return false
		}
	}
	da, err := publicsuffix.EffectiveTLDPlusOne(a)
	if err != nil {
		return false
	}
	db, err := publicsuffix.EffectiveTLDPlusOne(b)
	return err == nil && da == db
}

// quote writes an RFC 9110 quoted-string that both that grammar and Go's
// string syntax (which oras-go reads) understand; other bytes are dropped.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(s) {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c >= 0x20 && c < 0x7f:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// parseChallenges reads RFC 9110, §11.6.1, from all header values. It never
// fails: what cannot be read ends the list, and a challenge that is not
// understood is one that is not answered. The first value of a repeated
// parameter counts.
func parseChallenges(values []string) []challenge {
	var list []challenge
	total := 0
	for _, v := range values {
		if total += len(v); total > maxChallenge {
			break
		}
		list = append(list, parseChallengeList(v)...)
	}
	return list
}

func parseChallengeList(s string) []challenge {
	var list []challenge
	for {
		s = strings.TrimLeft(s, " \t,")
		word, rest := cutToken(s)
		if word == "" {
			return list
		}
		after := strings.TrimLeft(rest, " \t")
		if !strings.HasPrefix(after, "=") || len(list) == 0 {
			list = append(list, challenge{scheme: strings.ToLower(word), params: map[string]string{}})
			s = skipToken68(rest)
			continue
		}
		value, tail, ok := cutValue(strings.TrimLeft(after[1:], " \t"))
		if !ok {
			return list
		}
		params := list[len(list)-1].params
		if key := strings.ToLower(word); params[key] == "" {
			params[key] = value
		}
		s = tail
	}
}

// skipToken68 steps over credentials-like data after a scheme ("Negotiate
// abc=="), which is no parameter: what comes before the next comma without
// being "name=value".
func skipToken68(s string) string {
	t := strings.TrimLeft(s, " \t")
	word, rest := cutToken(t)
	if word == "" {
		return s
	}
	end := strings.TrimLeft(rest, "=/+")
	if end == "" || end[0] == ',' {
		return end
	}
	return s
}

func cutToken(s string) (token, rest string) {
	i := 0
	for i < len(s) && isTokenByte(s[i]) {
		i++
	}
	return s[:i], s[i:]
}

// isTokenByte is tchar of RFC 9110, §5.6.2.
func isTokenByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// cutValue reads a token or a quoted-string from the front of s.
func cutValue(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		value, rest = cutToken(s)
		return value, rest, value != ""
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; c {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i == len(s) {
				return "", "", false
			}
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}
