//go:build e2e

package main_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestE2ETrust walks through docs/trust.md: what cosign trusted-root create
// wrote is imported, used by default and by name, carried to another machine
// with its age, and refused there when it is too old.
func TestE2ETrust(t *testing.T) {
	b := startBed(t)
	u := newUser(t, b.workshop)
	folder := t.TempDir()
	writeFiles(t, folder, tinyModel())
	p := b.push(t, b.registries[0], "trust/tiny", folder)
	b.signKeyless(t, p, b.people.person(t, alice))
	who := []string{"--certificate-identity", alice, "--certificate-oidc-issuer", b.people.url, p.pinned()}

	u.verify(t, who...).expect(t, 2, "undecided", "usage") // nothing is installed
	u.run(t, u.binary, "trust", "import", b.trustedRoot, "--fetched-at", time.Now().Add(-time.Hour).UTC().Format(time.RFC3339))
	u.verify(t, who...).expect(t, exitAllow, "allow", "")
	u.verify(t, append(who, "--max-root-age", "2h")...).expect(t, exitAllow, "allow", "")
	u.run(t, u.binary, "trust", "import", b.trustedRoot, "--name", "corp")
	u.verify(t, append(who, "--trusted-root", "corp")...).expect(t, exitAllow, "allow", "")
	u.verify(t, append(who, "--trusted-root", "corp", "--max-root-age", "2h")...).expect(t, exitNoVerdict, "undecided", "trust-material")

	// Carried along with its sidecar, it is as old as it was.
	installed, err := filepath.Glob(u.path(".config", "modelcheck", "trust", "default.*json"))
	if err != nil || len(installed) != 2 {
		t.Fatalf("installed %q: %v", installed, err)
	}
	stick := t.TempDir()
	for _, file := range installed {
		if err := os.WriteFile(filepath.Join(stick, filepath.Base(file)), readFile(t, file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	u.run(t, u.binary, "trust", "import", filepath.Join(stick, "default.json"), "--name", "carried")
	u.verify(t, append(who, "--trusted-root", "carried", "--max-root-age", "2h")...).expect(t, exitAllow, "allow", "")
	u.verify(t, append(who, "--trusted-root", "carried", "--max-root-age", "1h")...).expect(t, exitNoVerdict, "undecided", "trust-material")
	u.run(t, u.binary, "trust", "show", "carried")
	u.run(t, u.binary, "trust", "list")
}
