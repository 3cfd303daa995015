package oms

import (
	"crypto/sha256"
	"errors"
	"hash"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// errFinished: a Hasher that was read takes no more bytes.
var errFinished = errors.New("oms: hasher was read already")

// A Hasher makes of one file's bytes, as they are written to it in order, what
// a statement says of the file: its digest or those of its shards. It needs
// some 12 KiB, whatever the size of the file, and belongs to one goroutine. A
// nil Hasher takes bytes and does nothing.
//
// It makes the plain SHA-256 as well, so that Compare can tell that it has seen
// the very bytes of the file that it comes with: of a path that streams by
// twice, the wrong Hasher proves nothing.
type Hasher struct {
	method    Method
	alg       Algorithm
	shardSize int64
	limit     int64 // bytes after which nothing can match any more; -1 for none
	keep      bool  // keep the digests of all shards

	plain   hash.Hash
	part    hash.Hash // of the shard under way, or of the file
	left    int64     // bytes until the shard is full
	chain   hash.Hash
	first   []byte
	sums    [][]byte
	shards  int
	written int64
	made    *made
}

// made is what a Hasher has to say in the end.
type made struct {
	plain  artifact.Digest
	digest []byte // of the first shard, or of the file
	chain  []byte // over the digests of all shards
	shards int
	size   int64
}

func newHasher(m Method, a Algorithm, shardSize int64) *Hasher {
	return &Hasher{method: m, alg: a, shardSize: shardSize, limit: -1, left: shardSize,
		plain: sha256.New(), part: a.hash(), chain: sha256.New()}
}

// Needs returns what the bytes of the file at path must be written to, so that
// Compare can judge it; nil where its SHA-256 is enough, or where nothing can
// make it match. While a model streams by its root may not be known yet, so
// path may stand above it: every listed path that path ends with is meant.
// Size is the file's in bytes, negative where it is unknown.
func (s *Statement) Needs(path string, size int64) *Hasher {
	needed, limit := false, int64(-1)
	for rest, more := path, true; more; _, rest, more = strings.Cut(rest, "/") {
		e := s.files[rest]
		if e == nil || s.plainSuffices(e) {
			continue
		}
		if e.size >= 0 && size >= 0 && e.size != size {
			continue
		}
		needed, limit = true, max(limit, e.size)
	}
	if !needed {
		return nil
	}
	h := newHasher(s.method, s.hash, s.shardSize)
	h.limit = limit
	return h
}

// plainSuffices: a file of one shard has the shard's digest.
func (s *Statement) plainSuffices(e *entry) bool { return s.hash == SHA256 && e.shards == 1 }

// Write takes the file's next bytes. It fails only after Compare has read h.
func (h *Hasher) Write(p []byte) (int, error) {
	if h == nil {
		return len(p), nil
	}
	if h.made != nil {
		return 0, errFinished
	}
	n := len(p)
	h.written += int64(n)
	if h.limit >= 0 && h.written > h.limit {
		return n, nil // longer than what was signed: nothing to prove
	}
	h.plain.Write(p)
	if h.method == Files {
		h.part.Write(p)
		return n, nil
	}
	for len(p) > 0 {
		q := p[:min(int64(len(p)), h.left)]
		h.part.Write(q)
		p = p[len(q):]
		if h.left -= int64(len(q)); h.left == 0 {
			h.endShard()
		}
	}
	return n, nil
}

func (h *Hasher) endShard() {
	sum := h.part.Sum(nil)
	h.part.Reset()
	h.left = h.shardSize
	if h.shards++; h.shards == 1 {
		h.first = sum
	}
	h.chain.Write(sum)
	if h.keep && h.shards <= MaxResources {
		h.sums = append(h.sums, sum)
	}
}

// finish ends the last shard. From then on nothing more can be written.
func (h *Hasher) finish() *made {
	if h.made == nil {
		if h.method == Files || h.left < h.shardSize {
			h.endShard()
		}
		h.made = &made{
			plain:  artifact.DigestOf(artifact.SHA256, h.plain.Sum(nil)),
			digest: h.first,
			chain:  h.chain.Sum(nil),
			shards: h.shards,
			size:   h.written,
		}
	}
	return h.made
}
