package main

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
	"github.com/modelcheck/modelcheck/schemas"
)

const validateLong = `validate says whether a file is a sound provenance manifest: it fits the
schema, it claims nothing that it does not show (a verified claim without a
verified observation, an absence that was searched nowhere, a conflict with a
value), and it stands in canonical form, so that its hash is the record's
digest. It prints that digest and the substance digest that reviews bind to.

Nothing that the record says is checked against the model: a sound record can
be made up. manifest verify checks a record against its evidence.`

const validateExit = `EXIT STATUS
  0  the file is a sound manifest; whether what it says is true was not looked at
  1  the file could not be read
  2  usage: the command line is malformed
  3  it is not one, for the reasons that are printed`

func newValidate(s streams) *cobra.Command {
	var quiet bool
	cmd := &cobra.Command{
		Use:   "validate FILE|-",
		Short: "Say whether a file is a sound provenance manifest, and print its digests",
		Long:  validateLong,
		Example: `  modelcheck manifest validate manifest.json
  modelcheck manifest generate dir:./model | modelcheck manifest validate -`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{hintError{fmt.Errorf("%d files given, want 1", len(args)), "for example: modelcheck manifest validate manifest.json"}}
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return validateFile(s, args[0], quiet) },
	}
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print nothing; the exit status tells")
	return cmd
}

// A problem is one reason why a document is no sound record.
type problem struct{ code, message string }

func validateFile(s streams, name string, quiet bool) error {
	data, err := readInput(s, name, maxRecord)
	if err != nil {
		return fmt.Errorf("reading the manifest: %w", err)
	}
	m, problems := soundness(data)
	if !quiet {
		if err := printSoundness(s, m, data, problems); err != nil {
			return err
		}
	}
	if len(problems) > 0 {
		return denied()
	}
	return nil
}

// soundness gives every reason against a document, by its schema and by its
// reader, which know of each other nothing.
func soundness(data []byte) (*provenance.Manifest, []problem) {
	var out []problem
	if err := fitsSchema(data); err != nil {
		out = append(out, problem{provenance.CodeRecordSchema, err.Error()})
	}
	m, err := provenance.Decode(data)
	if err != nil {
		out = append(out, problem{recordCode(err), err.Error()})
	}
	return m, out
}

func fitsSchema(data []byte) error {
	c := jsonschema.NewCompiler()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemas.Manifest()))
	if err != nil {
		return err
	}
	const id = "https://github.com/modelcheck/modelcheck/schemas/manifest-v1.json"
	if err := c.AddResource(id, doc); err != nil {
		return err
	}
	schema, err := c.Compile(id)
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	var invalid *jsonschema.ValidationError
	if err := schema.Validate(value); errors.As(err, &invalid) {
		return deepest(invalid)
	} else if err != nil {
		return err
	}
	return nil
}

// deepest returns the cause that says most: the one furthest down in the
// document.
func deepest(e *jsonschema.ValidationError) error {
	best := e
	var walk func(*jsonschema.ValidationError)
	walk = func(v *jsonschema.ValidationError) {
		if len(v.Causes) == 0 && len(v.InstanceLocation) >= len(best.InstanceLocation) && (best.Causes != nil || len(v.InstanceLocation) > len(best.InstanceLocation)) {
			best = v
		}
		for _, c := range v.Causes {
			walk(c)
		}
	}
	walk(e)
	path := ""
	for _, part := range best.InstanceLocation {
		path += "/" + part
	}
	return fmt.Errorf("the schema does not allow %q: %s", path, best.ErrorKind.LocalizedString(english()))
}

func printSoundness(s streams, m *provenance.Manifest, data []byte, problems []problem) error {
	if len(problems) > 0 {
		fmt.Fprintln(s.out, "NOT SOUND  not a provenance manifest that may stand as a record")
		for _, p := range problems {
			if _, err := fmt.Fprintf(s.out, "  %s [%s]\n", printable(p.message), p.code); err != nil {
				return err
			}
		}
		return nil
	}
	substance, err := provenance.SubstanceDigest(m)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "SOUND  schema, honesty and canonical form hold; nothing that it says was checked\n  subject    %s\n  manifest   %s\n  substance  %s\n",
		m.Subject, artifact.SumSHA256(data), substance)
	return err
}
