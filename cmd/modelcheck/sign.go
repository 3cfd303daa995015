package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/render"
	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
)

const signLong = `sign signs one artifact and attaches the signature to it, as a bundle that
cosign verify and modelcheck verify accept.

The reference is resolved once, and the digest is what is signed; it is printed.
The signature is verified right after it was made: one that does not verify is
not attached. Then it is attached as a referrer (referrers API, fallback tag, or
the index of an OCI layout), found again, and verified as it is handed out.

With --key alone nothing is contacted but the registry: no log, no timestamp.
The password of an encrypted key is taken from COSIGN_PASSWORD or
MODELCHECK_PASSWORD, or asked for at the terminal.

Without --key the signature is by an identity. Its token is, the first of these
that is there: --identity-token; signing in with --login; SIGSTORE_ID_TOKEN
(GitLab, and others); the token of the GitHub Actions job; at a terminal,
signing in by a browser. Such a signature needs --signing-config, which names
the services to ask, and --trusted-root. The identity stands in the certificate
and, for good, in the transparency log.

With --oms the model's files are signed and not the digest: names and SHA-256 of
all of them, as OpenSSF Model Signing has it. Of an artifact they are taken from
the manifest, whose layers must be the files themselves; nothing is downloaded.`

const signExample = `  # with a key; nothing but the registry is contacted
  modelcheck sign ghcr.io/acme/tiny-r1:v1 --key cosign.key

  # with a key, logged and dated by the services of a signing configuration
  modelcheck sign ghcr.io/acme/tiny-r1:v1 --key cosign.key \
      --signing-config signing_config.json --trusted-root trusted_root.json

  # keyless, in CI or by signing in
  modelcheck sign ghcr.io/acme/tiny-r1:v1 \
      --signing-config signing_config.json --trusted-root trusted_root.json

  # by a key that a sigstore-kms plugin holds, into an OCI layout
  modelcheck sign oci-layout:./dist/model:v1 --key awskms:///alias/release

  # the files of a model (OpenSSF Model Signing): a folder, which gets a model.sig, or an artifact
  modelcheck sign --oms dir:./r1 --key cosign.key
  modelcheck sign --oms ghcr.io/acme/tiny-r1:v1 --key cosign.key

  # see what would be signed; keep a signature without attaching it
  modelcheck sign ghcr.io/acme/tiny-r1:v1 --key cosign.key --dry-run
  modelcheck sign ghcr.io/acme/tiny-r1:v1 --key cosign.key --no-attach --bundle-out r1.sigstore.json`

const signExitStatus = `EXIT STATUS
  0  signed, attached, and verified as it is handed out (or as much of it as was asked for)
  1  failed: registry, key, identity, services, trust material or output; or it did not verify
  2  usage: the command line or the reference is malformed`

type signFlags struct {
	place         placeFlags
	key           string
	identityToken string
	login         string
	oidcIssuer    string
	oidcClient    string
	signingConfig string
	trustedRoot   string
	output        string
	bundleOut     string
	oms           bool
	ignore        []string
	dryRun        bool
	noAttach      bool
}

func newSign(s streams) *cobra.Command {
	var f signFlags
	cmd := &cobra.Command{
		Use:     "sign REFERENCE",
		Short:   "Sign an artifact and attach the signature",
		Long:    signLong,
		Example: signExample,
		Args:    oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			return sign(cmd.Context(), s, f, args[0])
		},
	}
	f.place.addAccess(cmd)
	f.add(cmd)
	cmd.SetUsageTemplate(cmd.UsageTemplate() + "\n" + signExitStatus + "\n")
	return cmd
}

