package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"

	"golang.org/x/term"

	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// pluginKey is how a key behind a plugin is named.
var pluginKey = regexp.MustCompile(`^[a-z][a-z0-9-]*://`)

// signatory finds out who signs: a key, or whose token.
func (f *signFlags) signatory(s streams, cfg *check.SignConfig) (err error) {
	switch {
	case pluginKey.MatchString(f.key):
		cfg.Plugin = f.key
		return nil
	case f.key != "":
		if cfg.Key, err = readSmall(f.key); err == nil && len(bytes.TrimSpace(cfg.Key)) == 0 {
			err = fmt.Errorf("key file %q is empty", f.key)
		}
		return err
	}
	cfg.Token = &check.SignToken{}
	login := &check.SignLogin{Device: f.login == "device", Issuer: f.oidcIssuer, ClientID: f.oidcClient, In: s.in, Out: s.err}
	switch {
	case f.identityToken != "":
		cfg.Token.Given, err = readToken(s, f.identityToken)
		return err
	case f.login != "":
		cfg.Token.Login = login
	case s.env("SIGSTORE_ID_TOKEN") != "":
		cfg.Token.Given = s.env("SIGSTORE_ID_TOKEN")
	case s.env("ACTIONS_ID_TOKEN_REQUEST_URL") != "":
		cfg.Token.GitHubURL, cfg.Token.GitHubBearer = s.env("ACTIONS_ID_TOKEN_REQUEST_URL"), s.env("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
	case s.env("GITHUB_ACTIONS") == "true":
		return usageError{hintError{errors.New("this job of GitHub Actions may not ask for an identity token"), "add to the workflow's job: permissions: { id-token: write }"}}
	case terminal(s.in) && terminal(s.err):
		cfg.Token.Login = login
	default:
		return usageError{hintError{errors.New("nobody to sign as: no key, no identity token, and no terminal to sign in at"), "give --key, --identity-token or --login device, or set SIGSTORE_ID_TOKEN"}}
	}
	if cfg.Token.Login != nil && !f.dryRun {
		fmt.Fprintln(s.err, "modelcheck: signing in; your identity will stand in the certificate and, for good, in the transparency log")
	}
	return nil
}

// readToken reads TOKEN, @FILE or -.
func readToken(s streams, spec string) (string, error) {
	var data []byte
	var err error
	switch {
	case spec == "-":
		data, err = io.ReadAll(io.LimitReader(s.in, maxSmall))
	case spec[0] == '@':
		data, err = readSmall(spec[1:])
	default:
		return spec, nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the identity token: %w", err)
	}
	token := string(bytes.TrimSpace(data))
	if token == "" {
		return "", usageError{errors.New("the identity token is empty")}
	}
	return token, nil
}

// password takes the password of a key from the environment, or asks for it
// at the terminal without echo. Where there is neither, it is the empty one,
// with which CI systems make keys.
func (s streams) password() ([]byte, error) {
	for _, name := range []string{"COSIGN_PASSWORD", "MODELCHECK_PASSWORD"} {
		if p := s.env(name); p != "" {
			return []byte(p), nil
		}
	}
	in, ok := s.in.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) || !terminal(s.err) {
		return nil, nil
	}
	fmt.Fprint(s.err, "Password of the private key: ")
	p, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(s.err)
	return p, err
}

// keepBundle writes the bundle. Where none was made, nothing is written.
func keepBundle(name string, bundle []byte) error {
	if name == "" || bundle == nil {
		return nil
	}
	if err := writeWhole(name, bundle); err != nil {
		return fmt.Errorf("writing the bundle: %w", err)
	}
	return nil
}

// signHints say what a person can do about a signing that failed, by reason
// code, where that is something else than for verifying.
var signHints = map[string]string{
	provenance.CodeUnauthorized:      "log in as somebody who may push there: docker login, podman login or oras login, or name a file with --registry-config",
	provenance.CodeSigningKey:        "set COSIGN_PASSWORD, or run at a terminal, if the key is encrypted; openssl pkey -in FILE -noout tells whether it is a private key",
	provenance.CodeIdentityToken:     "get a fresh token for the audience \"sigstore\"; they live for minutes",
	provenance.CodeSigningService:    "nothing was attached; is the service reachable, and is the signing configuration current?",
	provenance.CodeUntrustedRoot:     "nothing was attached; --trusted-root and --signing-config must be of the same Sigstore instance",
	provenance.CodeNotSignable:       "unpack it and sign the folder: modelcheck sign --oms dir:PATH",
	provenance.CodeNotReadBack:       "the registry took the signature and does not show it; signing again is harmless, and modelcheck verify tells when it is there",
	provenance.CodeManifestMalformed: "nothing was signed: nobody could verify this artifact",
}

// explainSigning adds the hint.
func explainSigning(err error) error {
	var hinted hintError
	if err == nil || errors.As(err, &hinted) {
		return err
	}
	code := check.SignFailureCode(err)
	hint, ok := signHints[code]
	if !ok {
		hint, ok = hints[code]
	}
	if !ok {
		return err
	}
	return hintError{err, hint}
}
