package artifact

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
)

// ErrBadReference is wrapped by every error of ParseReference.
var ErrBadReference = errors.New("malformed reference")

// A Place says what kind of thing a reference points into. The zero value is
// nowhere.
type Place uint8

// The places that a model can be verified in.
const (
	Nowhere   Place = iota
	Registry        // an OCI registry
	Layout          // a folder in the OCI image layout
	Directory       // a plain tree of files
)

// String returns the word used in reports.
func (p Place) String() string {
	switch p {
	case Registry:
		return "registry"
	case Layout:
		return "oci-layout"
	case Directory:
		return "directory"
	default:
		return "nowhere"
	}
}

// A Reference names one artifact in one place. ParseReference is the only way
// to make a useful one; the zero value names nothing.
type Reference struct {
	place      Place
	host       string
	repository string
	path       string
	tag        string
	digest     Digest
}

// Grammar: OCI distribution-spec 1.1, §Pulling manifests.
var (
	reRepository = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	reTag        = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]*$`) // of at most maxTag bytes
	reHostLabel  = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$`)
	rePort       = regexp.MustCompile(`^[1-9][0-9]*$`)
	reScheme     = regexp.MustCompile(`^[a-z][a-z0-9+.-]*://`)
)

// maxRepository is the longest repository name; registries commonly refuse
// host and name together over 255 characters (distribution-spec 1.1).
const maxRepository = 255

// maxTag is the longest tag, in bytes.
const maxTag = 128

func isTag(s string) bool { return len(s) <= maxTag && reTag.MatchString(s) }

// ParseReference reads
//
//	HOST[:PORT]/REPOSITORY:TAG
//	HOST[:PORT]/REPOSITORY[:TAG]@DIGEST
//	oci-layout:PATH[:TAG|@DIGEST]
//	dir:PATH
//
// A leading "oci://" or "docker://" is accepted before the first two. Nothing
// is filled in: a reference without host, or with neither tag nor digest, is
// an error that wraps ErrBadReference.
func ParseReference(s string) (Reference, error) {
	r, err := parseReference(s)
	if err != nil {
		return Reference{}, fmt.Errorf("%w %q: %w", ErrBadReference, s, err)
	}
	return r, nil
}

func parseReference(s string) (Reference, error) {
	if i := strings.IndexFunc(s, unprintable); i >= 0 {
		return Reference{}, fmt.Errorf("control character at byte %d", i)
	}
	switch {
	case s == "":
		return Reference{}, errors.New("it is empty")
	case strings.HasPrefix(s, "oci-layout:"):
		return parseLayout(strings.TrimPrefix(s, "oci-layout:"))
	case strings.HasPrefix(s, "dir:"):
		return parseDirectory(strings.TrimPrefix(s, "dir:"))
	}
	rest, ok := strings.CutPrefix(s, "oci://")
	if !ok {
		rest = strings.TrimPrefix(s, "docker://")
	}
	if m := reScheme.FindString(rest); m != "" {
		return Reference{}, fmt.Errorf("scheme %q is not one that this tool can verify (use a registry reference, oci-layout: or dir:)", strings.TrimSuffix(m, "://"))
	}
	return parseRegistry(rest)
}

func parseDirectory(path string) (Reference, error) {
	if path == "" {
		return Reference{}, errors.New(`no path after "dir:"`)
	}
	return Reference{place: Directory, path: path}, nil
}

func parseLayout(rest string) (Reference, error) {
	r := Reference{place: Layout, path: rest}
	// An at sign or a colon inside a path is part of it as long as a slash
	// follows.
	if i := strings.LastIndexByte(rest, '@'); i > strings.LastIndexByte(rest, '/') {
		d, err := ParseDigest(rest[i+1:])
		if err != nil {
			return Reference{}, err
		}
		r.path, r.digest = rest[:i], d
	}
	if i := strings.LastIndexByte(r.path, ':'); i > strings.LastIndexByte(r.path, '/') {
		tag := r.path[i+1:]
		if !isTag(tag) {
			return Reference{}, fmt.Errorf("invalid tag %q", tag)
		}
		r.path, r.tag = r.path[:i], tag
	}
	if r.path == "" {
		return Reference{}, errors.New(`no path after "oci-layout:"`)
	}
	return r, nil
}

