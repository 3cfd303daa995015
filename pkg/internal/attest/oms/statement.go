package oms

import (
	"maps"
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

const (
	// PredicateType is the one predicate type of model signatures (§5.1).
	PredicateType = "https://model_signing/signature/v1.0"
	// OldPredicateType is that of the abandoned format of release 0.2, whose
	// subjects were the files (§5.1, historical note). It is refused with
	// ErrOldFormat: its envelope was signed over a wrong encoding, and it says
	// nothing of what was left out.
	OldPredicateType = "https://model_signing/Digests/v0.1"
)

// The bounds on what strangers can sign.
const (
	// MaxPayload bounds a statement, in bytes; bundles end there as well. It has
	// room for MaxResources of 160 bytes each.
	MaxPayload = 16 << 20
	// MaxResources bounds files or shards. The largest models have a few
	// thousand; 100,000 take 0.3 s and 130 MB to read.
	MaxResources = 100_000
	// maxTokens bounds brackets, names and values: decoded, the shortest of
	// them take fifty times their size. A resource has eight. Measured: 16 MiB
	// of "{}," took 1.3 GB without this bound; within it, 200 MB.
	maxTokens = 10 * MaxResources
	// MaxIgnored bounds the paths that a signer ignores. Tools write six.
	MaxIgnored = 10_000
)

// A Statement is what a model signature says, once its form and its root
// digest were checked. Only Parse makes one; the zero value covers nothing.
type Statement struct {
	name      string
	root      artifact.Digest
	method    Method
	hash      Algorithm
	shardSize int64
	symlinks  bool
	ignored   []string
	unknown   []string
	files     map[string]*entry
}

// An entry is what the statement says of one file.
type entry struct {
	digest []byte // of the whole file; nil where it has several shards
	chain  []byte // SHA-256 over the digests of its shards, by offset
	size   int64  // bytes; -1 where the method does not tell
	shards int
}

// Name returns the model's name, which says nothing about its content (§6.5).
// It is untrusted text.
func (s *Statement) Name() string { return s.name }

// Root returns the digest over all digests, the statement's subject (§6.5.1).
// It is not the digest of any file or manifest.
func (s *Statement) Root() artifact.Digest { return s.root }

// Method returns how files were made into resources.
func (s *Statement) Method() Method { return s.method }

// Hash returns the algorithm of every resource.
func (s *Statement) Hash() Algorithm { return s.hash }

// ShardSize returns the bytes of a shard, 0 for the method Files.
func (s *Statement) ShardSize() int64 { return s.shardSize }

// AllowSymlinks says whether the signer followed symbolic links (§6.1.1).
func (s *Statement) AllowSymlinks() bool { return s.symlinks }

// IgnorePaths returns the paths that the signer left out, sorted (§6.2).
func (s *Statement) IgnorePaths() []string { return slices.Clone(s.ignored) }

// Unknown names members of the document that v1.0 does not know, at most 32,
// sorted. They are ignored (§5.2.1). They are untrusted text.
func (s *Statement) Unknown() []string { return slices.Clone(s.unknown) }

// Paths returns the files that are listed, sorted.
func (s *Statement) Paths() []string { return slices.Sorted(maps.Keys(s.files)) }

// Parse reads the payload of a model signature's envelope. Its errors are
// *RefusedError or wrap ErrMalformed. The payload is not believed here to be
// signed by anybody.
func Parse(payload []byte) (*Statement, error) {
	if len(payload) > MaxPayload {
		return nil, refuse(ErrTooLarge, "%d bytes, the limit is %d", len(payload), MaxPayload)
	}
	if tooMany(payload) {
		return nil, refuse(ErrTooLarge, "more than %d values", maxTokens)
	}
	var doc wireStatement
	if err := strictjson.Decode(payload, &doc); err != nil {
		return nil, refuse(ErrMalformed, "its statement is %v", err)
	}
	switch {
	case doc.Type != provenance.StatementType: // §8.3 item 1
		return nil, refuse(ErrMalformed, "its statement is of type %s, want %q", quoted(doc.Type), provenance.StatementType)
	case doc.PredicateType == OldPredicateType:
		return nil, refuse(ErrOldFormat, "its predicate type is %q", OldPredicateType)
	case doc.PredicateType != PredicateType: // §8.3 item 2
		return nil, refuse(ErrOtherPredicate, "its predicate type is %s", quoted(doc.PredicateType))
	case len(doc.Predicate) == 0:
		return nil, refuse(ErrMalformed, "it has no predicate")
	}
	var body wirePredicate
	if err := strictjson.Decode(doc.Predicate, &body); err != nil {
		return nil, refuse(ErrMalformed, "its predicate is %v", err)
	}
	if n := len(body.Resources); n > MaxResources {
		return nil, refuse(ErrTooLarge, "%d resources, the limit is %d", n, MaxResources)
	}
	s := &Statement{}
	if err := s.readSubject(doc.Subject); err != nil {
		return nil, err
	}
	if err := s.readSerialization(body.Serialization); err != nil {
		return nil, err
	}
	if err := s.readResources(body.Resources); err != nil {
		return nil, err
	}
	s.unknown = unknown(&doc, &body)
	return s, nil
}

// readSubject wants exactly one subject with exactly one digest: a second one
// would be a digest that nobody compares (§6.5).
func (s *Statement) readSubject(subjects []wireSubject) error {
	if len(subjects) != 1 {
		return refuse(ErrSubject, "it has %d subjects, want exactly one", len(subjects))
	}
	subject := subjects[0]
	enc, ok := subject.Digest["sha256"]
	switch {
	case subject.Name == "":
		return refuse(ErrSubject, "it has no name")
	case !ok:
		return refuse(ErrSubject, "it has no digest under sha256")
	case len(subject.Digest) != 1:
		return refuse(ErrSubject, "it has %d digests, want sha256 alone", len(subject.Digest))
	}
	root, err := artifact.ParseDigest("sha256:" + enc)
	if err != nil {
		return refuse(ErrSubject, "%v", err)
	}
	s.name, s.root = subject.Name, root
	return nil
}

func (s *Statement) readSerialization(w *wireSerialization) error {
	if w == nil {
		return refuse(ErrSerialization, "there is none")
	}
	s.method, s.hash = methodOf(w.Method), algorithmOf(w.HashType)
	switch {
	case s.method == NoMethod:
		return refuse(ErrSerialization, "the method is %s, want files or shards", quoted(w.Method))
	case s.hash == NoAlgorithm:
		return refuse(ErrAlgorithm, "hash_type is %s, want sha256, blake2b or blake3", quoted(w.HashType))
	case w.AllowSymlinks == nil:
		return refuse(ErrSerialization, "it does not say whether symbolic links were followed")
	case s.method == Files && w.ShardSize != nil:
		return refuse(ErrSerialization, "it has a shard size, and the method is files")
	}
	s.symlinks = *w.AllowSymlinks
	if s.method == Shards {
		n, ok := wholeNumber(string(w.ShardSize))
		if !ok || n <= 0 {
			return refuse(ErrSerialization, "the shard size is %s, want a number of bytes", quoted(string(w.ShardSize)))
		}
		s.shardSize = n
	}
	return s.readIgnored(w.IgnorePaths)
}

// readIgnored takes exact paths from the model's root (§6.2.1); a slash at
// the end, which marks a folder, means nothing.
func (s *Statement) readIgnored(paths []string) error {
	if len(paths) > MaxIgnored {
		return refuse(ErrTooLarge, "%d ignored paths, the limit is %d", len(paths), MaxIgnored)
	}
	for _, p := range paths {
		clean := strings.TrimRight(strings.TrimPrefix(p, "./"), "/")
		if why := checkName(clean); why != "" {
			return refuse(ErrSerialization, "the ignored path %s cannot be used: %s", quoted(p), why)
		}
		if strings.ContainsAny(clean, "*?[") {
			return refuse(ErrSerialization, "the ignored path %s is a pattern", quoted(p))
		}
		s.ignored = append(s.ignored, clean)
	}
	slices.Sort(s.ignored)
	s.ignored = slices.Compact(s.ignored)
	return nil
}
