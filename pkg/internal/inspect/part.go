package inspect

import (
	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A part is what one file contributes to the judgement of the model as a
// whole. Model reads it.
type part struct {
	seen  bool        // a Sink saw every byte
	runs  []reference // code that the file makes a loader run
	reads []string    // files beside it that a loader opens with it

	shapes    *shapes         // of safetensors
	data      uint64          // bytes of all tensors of a safetensors file
	index     *index          // of an index file
	tokenizer artifact.Digest // its fingerprint, of a tokenizer.json
	set       settings
	loader    string                        // that runs the file's code
	said      []provenance.ClaimObservation // declared; the file's digest is still to be filled in
}

// A reference is code in the artifact that a configuration names.
type reference struct {
	file   string // as named, beside the configuration
	key    string
	loader string
}
