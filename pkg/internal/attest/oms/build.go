package oms

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// DefaultShardSize is the size of a shard in bytes unless Options say
// otherwise (§6.3.2, default shard size).
const DefaultShardSize = 1_000_000_000

// ErrNothingToSign is wrapped where no file is left to list (§6.1 item 1).
var ErrNothingToSign = errors.New("no file to sign")

// Options say how New lists a model. Name is required; the zero value of every
// other field is a sound default.
type Options struct {
	Name          string    // of the model: the last segment of its path (§6.5)
	Method        Method    // default: Files
	Hash          Algorithm // default: SHA256
	ShardSize     int64     // bytes, for Shards; default: DefaultShardSize
	AllowSymlinks bool      // list links as what they lead to (§6.1.1)
	Ignore        []string  // exact paths to leave out, with what is below them
	Signature     string    // path of the signature's own file, "" if it is none of the model's
}

func (o Options) withDefaults() Options {
	o.Method = cmp.Or(o.Method, Files)
	o.Hash = cmp.Or(o.Hash, SHA256)
	if o.Method == Shards {
		o.ShardSize = cmp.Or(o.ShardSize, DefaultShardSize)
	}
	return o
}

func (o Options) check() error {
	switch {
	case o.Name == "":
		return errors.New("no name for the model")
	case o.Hash.size() == 0:
		return errors.New("unknown algorithm")
	case o.Method != Files && o.Method != Shards:
		return errors.New("unknown method")
	case o.Method == Files && o.ShardSize != 0:
		return errors.New("a shard size without shards")
	case o.Method == Shards && o.ShardSize < 0:
		return fmt.Errorf("shard size %d", o.ShardSize)
	}
	return nil
}

// Needs returns what the bytes of a file of size bytes must be written to
// before New can list it; nil where its SHA-256 is enough. Beyond what a Hasher
// needs anyway it keeps the digest of each shard.
func (o Options) Needs(size int64) *Hasher {
	o = o.withDefaults()
	if o.check() != nil || o.plainSuffices(size) {
		return nil
	}
	h := newHasher(o.Method, o.Hash, o.ShardSize)
	h.keep = true
	return h
}

func (o Options) plainSuffices(size int64) bool {
	return o.Hash == SHA256 && (o.Method == Files || 0 <= size && size <= o.ShardSize)
}

// New returns the statement to be signed for a model, as a DSSE payload: what
// is ignored by default, by Options.Ignore or as the signature's own file is
// left out, and recorded (§6.2). Resources are sorted by code points of their
// names (§5.2.1), which every implementation accepts. The same input gives the
// same bytes, and Parse accepts them.
func New(files []File, o Options) ([]byte, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("writing a model signature: %w", err)
	}
	payload, err := o.write(files)
	if err != nil {
		return nil, fmt.Errorf("writing a model signature: %w", err)
	}
	// What this package would refuse to read, it does not write: names above
	// all.
	if _, err := Parse(payload); err != nil {
		return nil, fmt.Errorf("writing a model signature: %w", err)
	}
	return payload, nil
}

func (o Options) write(files []File) ([]byte, error) {
	left, err := o.ignored()
	if err != nil {
		return nil, err
	}
	var list []wireResource
	for _, f := range files {
		if left.ignores(f.Path) {
			continue
		}
		part, err := o.resources(f)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", f.Path, err)
		}
		if list = append(list, part...); len(list) > MaxResources {
			return nil, refuse(ErrTooLarge, "more than %d resources", MaxResources)
		}
	}
	if len(list) == 0 {
		return nil, ErrNothingToSign
	}
	slices.SortFunc(list, func(a, b wireResource) int { return strings.Compare(a.Name, b.Name) })
	root := artifact.SHA256.New()
	for _, r := range list {
		sum, err := hex.DecodeString(r.Digest)
		if err != nil {
			return nil, err
		}
		root.Write(sum)
	}
	return o.statement(list, left.ignored, hex.EncodeToString(root.Sum(nil)))
}

// ignored returns a statement that ignores what o leaves out.
func (o Options) ignored() (*Statement, error) {
	paths := slices.Concat(defaultIgnored[:], o.Ignore)
	if o.Signature != "" {
		paths = append(paths, o.Signature)
	}
	s := &Statement{}
	return s, s.readIgnored(paths)
}

// resources lists one file.
func (o Options) resources(f File) ([]wireResource, error) {
	line := func(name string, sum []byte) wireResource {
		return wireResource{Name: name, Algorithm: o.Hash.String(), Digest: hex.EncodeToString(sum)}
	}
	switch {
	case f.Symlink && !o.AllowSymlinks: // §6.1.1
		return nil, errors.New("it is a symbolic link")
	case f.SHA256.Algorithm() != artifact.SHA256:
		return nil, errors.New("its SHA-256 is not known")
	case o.Method == Shards && f.Size == 0: // §6.3.2
		return nil, nil
	}
	sums := [][]byte{f.SHA256.Sum()}
	if !o.plainSuffices(f.Size) {
		h := f.Hashed
		if h == nil || !h.keep || h.method != o.Method || h.alg != o.Hash || h.shardSize != o.ShardSize {
			return nil, errors.New("its bytes were not hashed for these options")
		}
		if got := h.finish(); got.size != f.Size || got.plain != f.SHA256 {
			return nil, errors.New("other bytes were hashed than the file's")
		}
		if h.shards > MaxResources {
			return nil, refuse(ErrTooLarge, "%d shards, the limit is %d", h.shards, MaxResources)
		}
		sums = h.sums
	}
	if o.Method == Files {
		return []wireResource{line(f.Path, sums[0])}, nil
	}
	list := make([]wireResource, len(sums))
	for i, sum := range sums {
		start := int64(i) * o.ShardSize
		end := start + min(o.ShardSize, f.Size-start)
		list[i] = line(shardName(f.Path, start, end), sum)
	}
	return list, nil
}

func (o Options) statement(list []wireResource, ignored []string, root string) ([]byte, error) {
	w := &wireSerialization{Method: o.Method.String(), HashType: o.Hash.String(), AllowSymlinks: &o.AllowSymlinks, IgnorePaths: ignored}
	if o.Method == Shards {
		w.ShardSize = jsontext.Value(strconv.FormatInt(o.ShardSize, 10))
	}
	predicate, err := json.Marshal(wirePredicate{Serialization: w, Resources: list})
	if err != nil {
		return nil, err
	}
	return json.Marshal(wireStatement{
		Type:          provenance.StatementType,
		Subject:       []wireSubject{{Name: o.Name, Digest: map[string]string{"sha256": root}}},
		PredicateType: PredicateType,
		Predicate:     predicate,
	})
}
