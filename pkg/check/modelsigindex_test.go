package check_test

import (
	"archive/tar"
	"bytes"
	"slices"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/oms"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/sigstoretest"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// members lists models as the members of one index.
func (l *layoutWriter) members(t *testing.T, tag string, models ...[]namedFile) artifact.Descriptor {
	t.Helper()
	var list []map[string]any
	for _, files := range models {
		d := l.files(t, "", files...)
		list = append(list, map[string]any{"mediaType": d.MediaType, "digest": d.Digest.String(), "size": d.Size})
	}
	body := encode(t, map[string]any{"schemaVersion": 2, "mediaType": ocispec.MediaTypeImageIndex, "manifests": list})
	d := l.manifest(body, tag, "")
	l.index.Manifests[len(l.index.Manifests)-1].MediaType = ocispec.MediaTypeImageIndex
	d.MediaType = ocispec.MediaTypeImageIndex
	return d
}

// TestIgnoredInAnyMember: what a signer had left out is told of every model of
// an index, not of the first.
func TestIgnoredInAnyMember(t *testing.T) {
	lab, err := sigstoretest.New(labTime)
	if err != nil {
		t.Fatal(err)
	}
	w := weights(t)
	plain := []namedFile{w, good}
	more := []namedFile{w, good, {"extra/code.py", []byte("print()")}}
	for name, c := range map[string]struct {
		first, second []namedFile
		outcome       policy.Outcome
		code          string
	}{
		"in none":              {plain, plain, policy.Allow, provenance.CodeSignatureVerified},
		"in first":             {more, plain, policy.Hold, provenance.CodeIgnoredBySigner},
		"in second":            {plain, more, policy.Hold, provenance.CodeIgnoredBySigner},
		"other file in second": {plain, []namedFile{w, good, {"code.py", []byte("print()")}}, policy.Deny, provenance.CodeSignatureWrongSubject},
		"less in second":       {plain, []namedFile{w}, policy.Deny, provenance.CodeSignatureWrongSubject},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLayoutWriter()
			d := l.members(t, "v1", c.first, c.second)
			var list []oms.File
			for _, f := range plain {
				list = append(list, oms.File{Path: f.path, Size: int64(len(f.data)), SHA256: artifact.SumSHA256(f.data)})
			}
			statement, err := oms.New(list, oms.Options{Name: "tiny", Ignore: []string{"extra"}})
			if err != nil {
				t.Fatal(err)
			}
			b, err := lab.Bundle(sigstoretest.Request{Subject: d.Digest, Statement: statement, Key: signer(t, "demo.key"), WithoutLog: true, WithoutTimestamp: true})
			if err != nil {
				t.Fatal(err)
			}
			l.attach(t, d, b)
			dir := t.TempDir()
			l.write(t, dir)
			r := examine(t, byDemoKey(t), dir)
			if r.Verdict.Outcome != c.outcome || !slices.ContainsFunc(r.Verdict.Reasons, func(x policy.Reason) bool { return x.Code == c.code }) {
				t.Errorf("%v, want %v by %s: %+v %+v", r.Verdict.Outcome, c.outcome, c.code, r.Verdict.Reasons, r.Error)
			}
		})
	}
}

// TestModelSignatureTooLarge: a model.sig that is not read is told of.
func TestModelSignatureTooLarge(t *testing.T) {
	big := namedFile{"model.sig", bytes.Repeat([]byte(" "), attest.MaxBundle+1)}
	archived := func(t *testing.T, l *layoutWriter) artifact.Descriptor {
		var buf bytes.Buffer
		a := tar.NewWriter(&buf)
		for _, f := range []namedFile{weights(t), good, {big.path, big.data[:2<<20]}} {
			if err := a.WriteHeader(&tar.Header{Name: "models/" + f.path, Size: int64(len(f.data)), Mode: 0o644, Typeflag: tar.TypeReg}); err != nil {
				t.Fatal(err)
			}
			if _, err := a.Write(f.data); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		return l.manifest(encode(t, map[string]any{
			"schemaVersion": 2, "mediaType": ocispec.MediaTypeImageManifest,
			"config": l.blob(ocispec.MediaTypeImageConfig, []byte(`{"rootfs":{"type":"layers"}}`), nil),
			"layers": []any{l.blob(ocispec.MediaTypeImageLayer, buf.Bytes(), nil)},
		}), "v1", "")
	}
	for name, pack := range map[string]func(*testing.T, *layoutWriter) artifact.Descriptor{"a layer": one(big), "in an archive": archived} {
		t.Run(name, func(t *testing.T) {
			l := newLayoutWriter()
			pack(t, l)
			dir := t.TempDir()
			l.write(t, dir)
			r := examine(t, byDemoKey(t), dir)
			if len(r.Signatures) != 1 || r.Signatures[0].Code != provenance.CodeLimitExceeded || r.Verdict.Outcome != policy.Deny {
				t.Errorf("%v: %+v %+v", r.Verdict, r.Signatures, r.Error)
			}
		})
	}
}
