package oms

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"hash"
	"slices"
	"strings"
)

// A resource is one line of the list, its digest read.
type resource struct {
	name       string
	path       string
	start, end int64 // of a shard
	digest     []byte
}

// readResources checks the list as it stands, its order and its root digest,
// and puts the resources together to files.
func (s *Statement) readResources(list []wireResource) error {
	if len(list) == 0 {
		return refuse(ErrMalformed, "it lists no resources") // §5.2.1
	}
	resources := make([]resource, len(list))
	names := make(map[string]bool, len(list))
	root := sha256.New()
	for i, w := range list {
		r, err := s.readResource(w)
		if err != nil {
			return err
		}
		if names[r.name] {
			return refuse(ErrDuplicate, "%s", quoted(r.name))
		}
		names[r.name] = true
		root.Write(r.digest)
		resources[i] = r
	}
	if err := checkOrder(resources); err != nil {
		return err
	}
	if err := s.gather(resources); err != nil {
		return err
	}
	// The root digest is signed beside the list; a document in which they
	// differ says two things (§6.5.1).
	if got := root.Sum(nil); !bytes.Equal(got, s.root.Sum()) {
		return refuse(ErrRootDigest, "the subject is %v, the resources make %x", s.root, got)
	}
	return nil
}

func (s *Statement) readResource(w wireResource) (resource, error) {
	// §6.3.1 step 2, §6.3.2: one algorithm for all, the one of hash_type.
	if w.Algorithm != s.hash.String() {
		return resource{}, refuse(ErrAlgorithm, "%s is under %s, and hash_type is %v", quoted(w.Name), quoted(w.Algorithm), s.hash)
	}
	sum, err := s.hash.digest(w.Digest)
	if err != nil {
		return resource{}, err
	}
	r := resource{name: w.Name, path: w.Name, digest: sum}
	if s.method == Shards {
		var ok bool
		if r.path, r.start, r.end, ok = splitShard(w.Name); !ok {
			return resource{}, refuse(ErrShards, `%s is not "path:start:end"`, quoted(w.Name))
		}
	}
	if why := checkName(r.path); why != "" {
		return resource{}, refuse(ErrName, "%s: %s", quoted(w.Name), why)
	}
	return r, nil
}

// checkOrder wants the list sorted: by code points of the names (§5.2.1), or
// as the reference implementation in Python sorts, by path segments and then
// by a shard's offset. The two differ for "a-b" beside "a/b" and for shards
// beyond the tenth; its signatures are many, and either order is one order.
func checkOrder(list []resource) error {
	byName := func(a, b resource) int { return strings.Compare(a.name, b.name) }
	byPath := func(a, b resource) int {
		return cmp.Or(comparePaths(a.path, b.path), cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end))
	}
	if slices.IsSortedFunc(list, byName) || slices.IsSortedFunc(list, byPath) {
		return nil
	}
	i := 1
	for i < len(list)-1 && byName(list[i-1], list[i]) <= 0 {
		i++
	}
	return refuse(ErrOrder, "%s stands behind %s", quoted(list[i].name), quoted(list[i-1].name))
}

// gather makes files of resources.
func (s *Statement) gather(list []resource) error {
	s.files = make(map[string]*entry, len(list))
	if s.method == Files {
		for _, r := range list {
			s.files[r.path] = &entry{digest: r.digest, size: -1, shards: 1}
		}
		return nil
	}
	sorted := slices.Clone(list)
	slices.SortStableFunc(sorted, func(a, b resource) int {
		return cmp.Or(strings.Compare(a.path, b.path), cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end))
	})
	for len(sorted) > 0 {
		n := 1
		for n < len(sorted) && sorted[n].path == sorted[0].path {
			n++
		}
		e, err := s.join(sorted[:n])
		if err != nil {
			return err
		}
		s.files[sorted[0].path] = e
		sorted = sorted[n:]
	}
	return nil
}

// join makes one file of its shards, by offset: from 0 on, without gap or
// overlap, each of exactly the shard size but the last, none empty (§6.3.2).
func (s *Statement) join(shards []resource) (*entry, error) {
	e := &entry{shards: len(shards)}
	chain := sha256.New()
	for i, r := range shards {
		length := r.end - r.start
		switch {
		case r.start != e.size:
			return nil, refuse(ErrShards, "%s begins at %d, want %d", quoted(r.name), r.start, e.size)
		case length <= 0:
			return nil, refuse(ErrShards, "%s has no bytes", quoted(r.name))
		case length > s.shardSize, length < s.shardSize && i < len(shards)-1:
			return nil, refuse(ErrShards, "%s has %d bytes, the shard size is %d", quoted(r.name), length, s.shardSize)
		}
		e.size = r.end
		chain.Write(r.digest)
	}
	e.seal(shards[0].digest, chain)
	return e, nil
}

// seal keeps the digest of a file of one shard, which is that of the whole
// file, and for several what a Hasher of fixed memory can make again.
func (e *entry) seal(first []byte, chain hash.Hash) {
	if e.shards == 1 {
		e.digest = first
		return
	}
	e.chain = chain.Sum(nil)
}
