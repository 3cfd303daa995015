package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/render"
	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// maxRecord bounds a manifest file in bytes. DeepSeek-V3's has 0.3 MB; one with
// 100,000 files, the limit of a folder, stays below 40 MB.
const maxRecord = 64 << 20

// A record is a manifest and where it is from.
type record struct {
	name     string
	data     []byte
	manifest *provenance.Manifest
	examined bool // the artifact was examined in this run, and not a file read
	// documents that came with the manifest: in an evidence bundle, or out of
	// the artifact where they were kept
	documents map[artifact.Digest][]byte
}

func (r record) view() render.RecordSource {
	return render.RecordSource{Name: r.name, Manifest: r.manifest, Digest: artifact.SumSHA256(r.data), Examined: r.examined}
}

// A recordError refuses a document as a record. Its exit status is that of a
// denial: a check was made and does not hold.
type recordError struct {
	code string
	err  error
}

func (e recordError) Error() string { return fmt.Sprintf("%v [%s]", e.err, e.code) }
func (e recordError) Unwrap() error { return e.err }

// loadRecord reads a manifest from a file or stdin, or examines the artifact
// that a reference names.
func (f verifyFlags) loadRecord(ctx context.Context, s streams, name string) (record, error) {
	if isFile(name) {
		if f.trust.policyFile != "" || f.trust.fromFlags() {
			return record{}, usageError{hintError{fmt.Errorf("%q is a file: nothing of it is checked, and nobody can be trusted with it", name), "modelcheck manifest verify checks a record against its evidence"}}
		}
		return readRecord(s, name)
	}
	f.record = true
	report, _, err := f.examine(ctx, s, name, (*check.Checker).Examine)
	if err != nil {
		return record{}, notAFile(name, err)
	}
	if report.ManifestBytes() == nil {
		for _, r := range report.Verdict.Reasons {
			fmt.Fprintf(s.err, "modelcheck: not recorded: %s [%s]\n", printable(r.Message), printable(r.Code))
		}
		return record{}, verdictCode(report.Verdict)
	}
	r := record{name: name, data: report.ManifestBytes(), manifest: report.Manifest, examined: true}
	if f.texts {
		bundle, err := report.EvidenceBytes()
		if err != nil {
			return record{}, err
		}
		evidence, err := check.OpenEvidence(bundle)
		if err != nil {
			return record{}, err
		}
		r.documents = evidence.Documents
	}
	return r, nil
}

// isFile tells files from references: "-", and what exists. References name
// their place (dir:, oci-layout:) or a host, so that files that exist under
// such a name are not meant.
func isFile(name string) bool {
	if name == "-" {
		return true
	}
	if strings.HasPrefix(name, "dir:") || strings.HasPrefix(name, "oci-layout:") || strings.Contains(name, "://") {
		return false
	}
	info, err := os.Stat(name)
	return err == nil && !info.IsDir()
}

// notAFile adds to an error about a reference that there is no such file.
func notAFile(name string, err error) error {
	var usage usageError
	if serviceOnly(name) == nil && errors.As(err, &usage) {
		return usageError{hintError{fmt.Errorf("%q is no file that can be read, and no reference: %w", name, err), "name a file, or write HOST/REPOSITORY:TAG, oci-layout:PATH:TAG or dir:PATH"}}
	}
	return err
}

// readRecord reads a manifest, or the one of an evidence bundle.
func readRecord(s streams, name string) (record, error) {
	data, err := readInput(s, name, maxEvidence)
	if err != nil {
		return record{}, fmt.Errorf("reading the manifest: %w", err)
	}
	if len(data) > 0 && data[0] != '{' {
		return openRecord(name, data)
	}
	if len(data) > maxRecord {
		return record{}, fmt.Errorf("reading the manifest: %q has more than %d bytes", name, maxRecord)
	}
	m, err := provenance.Decode(data)
	if err != nil {
		return record{}, recordError{recordCode(err), fmt.Errorf("%q: %w", name, err)}
	}
	return record{name: name, data: data, manifest: m}, nil
}

// openRecord takes the manifest out of an evidence bundle. What is neither is
// called no manifest.
func openRecord(name string, data []byte) (record, error) {
	e, err := check.OpenEvidence(data)
	var coded *check.CodedError
	switch {
	case errors.As(err, &coded) && coded.Code != provenance.CodeEvidenceMalformed && coded.Code != provenance.CodeEvidenceTruncated:
		return record{}, recordError{coded.Code, fmt.Errorf("%q: %w", name, err)}
	case err != nil:
		return record{}, recordError{provenance.CodeRecordInvalid, fmt.Errorf("%q: neither a manifest, which begins with {, nor an evidence bundle: %w", name, err)}
	}
	return record{name: name, data: e.Bytes, manifest: e.Manifest, documents: e.Documents}, nil
}

// recordCode says why a document is no record.
func recordCode(err error) string {
	if errors.Is(err, provenance.ErrNotCanonical) {
		return provenance.CodeRecordNotCanonical
	}
	return provenance.CodeRecordInvalid
}

// readInput reads a file, or stdin for "-", of at most limit bytes.
func readInput(s streams, name string, limit int64) (data []byte, err error) {
	var in io.Reader = s.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		if info, err := f.Stat(); err != nil || info.IsDir() {
			return nil, errors.Join(err, fmt.Errorf("%q: %w: a folder", name, fs.ErrInvalid))
		}
		in = f
	}
	if in == nil {
		return nil, errors.New("stdin is closed")
	}
	data, err = io.ReadAll(io.LimitReader(in, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%q has more than %d bytes", name, limit)
	}
	return data, err
}

// denied is what a refused document ends with, said by the same place as all
// verdicts.
func denied() error { return verdictError{policy.Deny} }
