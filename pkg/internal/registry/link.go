package registry

import (
	"net/url"
	"strings"
)

// maxLink bounds the Link headers of one answer, in bytes.
const maxLink = 16 << 10

// nextLink returns the target of the first link with relation "next", "" if
// there is none (RFC 8288, §3; distribution-spec 1.1, §Listing Referrers). What
// cannot be read is an error: a list that ends because its link was not
// understood would be a shorter list.
func nextLink(values []string) (string, error) {
	if len(strings.Join(values, "")) > maxLink {
		return "", refuse("Link header over %d bytes", maxLink)
	}
	for _, v := range values {
		for {
			v = strings.TrimLeft(v, " \t,")
			if v == "" {
				break
			}
			target, isNext, rest, ok := cutLink(v)
			if !ok {
				return "", refuse("malformed Link header %q", clip(v))
			}
			if isNext {
				return target, nil
			}
			v = rest
		}
	}
	return "", nil
}

// cutLink reads one "<target>; name=value; …" from the front of s.
func cutLink(s string) (target string, isNext bool, rest string, ok bool) {
	if !strings.HasPrefix(s, "<") {
		return "", false, "", false
	}
	target, s, ok = strings.Cut(s[1:], ">")
	if !ok {
		return "", false, "", false
	}
	for seenRel := false; ; {
		s = strings.TrimLeft(s, " \t")
		if s == "" || s[0] == ',' {
			return target, isNext, s, true
		}
		if s[0] != ';' {
			return "", false, "", false
		}
		name, tail := cutToken(strings.TrimLeft(s[1:], " \t"))
		s = strings.TrimLeft(tail, " \t")
		var value string
		if strings.HasPrefix(s, "=") {
			if value, s, ok = cutValue(strings.TrimLeft(s[1:], " \t")); !ok {
				return "", false, "", false
			}
		}
		// The first rel counts (RFC 8288, §3.3); it is a list of words.
		if strings.EqualFold(name, "rel") && !seenRel {
			seenRel = true
			for word := range strings.FieldsSeq(value) {
				isNext = isNext || strings.EqualFold(word, "next")
			}
		}
	}
}

// follow resolves a next link against the page that it stood on. It must stay
// on the registry: the next request carries its token.
func follow(page *url.URL, link string) (*url.URL, error) {
	u, err := page.Parse(link)
	if err != nil {
		return nil, refuse("malformed next link %q", clip(link))
	}
	if !sameOrigin(u, page) || u.User != nil {
		return nil, refuse("next link leaves the registry: %q", clip(link))
	}
	u.Fragment = ""
	return u, nil
}
