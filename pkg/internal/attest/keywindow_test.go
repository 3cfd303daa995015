package attest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/internal/attest/sigstoretest"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A key that is bound to a time proves what was signed in it, as a root that is
// known vouches, and nothing that could have been signed at any time.
func TestKeyWindow(t *testing.T) {
	lab, key := newLab(t), newKey(t, "P-256")
	stamped := testSigned.Add(time.Minute)
	second := time.Second
	from := func(at time.Time) Key { return Key{Name: "ours", PEM: pemOf(t, key.Public()), NotBefore: at} }
	until := func(at time.Time) Key { return Key{Name: "ours", PEM: pemOf(t, key.Public()), NotAfter: at} }
	byKey := func(change func(*sigstoretest.Request)) []byte {
		return bundleOf(t, lab, keyless(func(r *sigstoretest.Request) { r.Identity, r.Key = "", key }, change))
	}
	both := byKey(func(*sigstoretest.Request) {})
	noTime := byKey(func(r *sigstoretest.Request) { r.WithoutLog, r.WithoutTimestamp = true, true })
	onlyTSA := byKey(func(r *sigstoretest.Request) { r.WithoutLog = true })
	onlySET := byKey(func(r *sigstoretest.Request) { r.WithoutTimestamp = true })
	noPromise := byKey(func(r *sigstoretest.Request) { r.WithoutPromise, r.WithoutTimestamp = true, true })
	late := byKey(func(r *sigstoretest.Request) { r.StampedAt = testSigned.Add(time.Hour) })
	knows, stranger := []Root{rootOf(t, lab)}, []Root{rootOf(t, newLab(t))}
	const proven = provenance.CodeSignatureVerified
	for _, tt := range []struct {
		name   string
		keys   []Key
		roots  []Root
		bundle []byte
		code   string
	}{
		{"from the second on", []Key{from(stamped)}, knows, both, proven},
		{"until the second", []Key{until(stamped)}, knows, both, proven},
		{"timestamp authority only", []Key{from(stamped)}, knows, onlyTSA, proven},
		{"log only", []Key{until(stamped)}, knows, onlySET, proven},
		{"from a second later", []Key{from(stamped.Add(second))}, knows, both, provenance.CodeExpiredAtTime},
		{"until a second earlier", []Key{until(stamped.Add(-second))}, knows, both, provenance.CodeExpiredAtTime},
		{"one of two times is late", []Key{until(stamped)}, knows, late, provenance.CodeExpiredAtTime},
		{"no time at all", []Key{until(stamped)}, knows, noTime, provenance.CodeNoTimestamp},
		{"a log that promises no time", []Key{until(stamped)}, knows, noPromise, provenance.CodeNoTimestamp},
		{"times that no root vouches for", []Key{until(stamped)}, stranger, both, provenance.CodeNoTimestamp},
		{"no root", []Key{from(stamped)}, nil, both, provenance.CodeNoTimestamp},
		{"no window, no root", []Key{from(time.Time{})}, nil, noTime, proven},
		// The same key for two times: one of them is enough.
		{"twice, the second fits", []Key{until(stamped.Add(-second)), from(stamped)}, knows, both, proven},
		{"twice, neither fits", []Key{until(stamped.Add(-second)), from(stamped.Add(second))}, knows, both, provenance.CodeExpiredAtTime},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := verifyOne(t, newVerifier(t, Config{Keys: tt.keys, Roots: tt.roots}), tt.bundle)
			if tt.code != proven {
				expectRefusal(t, c, tt.code)
			} else if c.Verdict != provenance.Proven || c.Code != proven {
				t.Errorf("%v %s: %s", c.Verdict, c.Code, c.Detail)
			}
		})
	}
	c := verifyOne(t, newVerifier(t, Config{Keys: []Key{from(stamped)}, Roots: knows}), both)
	if len(c.SignedAt) != 2 || c.Evidence != (provenance.Evidence{LogEntries: 1, Timestamps: 2}) || !slices.Contains(c.Checked, "transparency-log") {
		t.Errorf("what vouches for it: %+v", c)
	}
	if _, err := New(Config{Keys: []Key{{Name: "never", PEM: pemOf(t, key.Public()), NotBefore: stamped, NotAfter: stamped.Add(-second)}}}); !errors.Is(err, ErrTrust) {
		t.Errorf("a window that ends before it begins: %v", err)
	}
}
