package attest

import (
	"context"
	"crypto/sha512"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// blob stores content and returns the JSON of its descriptor.
func (r registry) blob(mediaType, content string) string {
	d := artifact.SumSHA256([]byte(content))
	r[d] = []byte(content)
	return fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%d}`, mediaType, d, len(content))
}

// raw is a referrer with the body, as registries return it.
func raw(body string) Referrer {
	return Referrer{Layout: "fallback-tag", Descriptor: artifact.Descriptor{Digest: artifact.SumSHA256([]byte(body)), Size: int64(len(body))}, Body: []byte(body)}
}

func manifestOf(artifactType string, layers ...string) Referrer {
	return withConfig(artifactType, fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":2,"data":"e30="}`, emptyType, artifact.SumSHA256([]byte("{}"))), layers...)
}

func withConfig(artifactType, config string, layers ...string) Referrer {
	return raw(fmt.Sprintf(`{"schemaVersion":2,"artifactType":%q,"config":%s,"layers":[%s]}`, artifactType, config, strings.Join(layers, ",")))
}

type codedError struct{ error }

func (codedError) Code() string { return provenance.CodeUnauthorized }

// One artifact with everything attached to it that registries hold. Every
// referrer gets its own verdict, the good one in the middle among them.
func TestEveryReferrerIsJudged(t *testing.T) {
	key := newKey(t, "P-256")
	v := newVerifier(t, Config{Keys: []Key{{Name: "ours", PEM: pemOf(t, key.Public())}}})
	r := registry{}
	good := string(signed1(t, testSubject, key))
	layer := func(content string) string { return r.blob(BundleType, content) }
	elsewhere := artifact.SumSHA256([]byte("not here"))
	wrong := artifact.SumSHA256([]byte("swapped"))
	r[wrong] = []byte(good)
	tests := []struct {
		name string
		in   Referrer
		code string // of each candidate, separated by spaces
	}{
		{"an error with a code", Referrer{Err: codedError{errors.New("no")}}, provenance.CodeUnauthorized},
		{"a mismatch", Referrer{Err: fmt.Errorf("x: %w", &artifact.MismatchError{What: "manifest"})}, provenance.CodeDigestMismatch},
		{"a manifest that is malformed", Referrer{Err: fmt.Errorf("x: %w", strictjson.ErrMalformed)}, provenance.CodeManifestMalformed},
		{"any other error", Referrer{Err: errors.New("boom")}, provenance.CodeRegistryError},
		{"no body", raw(""), provenance.CodeManifestMalformed},
		{"duplicate names", raw(`{"layers":[],"layers":[]}`), provenance.CodeManifestMalformed},
		{"names that differ in case", raw(`{"layers":[],"Layers":[]}`), provenance.CodeManifestMalformed},
		{"an SBOM", manifestOf("application/spdx+json", r.blob("application/spdx+json", "{}")), provenance.CodeNotASignature},
		{"a notation signature", manifestOf("application/vnd.cncf.notary.signature", r.blob("application/jose+json", "{}")), provenance.CodeNotASignature},
		{"an index", raw(`{"manifests":[{"digest":"sha256:00"}]}`), provenance.CodeNotASignature},
		{"a bundle without layers", manifestOf(BundleType), provenance.CodeSignatureMalformed},
		{"good", manifestOf(BundleType, layer(good)), provenance.CodeSignatureVerified},
		{"good, known by its layer only", manifestOf("", layer(good)), provenance.CodeSignatureVerified},
		{"good, listed under a wrong type", manifestOf(emptyType, layer(good)), provenance.CodeSignatureVerified},
		{"good, known by its artifact type only", manifestOf(BundleType, r.blob("application/octet-stream", good)), provenance.CodeSignatureVerified},
		{"good, beside others", manifestOf(BundleType, layer("garbage"), layer(good), layer("{}")),
			provenance.CodeSignatureMalformed + " " + provenance.CodeSignatureVerified + " " + provenance.CodeSignatureMalformed},
		{"good, beside a picture", manifestOf("", r.blob("image/png", "x"), layer(good)), provenance.CodeSignatureVerified},
		{"an empty bundle", manifestOf(BundleType, `{"mediaType":"`+BundleType+`","digest":"`+testOther.String()+`","size":0}`), provenance.CodeManifestMalformed},
		{"a negative size", manifestOf(BundleType, `{"mediaType":"`+BundleType+`","digest":"`+testOther.String()+`","size":-1}`), provenance.CodeManifestMalformed},
		{"a digest that is none", manifestOf(BundleType, `{"mediaType":"`+BundleType+`","digest":"sha256:00","size":5}`), provenance.CodeManifestMalformed},
		{"17 MiB", manifestOf(BundleType, `{"mediaType":"`+BundleType+`","digest":"`+testOther.String()+`","size":17825792}`), provenance.CodeLimitExceeded},
		{"a blob that is not there", manifestOf(BundleType, `{"mediaType":"`+BundleType+`","digest":"`+elsewhere.String()+`","size":5}`), provenance.CodeRegistryError},
		{"a blob that is another", manifestOf(BundleType, fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%d}`, BundleType, wrong, len(good))), provenance.CodeDigestMismatch},
		{"a blob of another size", manifestOf(BundleType, fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%d}`, BundleType, artifact.SumSHA256([]byte(good)), len(good)-1)), provenance.CodeSizeMismatch},
		{"an array", manifestOf(BundleType, layer("[]")), provenance.CodeSignatureMalformed},
		{"deep nesting", manifestOf(BundleType, layer(strings.Repeat("[", 100000))), provenance.CodeSignatureMalformed},
		{"duplicate names in the bundle", manifestOf(BundleType, layer(`{"mediaType":"x",`+good[1:])), provenance.CodeSignatureMalformed},
		{"two spellings in the bundle", manifestOf(BundleType, layer(`{"media_type":"x",`+good[1:])), provenance.CodeSignatureMalformed},
		{"two bundles in one blob", manifestOf(BundleType, layer(good+good)), provenance.CodeSignatureMalformed},
	}
	var found []Referrer
	var want []string
	for _, tt := range tests {
		found = append(found, tt.in)
		for code := range strings.SplitSeq(tt.code, " ") {
			want = append(want, tt.name+": "+code)
		}
	}
	got, err := v.Verify(t.Context(), testSubject, found, r.fetch)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("%d candidates, want %d", len(got), len(want))
	}
	for i, c := range got {
		name, code, _ := strings.Cut(want[i], ": ")
		if c.Code != code || (c.Verdict == provenance.Proven) != (code == provenance.CodeSignatureVerified) || c.Verdict == provenance.Unchecked {
			t.Errorf("%s: %v %s (%s), want %s", name, c.Verdict, c.Code, c.Detail, code)
		}
	}
}

