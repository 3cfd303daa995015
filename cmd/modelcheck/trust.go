package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/pkg/check"
)

const trustLong = `trust keeps Sigstore trusted roots: the certificate authorities, logs and
timestamp authorities that keyless signatures are proved with. They are files in
the folder modelcheck/trust of the user's configuration, or in that of
MODELCHECK_CONFIG_DIR, under names; the one named "default" is used where
--trusted-root is not given. Verification reads the file and fetches nothing.`

const trustExitStatus = `EXIT STATUS
  0  done
  1  failed: nothing was installed, and what was installed before is as it was
  2  usage: the command line is malformed`

// A trustVerb is what the flags of one verb said; none has all of them.
type trustVerb struct {
	name      string // of the root
	output    string
	mirror    string
	root      string
	caFile    string
	fetchedAt string
	replace   bool
}

func newTrust(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "trust",
		Short: "Fetch, import and show the trusted roots of Sigstore instances",
		Long:  trustLong,
		Example: `  modelcheck trust update
  modelcheck trust import trusted_root.json --name corp
  modelcheck trust show corp`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{hintError{fmt.Errorf("unknown command %q", args[0]), "modelcheck trust --help lists the commands"}}
			}
			return usageError{hintError{errors.New("no command"), "for example: modelcheck trust show"}}
		},
	}
	cmd.AddCommand(newTrustUpdate(s), newTrustImport(s), newTrustShow(s), newTrustList(s))
	for _, verb := range append(cmd.Commands(), cmd) {
		verb.SetUsageTemplate(cmd.UsageTemplate() + "\n" + trustExitStatus + "\n")
	}
	return cmd
}

func newTrustUpdate(s streams) *cobra.Command {
	var v trustVerb
	cmd := &cobra.Command{
		Use:   "update",
		Short: "Fetch a trusted root through TUF",
		Long: `update asks a TUF repository for its trusted root, verifies all that it sends,
and installs the root. Without flags it asks the public Sigstore instance, or
for a name that was updated before, the same repository as then. Every later
update begins with what the last one verified, so that a mirror cannot go back.`,
		Example: `  # the public Sigstore instance
  modelcheck trust update

  # a private instance: where its repository is, and the root that trust begins with
  modelcheck trust update --name corp --mirror https://tuf.corp.example --root root.json`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return explainTrust(v.update(cmd.Context(), s)) },
	}
	f := cmd.Flags()
	v.addName(cmd)
	f.StringVar(&v.mirror, "mirror", "", "`URL` of the TUF repository (https; http for this computer)")
	f.StringVar(&v.root, "root", "", "TUF root `FILE` (root.json) that trust begins with; needed once for an instance of one's own")
	f.StringVar(&v.caFile, "ca-file", "", "PEM `FILE` of certificate authorities to trust for TLS beside the system's")
	f.BoolVar(&v.replace, "replace", false, "put it in place of a root that came from elsewhere, and forget what that one's updates saw")
	_ = cmd.MarkFlagFilename("root")
	_ = cmd.MarkFlagFilename("ca-file")
	outputFlag(cmd, &v.output)
	return cmd
}

func newTrustImport(s streams) *cobra.Command {
	var v trustVerb
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Install a trusted root from a file",
		Long: `import checks that a file is a trusted root that verification can use, and
installs it. Its age is what the file beside it says (NAME.meta.json, which
modelcheck writes with every root), or --fetched-at, or unknown.`,
		Example: `  modelcheck trust import trusted_root.json --name corp --fetched-at 2026-11-02
  modelcheck trust import /media/stick/default.json`,
		Args: oneFile,
		RunE: func(_ *cobra.Command, args []string) error { return explainTrust(v.load(s, args[0])) },
	}
	v.addName(cmd)
	cmd.Flags().StringVar(&v.fetchedAt, "fetched-at", "", "`TIME` at which the file was current: 2026-11-02 or 2026-11-02T15:04:05Z")
	cmd.Flags().BoolVar(&v.replace, "replace", false, "also in place of a root that trust update keeps")
	outputFlag(cmd, &v.output)
	return cmd
}

func newTrustShow(s streams) *cobra.Command {
	var v trustVerb
	cmd := &cobra.Command{
		Use:   "show [NAME|FILE]",
		Short: "Show what a trusted root trusts, since when, and how old it is",
		Long: `show reads an installed root, "default" unless named, or any file: what holds
a dot or a slash is a file.`,
		Example: `  modelcheck trust show
  modelcheck trust show corp --output json
  modelcheck trust show ./trusted_root.json`,
		Args: atMost(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return explainTrust(v.show(s, append(args, check.DefaultTrustName)[0]))
		},
	}
	outputFlag(cmd, &v.output)
	return cmd
}

func newTrustList(s streams) *cobra.Command {
	var v trustVerb
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the installed trusted roots",
		Example: "  modelcheck trust list\n  modelcheck trust list --output json",
		Args:    atMost(0),
		RunE:    func(*cobra.Command, []string) error { return explainTrust(v.list(s)) },
	}
	outputFlag(cmd, &v.output)
	return cmd
}

func (v *trustVerb) addName(cmd *cobra.Command) {
	cmd.Flags().StringVar(&v.name, "name", check.DefaultTrustName, "`NAME` to install it under")
}

// oneFile is cobra's ExactArgs(1) with a hint.
func oneFile(_ *cobra.Command, args []string) error {
	if len(args) == 1 {
		return nil
	}
	return usageError{hintError{fmt.Errorf("%d files given, want 1", len(args)), "for example: modelcheck trust import trusted_root.json"}}
}

// atMost is cobra's MaximumNArgs with a hint.
func atMost(most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) <= most {
			return nil
		}
		return usageError{hintError{fmt.Errorf("unexpected argument %q", args[most]), cmd.CommandPath() + " --help shows what it takes"}}
	}
}