func (f *signFlags) add(cmd *cobra.Command) {
	f.addSignatory(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&f.oms, "oms", false, "sign the model's files (OpenSSF Model Signing v1.0) in place of the digest; the only way for dir:")
	flags.StringVar(&f.bundleOut, "signature", "", "same as --bundle-out; with --oms dir:PATH the default is PATH/model.sig")
	flags.StringArrayVar(&f.ignore, "ignore", nil, "with --oms, leave out the file or folder of this `PATH` in the model; it is recorded (may be repeated)")
	flags.StringVar(&f.bundleOut, "bundle-out", "", "keep the bundle in `FILE`")
	flags.BoolVar(&f.noAttach, "no-attach", false, "sign and verify, and leave the registry as it is; needs --bundle-out")
	flags.BoolVar(&f.dryRun, "dry-run", false, "show what would be signed; sign nothing, ask nobody but the registry")
	outputFlag(cmd, &f.output)
	for _, name := range []string{"bundle-out", "signature"} {
		_ = cmd.MarkFlagFilename(name)
	}
}

// addSignatory adds the flags that say who signs.
func (f *signFlags) addSignatory(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.key, "key", "", "private key: a PEM `FILE` (also cosign's encrypted ones), or NAME://KEY for the plugin sigstore-kms-NAME")
	flags.StringVar(&f.identityToken, "identity-token", "", "sign keyless with this OpenID Connect `TOKEN` (@FILE reads it from a file, - from stdin)")
	flags.StringVar(&f.login, "login", "", "sign keyless by signing in: `browser`, or device for a code on another device")
	flags.StringVar(&f.oidcIssuer, "oidc-issuer", "", "`URL` of the identity provider to sign in at (default: that of the signing configuration)")
	flags.StringVar(&f.oidcClient, "oidc-client-id", "sigstore", "`ID` of the client to sign in as")
	flags.StringVar(&f.signingConfig, "signing-config", "", "`FILE` that names certificate authority, logs and timestamp authorities (signing_config.json)")
	flags.StringVar(&f.trustedRoot, "trusted-root", "", "Sigstore trusted root to verify the signature with: a `FILE`, or the name of an installed one (default, keyless: the installed \"default\")")
	for _, name := range []string{"key", "signing-config", "trusted-root"} {
		_ = cmd.MarkFlagFilename(name)
	}
	_ = cmd.RegisterFlagCompletionFunc("login", cobra.FixedCompletions([]string{"browser", "device"}, cobra.ShellCompDirectiveNoFileComp))
}

func sign(ctx context.Context, s streams, f signFlags, name string) error {
	ref, err := parseReference(name)
	if err != nil {
		return signFailure(s, f, name, err)
	}
	cfg, err := f.config(s, ref)
	if err != nil {
		return signFailure(s, f, name, err)
	}
	signer, err := check.NewSigner(ctx, cfg)
	if err != nil {
		return signFailure(s, f, name, err)
	}
	report, err := signer.Sign(ctx, ref)
	err = explainSigning(err)
	return errors.Join(err, keepBundle(f.bundleOut, report.BundleBytes()), printSigned(s, f, report))
}

// signFailure puts an early failure into the JSON report too.
func signFailure(s streams, f signFlags, name string, err error) error {
	var usage usageError
	code := check.SignFailureCode(err)
	if errors.As(err, &usage) {
		code = failureCode(err)
	}
	if f.output == "json" {
		err = errors.Join(err, printSigned(s, f, check.FailedSigning(name, code, err, build().Version)))
	}
	return explainSigning(err)
}

