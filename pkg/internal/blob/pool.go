package blob

import "sync"

const (
	// poolMemory bounds the buffers of all writers together, in bytes.
	poolMemory = 48 << 20
	// One block is filled while another is hashed and a third is written, and one
	// is to spare, because none of these takes always the same time.
	blocksPerWriter = 4
	// maxBlock: 4 MiB took 0.70 of the peer's time, 1 MiB 0.80.
	maxBlock = 4 << 20
	minBlock = 256 << 10
)

// A pool lends blocks of memory to writers: a fixed number, made when first
// asked for.
type pool struct {
	size int // of a block, in bytes
	free chan []byte

	mu   sync.Mutex
	made int
}

func newPool(workers int) *pool {
	workers = Config{Workers: workers}.workers()
	size := maxBlock
	for size > minBlock && size*blocksPerWriter*workers > poolMemory {
		size /= 2
	}
	return &pool{size: size, free: make(chan []byte, max(2, min(workers*blocksPerWriter, poolMemory/size)))}
}

// take waits for a block.
func (p *pool) take() ([]byte, error) {
	select {
	case b := <-p.free:
		return b, nil
	default:
	}
	p.mu.Lock()
	if p.made == cap(p.free) {
		p.mu.Unlock()
		return <-p.free, nil
	}
	p.made++
	p.mu.Unlock()
	b, err := aligned(p.size)
	if err != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.made--
	}
	return b, err
}

func (p *pool) give(b []byte) { p.free <- b }

// drop frees the blocks that nobody has.
func (p *pool) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		select {
		case b := <-p.free:
			unaligned(b)
			p.made--
		default:
			return
		}
	}
}
