package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/render"
)

// A verb is a command of the first level.
type verb struct {
	name  string
	build func(streams) *cobra.Command
}

var verbs = []verb{
	{"verify", newVerify},
	{"pull", newPull},
	{"copy", newCopy},
	{"cache", newCache},
	{"inspect", newInspect},
	{"same", newSame},
	{"sign", newSign},
	{"attest", newAttest},
	{"admit", newAdmit},
	{"lock", newLock},
	{"review", newReview},
	{"report", newReport},
	{"policy", newPolicy},
	{"manifest", newManifest},
	{"profile", newProfile},
	{"schema", newSchema},
	{"inventory", newInventory},
	{"rules", newRules},
	{"trust", newTrust},
	{"admission", newAdmission},
	{"version", newVersion},
}

// verbsFor is the verb that the arguments begin with, alone: to build all of them
// takes milliseconds. It is all of them where no verb comes first.
func verbsFor(args []string) []verb {
	for i, v := range verbs {
		if len(args) > 0 && args[0] == v.name {
			return verbs[i : i+1]
		}
	}
	return verbs
}

// newRoot builds the commands that the arguments may be for.
func newRoot(s streams, args ...string) *cobra.Command {
	s.given = &given{}
	root := &cobra.Command{
		Use:   "modelcheck",
		Short: "Say what a downloaded model is: who signed it, every byte's hash, what it discloses",
		Long: `modelcheck verifies open model weights in OCI registries, OCI layouts and plain
folders. It checks signatures, hashes every byte, and records a provenance
manifest: licence, origin, lineage, training-data disclosures and what loading
the files would do, each statement with its evidence. It says as plainly what
it could not check and what the model does not disclose.

Verifying contacts nothing but the registry that the reference names.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		// A command group alone does nothing, which is a usage mistake, not a success.
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{hintError{fmt.Errorf("unknown command %q", args[0]), "modelcheck --help lists the commands"}}
			}
			_ = cmd.Help()
			return usageError{hintError{fmt.Errorf("no command"), "for example: modelcheck verify REFERENCE --key cosign.pub"}}
		},
		Args: cobra.ArbitraryArgs,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := takeSettings(s, cmd); err != nil {
				return err
			}
			limitTime(cmd)
			return nil
		},
	}
	root.PersistentFlags().String("config", "", "take values for flags from this `FILE` (default: config.yaml in the user's configuration folder)")
	_ = root.MarkPersistentFlagFilename("config")
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{hintError{err, cmd.CommandPath() + " --help shows the flags"}}
	})
	for _, v := range verbsFor(args) {
		root.AddCommand(v.build(s))
	}
	root.SetUsageTemplate(usageTemplate(root.UsageTemplate()))
	return root
}

// usageTemplate puts EXIT STATUS at the end of every help text.
func usageTemplate(base string) string {
	return strings.TrimRight(base, "\n") + "\n\n" + exitStatus + "\n"
}

// oneReference is cobra's ExactArgs(1) with a hint.
func oneReference(cmd *cobra.Command, args []string) error {
	if len(args) == 1 {
		return nil
	}
	err := fmt.Errorf("%d references given, want 1", len(args))
	return usageError{hintError{err, fmt.Sprintf("for example: %s ghcr.io/acme/tiny-r1:v1", cmd.CommandPath())}}
}

// printable quotes what came from outside: a model card may hold escape codes
// that rewrite the reviewer's terminal.
func printable(untrusted string) string { return render.Printable(untrusted) }