// Not being able to ask is not an answer: an error, and the others judged.
func TestCouldNotAsk(t *testing.T) {
	key := newKey(t, "P-256")
	v := newVerifier(t, Config{Keys: []Key{{Name: "ours", PEM: pemOf(t, key.Public())}}})
	r := registry{}
	first, second := r.attach(t, signed1(t, testSubject, key)), r.attach(t, signed1(t, testOther, key))
	down := errors.New("connection refused")
	fetch := func(ctx context.Context, d artifact.Descriptor, limit int64) ([]byte, error) {
		if strings.Contains(string(second.Body), d.Digest.Hex()) && d.Size > 2 {
			return nil, down
		}
		return r.fetch(ctx, d, limit)
	}
	got, err := v.Verify(t.Context(), testSubject, []Referrer{second, first}, fetch)
	if !errors.Is(err, down) {
		t.Errorf("error %v", err)
	}
	if len(got) != 2 || got[0].Verdict != provenance.Unchecked || got[0].Code != provenance.CodeUnreachable || got[1].Verdict != provenance.Proven {
		t.Errorf("%+v", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got, err = v.Verify(ctx, testSubject, []Referrer{first}, func(ctx context.Context, _ artifact.Descriptor, _ int64) ([]byte, error) { return nil, ctx.Err() })
	if !errors.Is(err, context.Canceled) || got[0].Verdict != provenance.Unchecked {
		t.Errorf("interrupted: %+v, %v", got, err)
	}
	if _, err := v.Verify(t.Context(), artifact.Digest{}, []Referrer{first}, r.fetch); err == nil {
		t.Error("verified no artifact")
	}
	if got, err := v.Verify(t.Context(), testSubject, nil, r.fetch); err != nil || len(got) != 0 {
		t.Errorf("nothing found: %v, %v", got, err)
	}
}

// A bound that is hit is reported, never silent.
func TestBounds(t *testing.T) {
	v := newVerifier(t, Config{})
	r := registry{}
	layer := r.blob(BundleType, "{}")
	got, err := v.Verify(t.Context(), testSubject, []Referrer{manifestOf(BundleType, slices.Repeat([]string{layer}, MaxBundles+5)...)}, r.fetch)
	if err != nil || len(got) != MaxBundles+1 || got[MaxBundles].Code != provenance.CodeLimitExceeded {
		t.Errorf("%d bundles in one manifest, %v", len(got), err)
	}
	got, err = v.Verify(t.Context(), testSubject, slices.Repeat([]Referrer{manifestOf(BundleType, layer)}, MaxCandidates+2), r.fetch)
	if err != nil || len(got) != MaxCandidates+2 || got[MaxCandidates-1].Code == provenance.CodeLimitExceeded || got[MaxCandidates].Code != provenance.CodeLimitExceeded {
		t.Errorf("%d candidates, %v", len(got), err)
	}
	big := manifestOf(BundleType, fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%d}`, BundleType, testOther, MaxBundle))
	fetched := 0
	got, err = v.Verify(t.Context(), testSubject, slices.Repeat([]Referrer{big}, MaxTotal/MaxBundle+1), func(context.Context, artifact.Descriptor, int64) ([]byte, error) {
		fetched++ // one at a time: each fills the memory that may be used
		return nil, ErrUnusable
	})
	if err != nil || fetched != MaxTotal/MaxBundle || got[fetched].Code != provenance.CodeLimitExceeded {
		t.Errorf("%d fetched, %v", fetched, err)
	}
}

// A library that panics refuses the candidate that made it panic.
func TestPanic(t *testing.T) {
	c := judgeRaw(nil, signed1(t, testSubject, newKey(t, "P-256")), testSubject)
	if c.Verdict != provenance.Refused || c.Code != provenance.CodeSignatureMalformed || c.Layout != "here" || c.Scheme != "" {
		t.Errorf("%+v", c)
	}
}

// An artifact that is named by SHA-512 is signed by SHA-512.
func TestSHA512(t *testing.T) {
	sum := sha512.Sum512([]byte("the model's manifest"))
	subject := artifact.DigestOf(artifact.SHA512, sum[:])
	key := newKey(t, "P-256")
	v := newVerifier(t, Config{Keys: []Key{{Name: "ours", PEM: pemOf(t, key.Public())}}})
	for _, tt := range []struct {
		signed  artifact.Digest
		verdict provenance.SignatureVerdict
	}{{subject, provenance.Proven}, {testSubject, provenance.Refused}} {
		c := judgeRaw(v, signed1(t, tt.signed, key), subject)
		if c.Verdict != tt.verdict {
			t.Errorf("%v: %+v", tt.signed, c)
		}
	}
}

func TestOneLine(t *testing.T) {
	if got := oneLine("a\nb\x1b[2J\u202ec\u00a0d"); got != "a b\ufffd[2J\ufffdc d" {
		t.Errorf("got %q", got)
	}
	if got := oneLine(strings.Repeat("é", maxDetail)); len(got) > maxDetail+3 || !strings.HasSuffix(got, "é…") {
		t.Errorf("got %q", got)
	}
}