func parseRegistry(rest string) (Reference, error) {
	host, remainder, ok := strings.Cut(rest, "/")
	if !ok {
		return Reference{}, errors.New("no registry: write HOST/REPOSITORY:TAG or HOST/REPOSITORY@DIGEST")
	}
	if err := checkHost(host); err != nil {
		return Reference{}, err
	}
	host = strings.ToLower(host) // DNS knows no case; one registry has one spelling
	r := Reference{place: Registry, host: host}
	name, digest, pinned := strings.Cut(remainder, "@")
	if pinned {
		d, err := ParseDigest(digest)
		if err != nil {
			return Reference{}, err
		}
		r.digest = d
	}
	if repo, tag, ok := strings.Cut(name, ":"); ok {
		if !isTag(tag) {
			return Reference{}, fmt.Errorf("invalid tag %q", tag)
		}
		name, r.tag = repo, tag
	}
	if len(name) > maxRepository || !reRepository.MatchString(name) {
		return Reference{}, fmt.Errorf("invalid repository name %q (lower-case letters, digits, separators)", name)
	}
	r.repository = name
	if r.tag == "" && !pinned {
		return Reference{}, errors.New("no tag and no digest")
	}
	return r, nil
}

// checkHost wants what cannot be mistaken for the first part of a repository:
// a dot, a port, or localhost.
func checkHost(host string) error {
	name, port := host, ""
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		name, port = host[:i], host[i+1:]
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || !rePort.MatchString(port) {
			return fmt.Errorf("invalid port %q", port)
		}
	}
	if address, ok := strings.CutPrefix(name, "["); ok {
		address, closed := strings.CutSuffix(address, "]")
		if ip := net.ParseIP(address); !closed || ip == nil || !strings.Contains(address, ":") {
			return fmt.Errorf("invalid address %q", name)
		}
		return nil
	}
	for label := range strings.SplitSeq(name, ".") {
		if !reHostLabel.MatchString(label) {
			return fmt.Errorf("invalid registry host %q", host)
		}
	}
	if port == "" && name != "localhost" && !strings.Contains(name, ".") {
		return fmt.Errorf("%q is not a registry host (no dot, no port): there is no default registry", host)
	}
	return nil
}

func unprintable(c rune) bool { return c < 0x20 || c == 0x7f || (c >= 0x80 && c < 0xa0) || c == 0xfffd }

// Place says where the artifact is.
func (r Reference) Place() Place { return r.place }

// Host is the registry's host and port, "" outside registries.
func (r Reference) Host() string { return r.host }

// Repository is the name below the host, "" outside registries.
func (r Reference) Repository() string { return r.repository }

// Path is the folder of a layout or plain tree, as written.
func (r Reference) Path() string { return r.path }

// Tag is the tag as written, "" where none was.
func (r Reference) Tag() string { return r.tag }

// Digest is the digest as written, zero where none was. Where both are given
// the digest wins and the tag is only compared with it.
func (r Reference) Digest() Digest { return r.digest }

// WithDigest returns the same name pinned to d, without the tag.
func (r Reference) WithDigest(d Digest) Reference {
	r.tag, r.digest = "", d
	return r
}

// String returns the canonical spelling, which ParseReference reads back.
func (r Reference) String() string {
	var s string
	switch r.place {
	case Registry:
		s = r.host + "/" + r.repository
	case Layout:
		s = "oci-layout:" + r.path
	case Directory:
		return "dir:" + r.path
	default:
		return ""
	}
	if r.tag != "" {
		s += ":" + r.tag
	}
	if !r.digest.IsZero() {
		s += "@" + r.digest.String()
	}
	return s
}
