package check_test

import (
	"crypto/ecdsa"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/registry"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// listed is an entry of index.json.
func (l *layoutWriter) listed(t *testing.T, i int) artifact.Descriptor {
	t.Helper()
	m := l.index.Manifests[i]
	d, err := artifact.ParseDigest(m.Digest.String())
	if err != nil {
		t.Fatal(err)
	}
	return artifact.Descriptor{MediaType: m.MediaType, Digest: d, Size: m.Size}
}

// note attaches something that is no signature, and can be attached to.
func (l *layoutWriter) note(t *testing.T, subject artifact.Descriptor, name string) artifact.Descriptor {
	t.Helper()
	subject.MediaType = ocispec.MediaTypeImageManifest // which refer gives to the note as well
	l.refer(t, subject, "application/vnd.example."+name)
	return l.listed(t, len(l.index.Manifests)-1)
}

// attachedTo lists what is attached to a digest at a place.
func attachedTo(t *testing.T, at string, d artifact.Descriptor) (list []artifact.Digest) {
	t.Helper()
	client, err := registry.New(registry.Config{})
	if err != nil {
		t.Fatal(err)
	}
	store, err := client.Open(parseRef(t, at))
	if err != nil {
		t.Fatal(err)
	}
	found, err := store.Referrers(t.Context(), d.Digest)
	if err = errors.Join(err, store.Close()); err != nil {
		t.Fatal(err)
	}
	for _, r := range found {
		list = append(list, r.Descriptor.Digest)
	}
	return list
}

// What is attached to a referrer, and to a member of an index, comes along.
func TestCopyFurther(t *testing.T) {
	l := newLayoutWriter()
	subject := l.members(t, "v1", []namedFile{weights(t), good}, []namedFile{weights(t), good})
	member := l.listed(t, 0)
	l.sign(t, subject)
	ofMember := l.note(t, member, "member")
	review := l.note(t, subject, "review")
	answer := l.note(t, review, "answer")
	end := l.note(t, answer, "end")
	l.older(t, review, signer(t, "demo.key").(*ecdsa.PrivateKey))
	signed := l.listed(t, len(l.index.Manifests)-1)
	dir := t.TempDir()
	l.write(t, dir)
	from := "oci-layout:" + dir + ":v1"
	for _, to := range []string{
		serveRegistry(t, true, nil) + "/new/api:v1",
		serveRegistry(t, false, nil) + "/new/tag:v1",
		"oci-layout:" + t.TempDir() + "/carry:v1",
	} {
		r, err := copying(t, byDemoKey(t), from, to)
		if err != nil || r.Copied == nil || r.Copied.Referrers != 2 || r.Copied.Further != 4 || r.Copied.NotCopied != nil {
			t.Fatalf("%s: %v, %+v: %v", to, r.Verdict, r.Copied, err)
		}
		for _, c := range []struct {
			of   artifact.Descriptor
			want []artifact.Digest
		}{
			{member, []artifact.Digest{ofMember.Digest}},
			{review, []artifact.Digest{answer.Digest, signed.Digest}},
			{answer, []artifact.Digest{end.Digest}},
			{end, nil},
		} {
			if got := attachedTo(t, to, c.of); !slices.Equal(got, c.want) {
				t.Errorf("%s: attached to %v: %v, want %v", to, c.of.Digest, got, c.want)
			}
		}
		from = to
	}
}

// What lies too far away, is too much or is not whole stays behind, and the
// report says so; what refers to itself in a circle comes to an end.
func TestCopyFurtherLeft(t *testing.T) {
	for name, c := range map[string]struct {
		attach  func(t *testing.T, l *layoutWriter, subject, review artifact.Descriptor) (left artifact.Digest)
		further int
		why     string // "" for nothing left behind
	}{
		"too far away": {func(t *testing.T, l *layoutWriter, _, review artifact.Descriptor) artifact.Digest {
			two := l.note(t, review, "two")
			three := l.note(t, two, "three")
			l.note(t, three, "four")
			return three.Digest
		}, 2, "over 3 steps away"},
		"too many": {func(t *testing.T, l *layoutWriter, _, review artifact.Descriptor) (last artifact.Digest) {
			for i := range 101 {
				last = l.note(t, review, "n"+strconv.Itoa(i)).Digest
			}
			return last
		}, 100, "over 100 referrers"},
		"too many to ask": {func(t *testing.T, l *layoutWriter, subject, _ artifact.Descriptor) (last artifact.Digest) {
			for i := range 98 {
				l.note(t, subject, "n"+strconv.Itoa(i))
			}
			last = l.note(t, subject, "asked").Digest // the signature and the review are asked too
			return last
		}, 0, "over 100 manifests"},
		"not whole": {func(t *testing.T, l *layoutWriter, _, review artifact.Descriptor) artifact.Digest {
			bundle := []byte("not there")
			l.attach(t, review, bundle)
			delete(l.blobs, artifact.SumSHA256(bundle))
			return l.listed(t, len(l.index.Manifests)-1).Digest
		}, 0, "not fit to be carried on"},
		"a circle": {func(t *testing.T, l *layoutWriter, _, review artifact.Descriptor) artifact.Digest {
			other := l.image(t, nil)
			l.manifest(other, "sha256-"+review.Digest.Hex()+".sig", "")
			l.manifest(l.blobs[review.Digest], "sha256-"+artifact.SumSHA256(other).Hex()+".sig", "")
			return artifact.Digest{}
		}, 2, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it waits for the disk
			l := newLayoutWriter()
			subject := l.files(t, "v1", weights(t), good)
			l.sign(t, subject)
			review := l.note(t, subject, "review")
			left := c.attach(t, l, subject, review)
			dir := t.TempDir()
			l.write(t, dir)
			r, err := copying(t, byDemoKey(t), "oci-layout:"+dir+":v1", "oci-layout:"+t.TempDir()+"/carry:v1")
			if err != nil || !r.Verdict.Allowed() || r.Copied.Further != c.further {
				t.Fatalf("%v, %+v: %v", r.Verdict, r.Copied, err)
			}
			switch got := r.Copied.NotCopied; {
			case c.why == "" && len(got) == 0:
			case c.why != "" && len(got) == 1 && got[0].Digest == left && strings.Contains(got[0].Why, c.why):
			default:
				t.Errorf("left behind: %+v, want %v: %q", got, left, c.why)
			}
		})
	}
}

