package signing

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"os/exec"
	"regexp"

	"github.com/sigstore/sigstore/pkg/signature/kms/cliplugin"
	"github.com/sigstore/sigstore/pkg/signature/options"
)

// pluginURI is what names a key behind a plugin: "NAME://KEY", for the program
// sigstore-kms-NAME (sigstore, pkg/signature/kms/cliplugin/README.md).
var pluginURI = regexp.MustCompile(`^[a-z][a-z0-9-]*://.+$`)

// IsPluginURI says whether a key is named as one that a plugin holds.
func IsPluginURI(name string) bool { return pluginURI.MatchString(name) }

// OpenPlugin opens a key that a program on the PATH holds, as cosign does it:
// the program is called once for the public key and once for each signature,
// and gets the message on its standard input.
func OpenPlugin(ctx context.Context, uri string) (*Key, error) {
	k, err := openPlugin(ctx, uri)
	if err != nil {
		return nil, fmt.Errorf("%w: %q: %w", ErrKey, uri, err)
	}
	return k, nil
}

func openPlugin(ctx context.Context, uri string) (*Key, error) {
	if !IsPluginURI(uri) {
		return nil, errors.New("not of the form NAME://KEY")
	}
	// The hash is in the plugin's hands only after its key is known.
	client, err := cliplugin.LoadSignerVerifier(ctx, uri, crypto.SHA256)
	if errors.Is(err, exec.ErrNotFound) {
		return nil, fmt.Errorf("there is no plugin for it: %w", err)
	}
	if err != nil {
		return nil, err
	}
	public, err := client.PublicKey(options.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	k, err := publicKey(public)
	if err != nil {
		return nil, err
	}
	if k.details.hash != crypto.SHA256 && k.details.hash != 0 {
		if client, err = cliplugin.LoadSignerVerifier(ctx, uri, k.details.hash); err != nil {
			return nil, err
		}
	}
	k.sign = func(ctx context.Context, message []byte, _ bool) ([]byte, error) {
		return client.SignMessage(bytes.NewReader(message), options.WithContext(ctx))
	}
	return k, nil
}
