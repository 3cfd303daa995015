package trust

import (
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/internal/attest/sigstoretest"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
)

// FuzzDescribe: what is accepted names something to trust, and nothing panics.
func FuzzDescribe(f *testing.F) {
	lab, err := sigstoretest.New(time.Now())
	if err != nil {
		f.Fatal(err)
	}
	good, err := lab.TrustedRoot()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1","tlogs":[{}],"certificateAuthorities":[{"certChain":{"certificates":[{}]}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Describe(data)
		if err == nil && len(c.CertificateAuthorities)+len(c.TransparencyLogs)+len(c.TimestampAuthorities) == 0 {
			t.Error("accepted, and it trusts nothing")
		}
	})
}

// FuzzSidecar: what is accepted can be written and is read again as the same.
func FuzzSidecar(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":"1","digest":"sha256:6494e21ea73fa7ee769f85f57d5a3e6a08725eae1e38c755fc3517c9e6bc0b66","source":"import","installedAt":"2026-01-02T03:04:05Z"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s, again Sidecar
		if strictjson.Decode(data, &s) != nil || s.check() != nil {
			return
		}
		out, err := encode(&s)
		if err != nil {
			return // a year that JSON cannot write
		}
		if err := strictjson.Decode(out, &again); err != nil || again.check() != nil || again.Digest != s.Digest || !again.FetchedAt.Equal(s.FetchedAt) {
			t.Errorf("%q became %q: %v", data, out, err)
		}
	})
}
