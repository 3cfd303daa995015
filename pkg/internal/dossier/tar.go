package dossier

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
)

// Write returns the one tar of d. It refuses a dossier that Read would refuse.
func Write(d *Dossier) ([]byte, error) {
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("writing the evidence bundle: %w", err)
	}
	index, err := json.Marshal(d.Index, jsontext.Multiline(false))
	if err != nil {
		return nil, fmt.Errorf("writing the evidence bundle: %w", err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	put := func(name string, body []byte) {
		if err == nil {
			// Plain USTAR: no owner, no time, nothing that depends on where it is written.
			err = w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(body)), Mode: 0o644, Format: tar.FormatUSTAR})
		}
		if err == nil {
			_, err = w.Write(body)
		}
	}
	put(indexName, index)
	put(recordName, d.Record)
	for _, digest := range slices.SortedFunc(maps.Keys(d.Blobs), artifact.Digest.Compare) {
		put(blobsPrefix+digest.Hex(), d.Blobs[digest])
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, fmt.Errorf("writing the evidence bundle: %w", err)
	}
	if b.Len() > MaxBytes || len(d.Blobs)+2 > MaxEntries {
		return nil, fmt.Errorf("writing the evidence bundle: %w: %d bytes in %d entries", ErrLimit, b.Len(), len(d.Blobs)+2)
	}
	return b.Bytes(), nil
}

// Read reads what Write wrote, and nothing else. Every blob it returns has the
// digest it stands under. It believes nothing beyond that.
func Read(data []byte) (*Dossier, error) {
	d, err := read(data)
	if err != nil {
		return nil, fmt.Errorf("reading the evidence bundle: %w", err)
	}
	return d, nil
}

func read(data []byte) (*Dossier, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrLimit, len(data), MaxBytes)
	}
	entries, err := list(data)
	if err != nil {
		return nil, err
	}
	d := &Dossier{Blobs: map[artifact.Digest][]byte{}}
	var index []byte
	for _, e := range entries {
		switch hex, blob := strings.CutPrefix(e.name, blobsPrefix); {
		case e.name == indexName:
			index = e.body
		case e.name == recordName:
			d.Record = e.body
		case blob:
			digest, err := artifact.ParseDigest("sha256:" + hex)
			if err != nil {
				return nil, fmt.Errorf("%w: %q", ErrName, e.name)
			}
			if sum := artifact.SumSHA256(e.body); sum != digest {
				return nil, fmt.Errorf("%w: what stands under %v has %v", ErrDigest, digest, sum)
			}
			d.Blobs[digest] = e.body
		default:
			return nil, fmt.Errorf("%w: %q", ErrExtra, e.name)
		}
	}
	if index == nil || d.Record == nil {
		return nil, fmt.Errorf("%w: %s or %s", ErrMissing, indexName, recordName)
	}
	if err := readIndex(index, &d.Index); err != nil {
		return nil, err
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	// What is left are ways to write the same: other order, modes, owners,
	// padding, extended headers, bytes behind the end.
	again, err := Write(d)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, data) {
		return nil, fmt.Errorf("%w: same content, other bytes (order, modes, times, or bytes behind the end)", ErrEntry)
	}
	return d, nil
}

func readIndex(data []byte, index *Index) error {
	if err := strictjson.Decode(data, index); err != nil {
		return fmt.Errorf("%w: %w", ErrIndex, err)
	}
	if err := json.Unmarshal(data, new(Index), json.RejectUnknownMembers(true)); err != nil {
		return fmt.Errorf("%w: %w", ErrIndex, err)
	}
	return nil
}

// An entry is a regular file of a tar.
type entry struct {
	name string
	body []byte
}

// list goes through the tar. Nothing is allocated by what a header says: sizes
// are held against the bytes that there are.
func list(data []byte) ([]entry, error) {
	in := bytes.NewReader(data)
	r := tar.NewReader(in)
	var out []entry
	seen := map[string]bool{}
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out, ended(data)
		}
		if err != nil {
			return nil, broken(err)
		}
		switch {
		case len(out) == MaxEntries:
			return nil, fmt.Errorf("%w: more than %d entries", ErrLimit, MaxEntries)
		case !local(h.Name):
			return nil, fmt.Errorf("%w: %q", ErrName, h.Name)
		case h.Typeflag != tar.TypeReg:
			return nil, fmt.Errorf("%w: %q is no regular file", ErrEntry, h.Name)
		case seen[h.Name]:
			return nil, fmt.Errorf("%w: %q", ErrDuplicate, h.Name)
		case h.Size > MaxBlob:
			return nil, fmt.Errorf("%w: %q says that it has %d bytes, at most %d", ErrLimit, h.Name, h.Size, MaxBlob)
		case h.Size > int64(in.Len()):
			return nil, fmt.Errorf("%w: %q says that it has %d bytes", ErrTruncated, h.Name, h.Size)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			return nil, broken(err)
		}
		seen[h.Name] = true
		out = append(out, entry{h.Name, body})
	}
}

// ended: a tar ends with two blocks of zeros; one that was cut between entries
// lacks them.
func ended(data []byte) error {
	const end = 1024
	if len(data) < end || bytes.ContainsFunc(data[len(data)-end:], func(r rune) bool { return r != 0 }) {
		if !bytes.Contains(data, make([]byte, end)) {
			return fmt.Errorf("%w: no end of the archive", ErrTruncated)
		}
	}
	return nil
}

func broken(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: %w", ErrTruncated, err)
	}
	return fmt.Errorf("%w: %w", ErrEntry, err)
}

// local says whether a name could lie in no other place than below the
// bundle. Nothing is ever unpacked; whoever unpacks it with another program
// should be told here.
func local(name string) bool {
	return name != "" && len(name) <= maxName && !strings.HasPrefix(name, "/") && !strings.ContainsAny(name, "\\\x00:") &&
		!slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool { return part == "" || part == "." || part == ".." })
}