// Where it is not learned what is attached to a referrer, the copy fails.
func TestCopyFurtherUnlearned(t *testing.T) {
	l := newLayoutWriter()
	subject := l.files(t, "v1", weights(t), good)
	l.sign(t, subject)
	review := l.note(t, subject, "review")
	dir := t.TempDir()
	l.write(t, dir)
	var broken atomic.Bool
	from := serveRegistry(t, true, func(w http.ResponseWriter, r *http.Request) bool {
		hit := broken.Load() && strings.HasSuffix(r.URL.Path, "/referrers/"+review.Digest.String())
		if hit {
			w.WriteHeader(http.StatusForbidden)
		}
		return hit
	}) + "/m:v1"
	if _, err := copying(t, byDemoKey(t), "oci-layout:"+dir+":v1", from); err != nil {
		t.Fatal(err)
	}
	broken.Store(true)
	to := serveRegistry(t, true, nil) + "/m:v1"
	r, err := copying(t, byDemoKey(t), from, to)
	if err == nil || r.Verdict.Outcome != policy.Undecided || r.Copied != nil || r.Error.Code != provenance.CodeUnauthorized {
		t.Errorf("%v, %+v, %+v: %v", r.Verdict, r.Copied, r.Error, err)
	}
	if r, err := puller(t, unsigned(t), nil).Examine(t.Context(), parseRef(t, to)); err == nil {
		t.Errorf("the tag is there: %v", r.Verdict)
	}
	broken.Store(false)
	if r, err := copying(t, byDemoKey(t), from, to); err != nil || !r.Verdict.Allowed() {
		t.Errorf("again: %v: %v", r.Verdict, err)
	}
}
