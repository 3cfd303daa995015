package registry

import (
	"context"
	"sync"
	"time"
)

// A throttle spreads what is read over time, of all bodies of a client
// together.
type throttle struct {
	rate  int64 // bytes per second; 0: no limit
	now   func() time.Time
	sleep func(context.Context, time.Duration) error

	mu   sync.Mutex
	free time.Time // when the next byte may be read
}

func (t *throttle) bounded() bool { return t != nil && t.rate > 0 }

// room is how much may be read at once: a tenth of a second's worth, so that the
// rate holds also for a short while.
func (t *throttle) room(p []byte) []byte {
	if !t.bounded() {
		return p
	}
	return p[:min(int64(len(p)), max(t.rate/10, 1))]
}

// spend waits until n bytes are paid for.
func (t *throttle) spend(ctx context.Context, n int) error {
	if !t.bounded() || n == 0 {
		return nil
	}
	now := t.now()
	t.mu.Lock()
	if t.free.Before(now) {
		t.free = now
	}
	t.free = t.free.Add(time.Duration(float64(n) / float64(t.rate) * float64(time.Second)))
	wait := t.free.Sub(now)
	t.mu.Unlock()
	return t.sleep(ctx, wait)
}
