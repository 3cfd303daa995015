package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
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

// fitsSchema checks a document by the schema that is published.
func fitsSchema(data []byte) error {
	var schema jsonschema.Schema
	if err := json.Unmarshal(schemas.Manifest(), &schema); err != nil {
		return err
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		return err
	}
	var value any
	if err := json.Unmarshal(data, &value); err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	if err := resolved.Validate(value); err != nil {
		return fmt.Errorf("the schema does not allow it: %s", deepest(err.Error()))
	}
	return nil
}

// deepest shortens "validating A: validating B: why" to what stands in B, the
// furthest place in the schema.
func deepest(message string) string {
	const step = "validating "
	for {
		place, why, ok := strings.Cut(message, ": ")
		if !ok || !strings.HasPrefix(place, step) {
			return message
		}
		if !strings.HasPrefix(why, step) {
			return strings.TrimPrefix(place, step) + ": " + why
		}
		message = why
	}
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
