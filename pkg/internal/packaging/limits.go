package packaging

import (
	"errors"
	"fmt"
)

// Limits on manifests.
const (
	// MaxManifest is the longest manifest in bytes: registries refuse more
	// (measured on distribution 3.1: 4,194,304 bytes; distribution-spec 1.1,
	// §Pushing Manifests, asks for at least that much).
	MaxManifest = 4 << 20
	// MaxLayers: 10,000 layers of the shortest kind just fit into MaxManifest.
	MaxLayers = 10_000
	// MaxMembers bounds one index; real ones hold one manifest per platform.
	MaxMembers = 1_000
	// MaxIndexDepth is how deep indexes may be nested: the caller walks them.
	MaxIndexDepth = 4
	// MaxConfig is the longest configuration that Plan keeps, in bytes. The
	// longest seen is Docker's with all GGUF metadata, some 100 KiB.
	MaxConfig = 4 << 20
	// maxBlob bounds the size that one descriptor may name: far over what any
	// registry stores (200 GiB), and MaxLayers of it do not overflow int64.
	maxBlob = 1 << 44
)

// Limits on names, in bytes; Linux's NAME_MAX and PATH_MAX.
const (
	maxSegment  = 255
	maxPath     = 4096
	maxSegments = 64 // the deepest model tree seen has 6
)

// Limits on archives. Memory of a walk stays below 1 KiB per entry.
const (
	// maxEntries bounds the entries of all archives of a Plan. The largest
	// images with a Python stack hold some 150,000. 200,000 keep 63 MiB of heap
	// (BenchmarkManyEntries), 234 MiB with garbage; a million would keep
	// over 300 MiB.
	maxEntries = 200_000
	// maxNameBytes bounds their names and link targets together.
	maxNameBytes = 32 << 20
	// maxNodes bounds the directories and files of one merged tree.
	maxNodes = 400_000
	// A compressed layer may grow to freeExpansion + maxRatio × its size.
	// Weights compress by 1.1 to 1.5, vocabularies by 5, logs by 30; deflate
	// cannot exceed 1,032, Zstandard has no bound.
	maxRatio      = 200
	freeExpansion = 64 << 20
	// maxWindow bounds a Zstandard decoder's memory: what every decoder should
	// support (RFC 8878, §3.1.1.1.2); levels up to 19 stay within it.
	maxWindow = 8 << 20
	// maxFindings per layer and per image: the rest is counted.
	maxFindings = 100
)

// What the errors of Parse, NewPlan and Merge wrap.
var (
	// ErrMalformed: the bytes are no such manifest, or one that two readers
	// would read as two things.
	ErrMalformed = errors.New("malformed manifest")
	// ErrMediaType: unsupported, or the descriptor and the body disagree.
	ErrMediaType = errors.New("media type mismatch")
	// ErrEmpty: there is nothing to verify, and nothing is not everything.
	ErrEmpty = errors.New("artifact has no content")
	// ErrLimit is wrapped by every *LimitError.
	ErrLimit = errors.New("limit exceeded")
	// ErrUnverified: a blob's sink was not closed with success, so nothing that
	// was seen in it may be told.
	ErrUnverified = errors.New("blob not verified")
)

// A LimitError tells which limit, and what was asked for.
type LimitError struct {
	What       string
	Limit, Got int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s: %d is over the limit of %d", e.What, e.Got, e.Limit)
}

// Unwrap returns ErrLimit.
func (e *LimitError) Unwrap() error { return ErrLimit }