func printSigned(s streams, f signFlags, r *check.SignReport) error {
	if f.place.quiet {
		return nil
	}
	var err error
	if f.output == "json" {
		err = render.JSON(s.out, r)
	} else {
		err = render.Signed(s.out, r, style(s))
	}
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// config reads every file that the flags name.
func (f *signFlags) config(s streams, ref artifact.Reference) (check.SignConfig, error) {
	cfg := check.SignConfig{Access: f.place.config(s, nil), DryRun: f.dryRun, NoAttach: f.noAttach, Password: s.password}
	if err := f.check(ref); err != nil {
		return cfg, err
	}
	var err error
	if f.signingConfig != "" {
		if cfg.SigningConfig, err = readSmall(f.signingConfig); err != nil {
			return cfg, fmt.Errorf("reading the signing configuration: %w", err)
		}
	}
	if cfg.TrustedRoot, err = f.root(s); err != nil {
		return cfg, err
	}
	if f.oms {
		if cfg.Model, err = f.model(ref); err != nil {
			return cfg, err
		}
	}
	return cfg, f.signatory(s, &cfg)
}

// root reads the trusted root that the signature is verified with: a file, an
// installed one, or for a keyless signature the one that is installed as
// "default".
func (f *signFlags) root(s streams) ([]byte, error) {
	switch {
	case f.trustedRoot != "" && !check.IsTrustName(f.trustedRoot):
		data, err := readSmall(f.trustedRoot)
		if err != nil {
			return nil, fmt.Errorf("reading the trusted root: %w", err)
		}
		return data, nil
	case f.trustedRoot != "":
		r, err := loadRoot(s, f.trustedRoot)
		return r.JSON, err
	case f.key != "" || f.dryRun:
		return nil, nil
	}
	r, err := loadRoot(s, check.DefaultTrustName)
	if errors.Is(err, check.ErrTrustNotInstalled) {
		err = usageError{hintError{errors.New("no trusted root given, and none is installed as \"default\""), "add --trusted-root FILE, or install one with modelcheck trust update or trust import; a signature that cannot be verified is not attached"}}
	}
	return r.JSON, err
}

// model says what a signature over files leaves out: its own file, where that
// will lie in the folder.
func (f *signFlags) model(ref artifact.Reference) (*check.SignModel, error) {
	m := &check.SignModel{Ignore: f.ignore}
	if ref.Place() != artifact.Directory {
		return m, nil
	}
	if f.bundleOut == "" {
		f.bundleOut = filepath.Join(filepath.FromSlash(ref.Path()), "model.sig")
	}
	folder, err := resolved(ref.Path())
	if err != nil {
		return m, nil // that there is no such folder is said when it is read
	}
	file, err := resolved(filepath.Dir(f.bundleOut))
	if err != nil {
		return nil, fmt.Errorf("writing the signature: %w", err)
	}
	inside, err := filepath.Rel(folder, filepath.Join(file, filepath.Base(f.bundleOut)))
	if err == nil && filepath.IsLocal(inside) {
		m.Signature = filepath.ToSlash(inside)
	}
	return m, nil
}

// check refuses what cannot be meant.
func (f *signFlags) check(ref artifact.Reference) error {
	keyless := f.identityToken != "" || f.login != ""
	folder := ref.Place() == artifact.Directory
	switch {
	case folder && !f.oms:
		return usageError{hintError{errors.New("a plain folder has no digest to sign"), "sign its files with --oms, or push it first: oras push, or an OCI layout"}}
	case len(f.ignore) > 0 && !f.oms:
		return usageError{errors.New("--ignore without --oms")}
	case f.key != "" && keyless:
		return usageError{hintError{errors.New("--key and an identity exclude each other"), "sign twice if both are meant: signatures stand beside each other"}}
	case f.identityToken != "" && f.login != "":
		return usageError{hintError{errors.New("--identity-token and --login exclude each other"), "the token says already who signs"}}
	case f.login != "" && f.login != "browser" && f.login != "device":
		return usageError{hintError{fmt.Errorf("unknown way to sign in %q", f.login), "write --login browser or --login device"}}
	case f.noAttach && f.bundleOut == "" && !f.dryRun && !folder:
		return usageError{hintError{errors.New("--no-attach without --bundle-out"), "name a file to keep the signature in; else it would be lost"}}
	case f.dryRun && f.bundleOut != "":
		return usageError{hintError{errors.New("--dry-run and --bundle-out exclude each other"), "a dry run makes no bundle"}}
	case f.key == "" && f.signingConfig == "":
		return usageError{hintError{errors.New("neither --key nor --signing-config given"), "sign with --key cosign.key, or keyless with the services that --signing-config names (docs/signing.md)"}}
	}
	return nil
}
