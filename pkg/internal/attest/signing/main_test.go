package signing

import (
	"context"
	"crypto"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/kms/cliplugin/handler"
)

// TestMain lets the test binary stand in for the programs that signing calls: a
// browser, and a plugin that holds a key.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "xdg-open":
		os.Exit(openBrowser(os.Args[1:]))
	case "sigstore-kms-testkms":
		os.Exit(plugin(os.Args))
	}
	os.Exit(m.Run())
}

// openBrowser leaves a browser behind and comes back, as xdg-open does, and
// talks as browsers do.
func openBrowser(args []string) int {
	if len(args) > 1 {
		return browse(args[0])
	}
	fmt.Println("Opening in existing browser session.")
	self, err := os.Executable()
	if err != nil {
		return 1
	}
	cmd := exec.Command(self, args[0], "browse")
	cmd.Args[0] = "xdg-open"
	if cmd.Start() != nil {
		return 1
	}
	return 0
}

// browse opens a page and follows it.
func browse(url string) int {
	res, err := http.Get(url)
	if err != nil {
		return 1
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err != nil || string(page) != thanks {
		return 1
	}
	return 0
}

// plugin signs with the key in the file that the key's name is.
func plugin(args []string) int {
	request, err := handler.GetPluginArgs(args)
	if err != nil {
		return 1
	}
	pem, err := os.ReadFile(strings.TrimPrefix(request.InitOptions.KeyResourceID, "testkms://"))
	if err != nil {
		_ = handler.WriteErrorResponse(os.Stdout, err)
		return 1
	}
	key, err := cryptoutils.UnmarshalPEMToPrivateKey(pem, cryptoutils.SkipPassword)
	if err != nil {
		return 1
	}
	sv, err := signature.LoadSignerVerifier(key, request.InitOptions.HashFunc)
	if err != nil {
		return 1
	}
	if _, err := handler.Dispatch(os.Stdout, os.Stdin, request, held{sv}); err != nil {
		return 1
	}
	return 0
}

// held is a key as plugins hold it.
type held struct{ signature.SignerVerifier }

func (held) CreateKey(context.Context, string) (crypto.PublicKey, error) { return nil, os.ErrInvalid }
func (held) CryptoSigner(context.Context, func(error)) (crypto.Signer, crypto.SignerOpts, error) {
	return nil, nil, os.ErrInvalid
}
func (held) SupportedAlgorithms() []string { return nil }
func (held) DefaultAlgorithm() string      { return "" }

// standIn puts the test binary on the PATH under another name, alone.
func standIn(t *testing.T, name string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
}
