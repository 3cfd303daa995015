package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

// An outputFormat flag refuses words that no renderer knows.
type outputFormat struct{ to *string }

func (o outputFormat) String() string {
	if o.to == nil {
		return ""
	}
	return *o.to
}
func (outputFormat) Type() string { return "text|json" }
func (o outputFormat) Set(s string) error {
	if s != "text" && s != "json" {
		return fmt.Errorf("unknown output %q, want text or json", s)
	}
	*o.to = s
	return nil
}

func outputFlag(cmd *cobra.Command, to *string) {
	*to = "text"
	cmd.Flags().VarP(outputFormat{to}, "output", "o", "what to print on stdout")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
}

// A progressFlag refuses ways that nobody knows.
type progressFlag struct{ to *string }

var progressWays = []string{progressAuto, progressBars, progressPlain, progressJSON, progressNone}

func (p progressFlag) String() string {
	if p.to == nil {
		return ""
	}
	return *p.to
}
func (progressFlag) Type() string { return strings.Join(progressWays, "|") }
func (p progressFlag) Set(s string) error {
	if !slices.Contains(progressWays, s) {
		return fmt.Errorf("unknown progress %q, want one of %s", s, strings.Join(progressWays, ", "))
	}
	*p.to = s
	return nil
}

// placeFlags say how to reach the place that the reference names.
type placeFlags struct {
	plainHTTP      bool
	caFile         string
	registryConfig string
	platform       string
	idleTimeout    time.Duration
	parallel       int
	mirrors        []check.Mirror
	bandwidth      int64
	verbose        bool
	quiet          bool
	noProgress     bool
	progress       string
	profiles       profileFlags
}

func (p *placeFlags) add(cmd *cobra.Command) {
	p.addAccess(cmd)
	p.profiles.add(cmd)
	cmd.Flags().StringVar(&p.platform, "platform", "", "verify only this `OS/ARCH` of an index (default: all of them)")
	p.addReading(cmd)
}

// addReading adds what those verbs need that read blobs.
func (p *placeFlags) addReading(cmd *cobra.Command) {
	f := cmd.Flags()
	f.IntVar(&p.parallel, "parallel", 0, "how many blobs to read at once (default: one per processor, at least 4, and 8 small ones)")
	f.IntVar(&p.parallel, "concurrency", 0, "the same as --parallel")
	f.Var(mirrorFlag{&p.mirrors}, "mirror", "ask the mirror at URL for blobs before the registry HOST (may be repeated)")
	f.Var(sizeFlag{&p.bandwidth}, "bandwidth", "read at most so much from registries in a second, such as 50MB")
}

// addAccess adds what also those verbs need that read no blobs.
func (p *placeFlags) addAccess(cmd *cobra.Command) {
	p.addRegistry(cmd)
	f := cmd.Flags()
	f.Duration("timeout", 0, "give up altogether after this long, without a verdict (0: never)")
	p.progress = progressAuto
	f.Var(progressFlag{&p.progress}, "progress", "how to show progress on stderr: auto is bars on a terminal and a line every 10 s elsewhere")
	_ = cmd.RegisterFlagCompletionFunc("progress", cobra.FixedCompletions(progressWays, cobra.ShellCompDirectiveNoFileComp))
	f.BoolVar(&p.noProgress, "no-progress", false, "the same as --progress none")
	f.BoolVarP(&p.verbose, "verbose", "v", false, "log every step on stderr")
	f.BoolVarP(&p.quiet, "quiet", "q", false, "print no report and no progress; the exit status tells")
}

// addRegistry adds how registries are spoken to.
func (p *placeFlags) addRegistry(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&p.plainHTTP, "plain-http", false, "speak HTTP without TLS to the registry (always so for loopback)")
	f.StringVar(&p.caFile, "ca-file", "", "PEM `FILE` of certificate authorities to trust beside the system's")
	f.StringVar(&p.registryConfig, "registry-config", "", "take registry credentials from this `FILE` only (Docker's config.json format)")
	f.DurationVar(&p.idleTimeout, "idle-timeout", 30*time.Second, "give up on a connection that sends nothing for this long")
	_ = cmd.MarkFlagFilename("ca-file")
	_ = cmd.MarkFlagFilename("registry-config")
}

