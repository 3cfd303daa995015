package blob

import "testing"

// One worker alone has the memory of all, and many have no more of it than the
// least that keeps them going.
func TestRings(t *testing.T) {
	for _, c := range []struct{ workers, largest, size, count int }{
		{0, maxBuffer, maxBuffer, 16}, // nothing to do
		{1, maxBuffer, maxBuffer, 16},
		{2, maxBuffer, maxBuffer, 8},
		{3, maxBuffer, maxBuffer, 5},
		{4, maxBuffer, maxBuffer, 4},
		{8, maxBuffer, maxBuffer / 2, 4},
		{32, maxBuffer, minBuffer, 4},
		{1000, maxBuffer, minBuffer, 4},
		{16, minBuffer, minBuffer, 8},
	} {
		size, count := rings(c.workers, c.largest)
		if size != c.size || count != c.count {
			t.Errorf("%d workers: %d of %d bytes, want %d of %d", c.workers, count, size, c.count, c.size)
		}
		if total := c.workers * size * count; total > ringMemory && size > minBuffer {
			t.Errorf("%d workers: %d bytes together", c.workers, total)
		}
	}
}
