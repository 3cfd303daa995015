package main

import (
	"fmt"

	"github.com/modelcheck/modelcheck/pkg/check"
)

// writeManifest puts the provenance manifest where the user said, whole or not
// at all, and to the byte: its hash is the manifest digest of the report. A run that recorded none says so: an old file must not pass for it.
func writeManifest(s streams, name string, r *check.Report) error {
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
	if err := writeWhole(name, data); err != nil {
		return fmt.Errorf("writing the manifest: %w", err)
	}
	return nil
}