func (p *placeFlags) config(s streams, pol *policy.Policy) check.Config {
	cfg := check.Config{
		Policy:         pol,
		Version:        build().Version,
		PlainHTTP:      p.plainHTTP,
		CAFile:         p.caFile,
		RegistryConfig: p.registryConfig,
		Platform:       p.platform,
		IdleTimeout:    p.idleTimeout,
		Workers:        p.parallel,
		Mirrors:        p.mirrors,
		Bandwidth:      p.bandwidth,
		Now:            time.Now,
	}
	if p.verbose {
		cfg.Log = slog.New(slog.NewTextHandler(s.err, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return cfg
}

// trustFlags say whom to trust: a policy file, or a policy made of flags.
type trustFlags struct {
	policyFile      string
	signers         policySigners
	cmd             *cobra.Command // whose flags these are
	keys            []string
	identity        string
	identityPattern string
	issuer          string
	chain           string
	at              string
	trustedRoot     string
	allowUnsigned   bool
	bundleFiles     []string
	roots           rootFlags
}

func (t *trustFlags) add(cmd *cobra.Command) {
	t.addPolicy(cmd)
	f := cmd.Flags()
	f.StringArrayVar(&t.keys, "key", nil, "PEM `FILE` of a trusted public key (may be repeated: any of them suffices)")
	f.StringVar(&t.identity, "certificate-identity", "", "exact subject of the signing certificate, such as an e-mail address or a workflow URI")
	f.StringVar(&t.identityPattern, "certificate-identity-regexp", "", "the same as a `PATTERN` that must match the whole subject")
	f.StringVar(&t.issuer, "certificate-oidc-issuer", "", "exact `URL` of the identity provider in the signing certificate")
	f.StringVar(&t.chain, "certificate-chain", "", "PEM `FILE` of your own certificate authority (roots and intermediates), in place of an identity provider")
	f.StringVar(&t.at, "at", "", "\"current-time\": judge certificates of --certificate-chain now, and not at a proven time of signing")
	f.StringVar(&t.trustedRoot, "trusted-root", "", "Sigstore trusted root for keyless signatures: a `FILE` (trusted_root.json), or the name of an installed one (default: the installed \"default\")")
	t.roots.add(cmd)
	f.StringArrayVar(&t.bundleFiles, "bundle", nil, "Sigstore bundle `FILE` to judge beside what is attached (may be repeated)")
	f.BoolVar(&t.allowUnsigned, "allow-unsigned", false, "accept an artifact that nobody signed; its bytes are still verified")
	for _, name := range []string{"key", "trusted-root", "bundle", "certificate-chain"} {
		_ = cmd.MarkFlagFilename(name)
	}
}

func (t *trustFlags) addPolicy(cmd *cobra.Command) {
	cmd.Flags().StringVar(&t.policyFile, "policy", "", "policy `FILE` that says whom to trust and what to require, or oci://HOST/REPOSITORY@sha256:… (see --policy-key)")
	t.cmd = cmd
	t.signers.add(cmd)
	_ = cmd.MarkFlagFilename("policy")
}

func (t *trustFlags) fromFlags() bool {
	return len(t.keys) > 0 || t.identity != "" || t.identityPattern != "" || t.issuer != "" || t.chain != "" || t.trustedRoot != "" || t.allowUnsigned
}

// load reads the policy that the flags name or describe, with every file that
// it needs, and refuses trusted roots that may not vouch for ref.
func (t *trustFlags) load(s streams, ref artifact.Reference) (*policy.Policy, error) {
	p, used, err := t.read(s)
	if err != nil {
		return nil, err
	}
	return p, t.roots.vet(s, ref, p, used)
}

func (t *trustFlags) read(s streams) (*policy.Policy, *material, error) {
	used := &material{}
	if t.policyFile == "" && t.signers.given() {
		return nil, nil, usageError{hintError{errors.New("--policy-key and --policy-certificate-… without --policy"), "they say who must have signed the policy of --policy oci://…"}}
	}
	if t.policyFile == "" {
		p, err := t.build(s, used)
		if err != nil {
			return nil, nil, err
		}
		return p, used, p.Resolve(used.read)
	}
	if t.fromFlags() {
		return nil, nil, usageError{hintError{errors.New("--policy and flags that say whom to trust exclude each other"), "put the keys and identities into the policy file"}}
	}
	by, err := t.vouching(s)
	if err != nil {
		return nil, nil, err
	}
	reader := policyReader{s: s, trust: t, used: used}
	p, err := reader.read(t.policyFile, by)
	return p, used, err
}

// bundles reads the signature bundles that the flags name.
func (t *trustFlags) bundles() ([][]byte, error) {
	var out [][]byte
	for _, name := range t.bundleFiles {
		data, err := readSmall(name)
		if err != nil {
			return nil, fmt.Errorf("reading the bundle: %w", err)
		}
		out = append(out, data)
	}
	return out, nil
}

// build makes a policy of the flags. A policy file of the same content has the
// same effect.
func (t *trustFlags) build(s streams, used *material) (*policy.Policy, error) {
	rootFile, err := t.findRoot(s, used)
	if err != nil {
		return nil, err
	}
	if err := t.checkIdentity(rootFile); err != nil {
		return nil, err
	}
	if t.allowUnsigned && (len(t.keys) > 0 || t.issuer != "" || t.chain != "") {
		return nil, usageError{hintError{errors.New("--allow-unsigned and a signer exclude each other"), "with a signer named, an artifact that he did not sign is denied; that is the point of naming him"}}
	}
	p, err := policy.Build(policy.Settings{
		KeyFiles:       t.keys,
		Issuer:         t.issuer,
		Subject:        t.identity,
		SubjectPattern: t.identityPattern,
		RootFile:       rootFile,
		ChainFile:      t.chain,
		CurrentTime:    t.at != "",
		AllowUnsigned:  t.allowUnsigned,
	})
	if err != nil {
		return nil, usageError{err}
	}
	return p, nil
}

// checkIdentity: an issuer alone would trust everybody with an account there,
// an identity alone everybody who can make an issuer.
func (t *trustFlags) checkIdentity(rootFile string) error {
	subject := t.identity != "" || t.identityPattern != ""
	switch {
	case t.at != "" && t.at != "current-time":
		return usageError{fmt.Errorf("unknown time %q, want current-time", t.at)}
	case !subject && t.issuer == "" && t.chain == "" && (rootFile == "" || len(t.keys) > 0):
		return nil
	case !subject:
		return usageError{hintError{errors.New("no certificate identity given"), "add --certificate-identity; an issuer alone would trust everybody who has an account there"}}
	case t.chain != "":
		return nil // Build knows what such a signer needs
	case t.issuer == "":
		return usageError{hintError{errors.New("no certificate issuer given"), "add --certificate-oidc-issuer; an identity means nothing without who vouches for it"}}
	case rootFile == "":
		return usageError{hintError{errors.New("no trusted root given, and none is installed as \"default\""), "install one with modelcheck trust update or modelcheck trust import FILE, or add --trusted-root FILE; nothing is fetched during verification"}}
	}
	return nil
}

// maxSmall bounds files that the user names: policies, keys and trusted roots
// are kilobytes; the public-good trusted root is below 10 kB.
const maxSmall = 4 << 20

func readSmall(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() && info.Mode()&os.ModeNamedPipe == 0 {
		return nil, fmt.Errorf("%q is not a file", name)
	}
	if info.Size() > maxSmall {
		return nil, fmt.Errorf("%q has %d bytes, more than %d", name, info.Size(), maxSmall)
	}
	return os.ReadFile(name)
}

func parseReference(s string) (artifact.Reference, error) {
	ref, err := artifact.ParseReference(s)
	if err == nil {
		return ref, nil
	}
	if err := serviceOnly(s); err != nil {
		return artifact.Reference{}, err
	}
	return artifact.Reference{}, usageError{hintError{err, "write HOST/REPOSITORY:TAG, HOST/REPOSITORY@sha256:…, oci-layout:PATH:TAG or dir:PATH"}}
}
