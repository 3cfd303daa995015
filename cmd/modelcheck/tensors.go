package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/pkg/check"
)

func (f *verifyFlags) addTensors(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.tensors, "tensors", "", "hash every tensor too, and write the list of them to `FILE` (- for stdout, in place of the report)")
	_ = cmd.MarkFlagFilename("tensors")
}

// writeTensors puts the tensor manifest where the user said. Without one, an
// old file must not pass for it.
func writeTensors(s streams, name string, r *check.Report) error {
	if name == "" {
		return nil
	}
	t := r.TensorManifest()
	if t == nil {
		fmt.Fprintf(s.err, "modelcheck: no list of tensors was written: not every byte could be hashed\n")
		return nil
	}
	data, err := t.Encode()
	if err == nil && name == "-" {
		_, err = s.out.Write(data)
	} else if err == nil {
		err = writeWhole(name, data)
	}
	if err != nil {
		return fmt.Errorf("writing the list of tensors: %w", err)
	}
	return nil
}
