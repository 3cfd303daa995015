package dossier_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/dossier"
)

func sample() *dossier.Dossier {
	d := dossier.New([]byte(`{"record":true}`))
	d.Index.Manifests = []dossier.Manifest{{Digest: d.Add([]byte("{}")), MediaType: "application/vnd.oci.image.manifest.v1+json"}}
	d.Index.Documents = []dossier.Document{{Path: "README.md", Digest: d.Add([]byte("# hello"))}}
	d.Index.Referrers = []dossier.Referrer{{Layout: "referrer", Digest: artifact.SumSHA256([]byte("gone")), Unread: "not there"}}
	return d
}

func TestRoundTrip(t *testing.T) {
	data, err := dossier.Write(sample())
	if err != nil {
		t.Fatal(err)
	}
	again, err := dossier.Write(sample())
	if err != nil || !bytes.Equal(data, again) {
		t.Fatalf("two runs, two files: %v", err)
	}
	d, err := dossier.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Blobs) != 2 || string(d.Record) != `{"record":true}` || d.Index.Documents[0].Path != "README.md" {
		t.Errorf("%+v", d)
	}
}

// Every prefix, every flipped bit and every appended byte is refused, but for
// bits of words in the index, which no digest covers: what they say is held
// against the record by who reads it.
func TestReadTakesOneFormOnly(t *testing.T) {
	data, err := dossier.Write(sample())
	if err != nil {
		t.Fatal(err)
	}
	for n := range data {
		if _, err := dossier.Read(data[:n]); err == nil {
			t.Fatalf("the first %d bytes of %d are read as a whole", n, len(data))
		}
		flipped := bytes.Clone(data)
		flipped[n] ^= 1
		if _, err := dossier.Read(flipped); err == nil && (n < 512 || n >= 1536) {
			t.Fatalf("a flipped bit at %d is not seen", n)
		}
	}
	if _, err := dossier.Read(append(bytes.Clone(data), 0)); !errors.Is(err, dossier.ErrEntry) {
		t.Errorf("a byte behind the end: %v", err)
	}
}

func TestWriteRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*dossier.Dossier)
		want   error
	}{
		"missing":        {func(d *dossier.Dossier) { delete(d.Blobs, d.Index.Documents[0].Digest) }, dossier.ErrMissing},
		"extra":          {func(d *dossier.Dossier) { d.Add([]byte("more")) }, dossier.ErrExtra},
		"another record": {func(d *dossier.Dossier) { d.Record = []byte("{}") }, dossier.ErrRecord},
		"no version":     {func(d *dossier.Dossier) { d.Index.SchemaVersion = "" }, dossier.ErrIndex},
		"too large": {func(d *dossier.Dossier) {
			d.Index.Configs = append(d.Index.Configs, d.Add(make([]byte, dossier.MaxBytes)))
		}, dossier.ErrLimit},
	} {
		t.Run(name, func(t *testing.T) {
			d := sample()
			c.change(d)
			if _, err := dossier.Write(d); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

// FuzzRead: what is read is written back as the same bytes.
func FuzzRead(f *testing.F) {
	data, err := dossier.Write(sample())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:1024])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := dossier.Read(data)
		if err != nil {
			return
		}
		again, err := dossier.Write(d)
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("read, and not written back as it was: %v", err)
		}
	})
}
