package oms

import (
	"bytes"
	"slices"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// configName is the name under which the Go implementation lists an OCI
// manifest's configuration blob among the files.
const configName = "config.json"

// defaultIgnored are left out by every signer, at the top of the model only
// (§6.2, §6.2.1).
var defaultIgnored = [...]string{".git", ".gitattributes", ".github", ".gitignore"}

// A File is one file of a model whose bytes were hashed.
type File struct {
	Path    string          // from the model's root, slash-separated, clean
	Size    int64           // bytes
	SHA256  artifact.Digest // of its bytes; for a symbolic link, of what it leads to
	Hashed  *Hasher         // what Needs returned, after all bytes; nil if nothing
	Symlink bool
}

// A Model is what a statement is compared with.
type Model struct {
	Files []File
	// Signature is the path of the file that holds the signature itself, "" if
	// it came otherwise. That file is no part of the model (§6.2). No other
	// file that looks like a signature is left out.
	Signature string
	// Config is the digest of the OCI manifest's configuration, zero without
	// one. A resource config.json of that digest is not about a file.
	Config artifact.Digest
}

// Compare compares every file of the model with the statement (§8.4). Every
// file of the model must be there; files that the signature ignores as well.
// Paths are compared byte by byte (§6.1.2 item 6).
func (s *Statement) Compare(m Model) Result {
	r := Result{Listed: len(s.files)}
	seen := make(map[string]bool, len(m.Files))
	for _, f := range m.Files {
		e := s.files[f.Path]
		switch {
		case seen[f.Path]:
			r.add(f.Path, Duplicate)
		case e != nil:
			s.compareFile(&r, e, f, m.Config)
		case f.Path == m.Signature:
		default:
			r.add(f.Path, s.notListed(f))
		}
		seen[f.Path] = true
	}
	for path, e := range s.files {
		switch {
		case seen[path]:
		case s.isConfig(path, e, m.Config):
			r.Matched++
			r.ConfigBlob = true
		default:
			r.add(path, Missing)
		}
	}
	r.sort()
	return r
}

func (s *Statement) compareFile(r *Result, e *entry, f File, config artifact.Digest) {
	reason := s.judge(e, f)
	switch {
	case reason == NoReason:
		r.Matched++
	case reason == Changed && s.isConfig(f.Path, e, config):
		r.add(f.Path, Clash)
	default:
		r.add(f.Path, reason)
	}
}

// isConfig says whether the entry is the configuration's blob.
func (s *Statement) isConfig(path string, e *entry, config artifact.Digest) bool {
	return path == configName && s.method == Files && s.hash == SHA256 &&
		config.Algorithm() == artifact.SHA256 && bytes.Equal(e.digest, config.Sum())
}

// judge says why f is not what was signed; NoReason if it is.
func (s *Statement) judge(e *entry, f File) Reason {
	switch {
	case f.Symlink && !s.symlinks:
		return Symlink
	case f.SHA256.Algorithm() != artifact.SHA256:
		return Uncompared
	case e.size >= 0 && f.Size != e.size:
		return Changed
	case s.plainSuffices(e):
		return same(bytes.Equal(f.SHA256.Sum(), e.digest))
	}
	h := f.Hashed
	if h == nil || h.method != s.method || h.alg != s.hash || h.shardSize != s.shardSize {
		return Uncompared
	}
	got := h.finish()
	switch {
	case got.size != f.Size || got.plain != f.SHA256:
		return Uncompared // it has seen other bytes than the file's
	case e.shards == 1:
		return same(got.shards == 1 && bytes.Equal(got.digest, e.digest))
	default:
		return same(got.shards == e.shards && bytes.Equal(got.chain, e.chain))
	}
}

func same(ok bool) Reason {
	if ok {
		return NoReason
	}
	return Changed
}

// notListed says why a file that is not listed may lack.
func (s *Statement) notListed(f File) Reason {
	top, _, _ := strings.Cut(f.Path, "/")
	switch {
	case slices.Contains(defaultIgnored[:], top):
		return IgnoredByDefault
	case s.ignores(f.Path):
		return IgnoredBySigner
	case f.Symlink && !s.symlinks:
		return Symlink
	case s.method == Shards && f.Size == 0 && f.SHA256 == artifact.SumSHA256(nil):
		return EmptyFile
	default:
		return Unlisted
	}
}

// ignores says whether the path or a folder above it is one that the signer
// left out: exactly, never a name further down (§6.2.1).
func (s *Statement) ignores(path string) bool {
	for p := path; ; {
		if _, found := slices.BinarySearch(s.ignored, p); found {
			return true
		}
		i := strings.LastIndexByte(p, '/')
		if i < 0 {
			return false
		}
		p = p[:i]
	}
}

// A Layer is a layer of an OCI manifest. Path is that of the one file whose
// bytes the layer is, from the model's root; "" for an archive, for compressed
// bytes and for what has no name.
type Layer struct {
	Path       string
	Descriptor artifact.Descriptor
}

// CompareDescriptors compares a manifest with the statement before anything
// was fetched: where layers are files, their digests are the files'. A layer
// that is not one file, or not named by SHA-256, leaves its digest as path and
// the reason Uncompared: the result is not complete, not OK, and what it says is
// missing may be in there. Sizes and digests are claims until the blobs were
// read.
func (s *Statement) CompareDescriptors(layers []Layer, m Model) Result {
	m.Files = slices.Clone(m.Files)
	var opaque []Difference
	for _, l := range layers {
		if l.Path == "" {
			opaque = append(opaque, Difference{l.Descriptor.Digest.String(), Uncompared})
			continue
		}
		m.Files = append(m.Files, File{Path: l.Path, Size: l.Descriptor.Size, SHA256: l.Descriptor.Digest})
	}
	r := s.Compare(m)
	r.Differences = append(r.Differences, opaque...)
	r.sort()
	return r
}
