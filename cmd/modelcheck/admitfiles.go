package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/modelcheck/modelcheck/pkg/admission"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// manifests is a file, or stdin, with the objects in it and what was decided.
type manifests struct {
	name    string // "-" for stdin
	data    []byte
	objects []*object
}

type object struct {
	document admission.Document
	line     int
	index    int // in the file, -1 where the file could not be read as manifests
	decision admission.Decision
}

func (f *manifests) shownName() string {
	if f.name == "-" {
		return "stdin"
	}
	return f.name
}

func (f *manifests) decisions() []admission.Decision {
	var out []admission.Decision
	for _, o := range f.objects {
		out = append(out, o.decision)
	}
	return out
}

// read reads every file once.
func (a admitFlags) read(s streams) ([]*manifests, error) {
	var out []*manifests
	for _, name := range a.files {
		names := []string{name}
		if info, err := os.Stat(name); name != "-" && err == nil && info.IsDir() {
			if names, err = manifestsIn(name); err != nil {
				return nil, fmt.Errorf("reading manifests: %w", err)
			}
			if len(names) == 0 {
				return nil, usageError{fmt.Errorf("there is no .yaml, .yml or .json in %q", name)}
			}
		}
		for _, name := range names {
			if slices.ContainsFunc(out, func(f *manifests) bool { return f.name == filepath.Clean(name) }) {
				continue
			}
			data, err := readManifests(s, name)
			if err != nil {
				return nil, fmt.Errorf("reading manifests: %w", err)
			}
			out = append(out, &manifests{name: filepath.Clean(name), data: data})
		}
	}
	return out, nil
}

// manifestsIn lists the manifests of a folder and those below it, in order.
func manifestsIn(folder string) ([]string, error) {
	var out []string
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path)) {
			out = append(out, path)
		}
		return err
	})
	return out, err
}

func readManifests(s streams, name string) ([]byte, error) {
	if name != "-" {
		info, err := os.Stat(name)
		switch {
		case err != nil:
			return nil, err
		case info.Size() > admission.MaxFile:
			return nil, fmt.Errorf("%q has %d bytes, more than %d", name, info.Size(), admission.MaxFile)
		}
		return os.ReadFile(name)
	}
	if s.in == nil {
		return nil, errors.New("stdin is closed")
	}
	data, err := io.ReadAll(io.LimitReader(s.in, admission.MaxFile+1))
	if err == nil && len(data) > admission.MaxFile {
		err = fmt.Errorf("stdin has more than %d bytes", admission.MaxFile)
	}
	return data, err
}

// decide decides on the objects of a file. A file that is no manifests is
// decided on as one object that is none: it would not come in.
func (a admitFlags) decide(ctx context.Context, g *admission.Gate, f *manifests) {
	docs, err := admission.Documents(f.data)
	if err != nil {
		line := 1
		var at *admission.FileError
		if errors.As(err, &at) {
			line = at.Line
		}
		code := provenance.CodeObjectMalformed
		if errors.Is(err, admission.ErrLimit) {
			code = provenance.CodeLimitExceeded
		}
		f.objects = []*object{{line: line, index: -1, decision: g.Refuse(admission.Request{Operation: admission.Create, Namespace: a.namespace}, code, err.Error())}}
		return
	}
	for i, d := range docs {
		req := admission.Request{Operation: admission.Create, Object: d.Object, NamespaceLabels: a.labels, Pins: a.write}
		req.APIVersion, req.Kind, req.Namespace, req.Name = admission.NameOf(d.Object)
		if req.Namespace == "" {
			req.Namespace = a.namespace
		}
		f.objects = append(f.objects, &object{document: d, line: d.Line, index: i, decision: g.Admit(ctx, req)})
	}
}

// writeDigests writes the digests that were judged into the files, each whole
// or not at all, and only where the file is what was judged.
func writeDigests(s streams, files []*manifests) error {
	for _, f := range files {
		var pins []admission.Pin
		for _, o := range f.objects {
			for _, j := range o.decision.Judgements {
				if j.Admitted && j.Pin != "" {
					pins = append(pins, admission.Pin{Document: o.index, Pointer: j.Pointer, From: j.Text, To: j.Pin})
				}
			}
		}
		if len(pins) == 0 {
			continue
		}
		if err := rewrite(f, pins); err != nil {
			return fmt.Errorf("writing digests into %q: %w", f.name, err)
		}
		fmt.Fprintf(s.err, "modelcheck: %s: %d references pinned\n", printable(f.name), len(pins))
	}
	return nil
}

func rewrite(f *manifests, pins []admission.Pin) error {
	data, err := admission.Rewrite(f.data, pins)
	if err != nil {
		return err
	}
	name, err := filepath.EvalSymlinks(f.name)
	if err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	now, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if !bytes.Equal(now, f.data) {
		return errors.New("the file was changed meanwhile, and what is in it now was not judged")
	}
	if err := writeWhole(name, data); err != nil {
		return err
	}
	return os.Chmod(name, info.Mode().Perm())
}
