package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/modelcheck/modelcheck/pkg/check"
)

// writeManifest puts the provenance manifest where the user said, whole or not
// at all, and to the byte: its hash is the manifest digest of the report. A run that recorded none says so: an old file must not pass for it.
func writeManifest(s streams, name string, r *check.Report) (err error) {
	data := r.ManifestBytes()
	switch {
	case name == "":
		return nil
	case data == nil:
		fmt.Fprintf(s.err, "modelcheck: no manifest was written: not every byte could be verified\n")
		return nil
	case name == "-":
		_, err := s.out.Write(data)
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(name), ".modelcheck-*")
	if err != nil {
		return fmt.Errorf("writing the manifest: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing the manifest: %w", errors.Join(err, os.Remove(tmp.Name())))
		}
	}()
	if _, err := tmp.Write(data); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err := errors.Join(tmp.Chmod(0o644), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), name)
}
