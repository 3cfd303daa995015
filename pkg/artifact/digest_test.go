package artifact_test

import (
	"crypto/sha512"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

const (
	hex256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" // of nothing
	hex512 = "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
)

func TestParseDigest(t *testing.T) {
	for _, s := range []string{"sha256:" + hex256, "sha512:" + hex512} {
		d, err := artifact.ParseDigest(s)
		if err != nil || d.String() != s || d.IsZero() {
			t.Errorf("%s: %v, %v", s, d, err)
		}
	}
	for name, tc := range map[string]struct{ in, want string }{
		"empty":             {"", "no algorithm"},
		"no algorithm":      {hex256, "no algorithm"},
		"empty algorithm":   {":" + hex256, "unsupported algorithm"},
		"unknown algorithm": {"md5:d41d8cd98f00b204e9800998ecf8427e", `unsupported algorithm "md5"`},
		"upper-case name":   {"SHA256:" + hex256, "unsupported algorithm"},
		"upper-case digits": {"sha256:" + strings.ToUpper(hex256), "upper-case"},
		"too short":         {"sha256:" + hex256[1:], "63 hexadecimal digits, want 64"},
		"too long":          {"sha256:" + hex256 + "0", "65"},
		"of the other":      {"sha512:" + hex256, "want 128"},
		"nothing":           {"sha256:", "0 hexadecimal digits"},
		"not hexadecimal":   {"sha256:g" + hex256[1:], "not hexadecimal"},
		"blank before":      {" sha256:" + hex256, "unsupported"},
		"blank after":       {"sha256:" + hex256[1:] + " ", "not hexadecimal"},
		"line feed":         {"sha256:" + hex256 + "\n", "65"},
		"twice":             {"sha256:sha256:" + hex256, "want 64"},
		"full-width digits": {"sha256:" + strings.Repeat("０", 21) + "0", "not hexadecimal"},
		"second algorithm":  {"sha256+b64:" + hex256, "unsupported"},
		"terminal escape":   {"sha256:\x1b[2J", "hexadecimal digits"},
		"invalid UTF-8":     {"sha256:\xff" + hex256[1:], ""},
		"nul":               {"sha256:\x00" + hex256[1:], "not hexadecimal"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := artifact.ParseDigest(tc.in)
			if !d.IsZero() || !errors.Is(err, artifact.ErrBadDigest) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, %v, want %q", d, err, tc.want)
			}
			if err != nil && strings.ContainsAny(err.Error(), "\x00\x1b\n") {
				t.Errorf("the message carries control characters: %q", err)
			}
		})
	}
}

func TestDigestOfBytes(t *testing.T) {
	if d := artifact.SumSHA256(nil); d.Hex() != hex256 || d.Algorithm() != artifact.SHA256 || len(d.Sum()) != 32 {
		t.Errorf("got %v", d)
	}
	sum := sha512.Sum512(nil)
	if d := artifact.DigestOf(artifact.SHA512, sum[:]); d.Hex() != hex512 || len(d.Sum()) != 64 {
		t.Errorf("got %v", d)
	}
	short, err := artifact.ParseDigest("sha512:" + hex256 + strings.Repeat("0", 64))
	if err != nil || short == artifact.SumSHA256(nil) {
		t.Error("sums of two algorithms are equal")
	}
	d := artifact.SumSHA256(nil)
	d.Sum()[0] = 0
	if d != artifact.SumSHA256(nil) {
		t.Error("Sum gives the digest's own bytes away")
	}
}

func TestNoDigestIsNothing(t *testing.T) {
	var zero artifact.Digest
	if zero.String() != "" || zero.Hex() != "" || len(zero.Sum()) != 0 || !zero.IsZero() || zero.Algorithm().String() != "none" {
		t.Errorf("the zero digest is %q", zero)
	}
	if b, err := zero.MarshalText(); err == nil {
		t.Errorf("no digest was written as %q", b)
	}
	if _, err := json.Marshal(struct{ D artifact.Digest }{}); err == nil {
		t.Error("no digest was written into a document")
	}
	for name, f := range map[string]func(){
		"hash of no algorithm":  func() { artifact.NoAlgorithm.New() },
		"sum of another size":   func() { artifact.DigestOf(artifact.SHA256, make([]byte, 64)) },
		"sum of no algorithm":   func() { artifact.DigestOf(artifact.NoAlgorithm, nil) },
		"sum of some algorithm": func() { artifact.DigestOf(9, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("nothing was said")
				}
			}()
			f()
		})
	}
}

func FuzzParseDigest(f *testing.F) {
	f.Add("sha256:" + hex256)
	f.Add("sha512:" + hex512)
	f.Fuzz(func(t *testing.T, s string) {
		d, err := artifact.ParseDigest(s)
		if (err == nil) == d.IsZero() {
			t.Fatalf("%v, %v", d, err)
		}
		if err == nil && d.String() != s {
			t.Fatalf("%q reads as %q", s, d)
		}
	})
}

// TestCompareIsThatOfTexts: sorted by Compare, digests are sorted as written.
func TestCompareIsThatOfTexts(t *testing.T) {
	all := []artifact.Digest{{}}
	for _, s := range []string{"a", "b", "c", "d"} {
		wide := sha512.Sum512([]byte(s))
		all = append(all, artifact.SumSHA256([]byte(s)), artifact.DigestOf(artifact.SHA512, wide[:]))
	}
	for _, a := range all {
		for _, b := range all {
			if got, want := a.Compare(b), strings.Compare(a.String(), b.String()); got != want {
				t.Errorf("%v and %v: %d, want %d", a, b, got, want)
			}
		}
	}
}
