package registry

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// A place is where a referrer is expected, and what is wrong with it.
type place struct {
	layout string
	digest artifact.Digest
	err    error
}

func checkPlaces(t *testing.T, name string, found []Referrer, want ...place) {
	t.Helper()
	if len(found) != len(want) {
		t.Errorf("%s: %d referrers, want %d", name, len(found), len(want))
		return
	}
	for i, f := range found {
		w := want[i]
		if f.Layout != w.layout || f.Descriptor.Digest != w.digest || !errors.Is(f.Err, w.err) || (f.Err == nil) != (w.err == nil) {
			t.Errorf("%s: %d: %s %v, error %v, want %+v", name, i, f.Layout, f.Descriptor.Digest, f.Err, w)
		}
		if f.Err == nil && artifact.SumSHA256(f.Body) != f.Descriptor.Digest {
			t.Errorf("%s: %d: body %q", name, i, f.Body)
		}
	}
}

// What cosign wrote under its older tags is listed beside what is newer, and
// what stands in two places is listed once.
func TestOlderTags(t *testing.T) {
	f := newFake(t)
	subject := theSubject.Digest
	open := func() *Store { return openStore(t, testConfig(nil), f.host()+"/"+repo+":v1") }
	list := func(name string, want ...place) {
		t.Helper()
		before := f.requests("/")
		found, err := open().Referrers(t.Context(), subject)
		must(t, err)
		checkPlaces(t, name, found, want...)
		if n := f.requests("/") - before; n > 4+len(want) {
			t.Errorf("%s: %d requests for %d referrers", name, n, len(want))
		}
	}
	list("none")
	sig := f.putManifest("sha256-"+subject.Hex()+".sig", typeOCIManifest, manifestOf(describe("", []byte("sig"))))
	list("sig", place{layoutSig, sig.Digest, nil})
	att := f.putManifest("sha256-"+subject.Hex()+".att", typeOCIManifest, manifestOf(describe("", []byte("att"))))
	list("sig and att", place{layoutSig, sig.Digest, nil}, place{layoutAtt, att.Digest, nil})
	one := f.putManifest("", typeOCIManifest, referrerOf(subject, "1"))
	two := f.putManifest("", typeOCIManifest, referrerOf(subject, "2"))
	f.putManifest(fallbackTag(subject), typeOCIIndex, indexOf(one, two))
	f.listed[subject.String()] = indexOf(one)
	list("all", place{layoutAPI, one.Digest, nil}, place{layoutTag, two.Digest, nil}, place{layoutSig, sig.Digest, nil}, place{layoutAtt, att.Digest, nil})
	// Under .sig and in the API: once.
	f.putManifest("sha256-"+subject.Hex()+".sig", typeOCIManifest, referrerOf(subject, "1"))
	list("one manifest in two places", place{layoutAPI, one.Digest, nil}, place{layoutTag, two.Digest, nil}, place{layoutAtt, att.Digest, nil})
	// A wrong size in one list does not hide, nor double, what another has right.
	wrong := one
	wrong.Size--
	f.listed[subject.String()] = indexOf(wrong)
	f.putManifest("sha256-"+subject.Hex()+".sig", typeOCIManifest, []byte(`{"x":1,"x":2}`))
	list("contradiction", place{layoutTag, one.Digest, nil}, place{layoutTag, two.Digest, nil},
		place{layoutSig, artifact.SumSHA256([]byte(`{"x":1,"x":2}`)), ErrResponse}, place{layoutAtt, att.Digest, nil})
}

// Not having been able to ask for one of the tags is no "none".
func TestOlderTagsUnavailable(t *testing.T) {
	for _, suffix := range []string{".sig", ".att"} {
		for status, want := range map[int]error{401: ErrUnauthorized, 403: ErrUnauthorized, 429: ErrRateLimited, 500: ErrResponse, 200: ErrResponse} {
			f := newFake(t)
			f.fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
				if !strings.HasSuffix(r.URL.Path, suffix) {
					return false
				}
				w.Header().Set("Content-Type", "text/html")
				w.WriteHeader(status)
				w.Write([]byte("<html>"))
				return true
			}
			found, err := openStore(t, testConfig(nil), f.host()+"/"+repo+":v1").Referrers(t.Context(), theSubject.Digest)
			if found != nil || !errors.Is(err, want) || errors.Is(err, ErrNotFound) {
				t.Errorf("%s %d: %v, error %v, want %v", suffix, status, found, err, want)
			}
		}
	}
}

// The bounds hold over all places together.
func TestOlderTagsLimit(t *testing.T) {
	f := newFake(t)
	var list []artifact.Descriptor
	for i := range 4 {
		d := describe(typeOCIManifest, []byte{byte(i)})
		d.Size = maxManifest
		list = append(list, d)
	}
	f.listed[theSubject.Digest.String()] = indexOf(list...)
	open := func() *Store { return openStore(t, testConfig(nil), f.host()+"/"+repo+":v1") }
	if found, err := open().Referrers(t.Context(), theSubject.Digest); err != nil || len(found) != 4 {
		t.Errorf("%d referrers, error %v", len(found), err)
	}
	f.putManifest("sha256-"+theSubject.Digest.Hex()+".att", typeOCIManifest, []byte("{}"))
	if found, err := open().Referrers(t.Context(), theSubject.Digest); !errors.Is(err, ErrLimit) {
		t.Errorf("%d referrers, error %v, want ErrLimit", len(found), err)
	}
}

func TestOlderTagsOfSHA512(t *testing.T) {
	if tags := olderTags(sum(artifact.SHA512, nil)); len(tags) != 0 {
		t.Errorf("%v: longer than a tag can be", tags)
	}
}

func TestOlderTagsInLayout(t *testing.T) {
	f := newFolder(t)
	subject := f.add("v1", manifestOf(describe("", []byte("1"))))
	base := "sha256-" + subject.Digest.Hex()
	sig := f.add(base+".sig", manifestOf(describe("", []byte("sig"))))
	f.add("sha256-"+digestOf(nil)[7:]+".sig", manifestOf(describe("", []byte("of another"))))
	att := f.add(base+".att", manifestOf(describe("", []byte("att"))))
	one := f.add("", referrerOf(subject.Digest, "1"))
	f.add(base, indexOf(one))
	list := func(name string, want ...place) {
		t.Helper()
		found, err := openStore(t, testConfig(nil), "oci-layout:"+f.path+":v1").Referrers(t.Context(), subject.Digest)
		must(t, err)
		checkPlaces(t, name, found, want...)
	}
	list("whole", place{layoutIndex, one.Digest, nil}, place{layoutSig, sig.Digest, nil}, place{layoutAtt, att.Digest, nil})
	must(t, os.Remove(filepath.Join(f.path, filepath.FromSlash(blobPath(sig.Digest)))))
	f.write(blobPath(att.Digest), []byte("altered"))
	list("damaged", place{layoutIndex, one.Digest, nil}, place{layoutSig, sig.Digest, ErrNotFound}, place{layoutAtt, att.Digest, artifact.ErrSizeMismatch})
}
