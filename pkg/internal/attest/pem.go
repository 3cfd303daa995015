package attest

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
)

// pemBlocks reads all blocks of a file, one at least and limit at most. Tools
// write explanations before a block (RFC 7468 §5.2); but a block that cannot be
// read is never skipped for one that can, and nothing follows the last one.
func pemBlocks(data []byte, limit int) ([]*pem.Block, error) {
	data = bytes.TrimSpace(data)
	if len(data) == 0 {
		return nil, errors.New("it is empty")
	}
	if len(data) > maxTrustMaterial {
		return nil, fmt.Errorf("%d bytes are over the limit of %d", len(data), maxTrustMaterial)
	}
	want := bytes.Count(data, []byte("-----BEGIN "))
	switch {
	case want == 0:
		return nil, errors.New("no PEM block")
	case want > limit:
		return nil, fmt.Errorf("%d PEM blocks, want at most %d", want, limit)
	}
	var blocks []*pem.Block
	for range want {
		block, rest := pem.Decode(data)
		if block == nil {
			return nil, errors.New("malformed PEM block")
		}
		blocks, data = append(blocks, block), rest
	}
	if len(bytes.TrimSpace(data)) > 0 {
		return nil, errors.New("more after the PEM block")
	}
	return blocks, nil
}
