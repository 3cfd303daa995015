package check_test

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/check"
)

// A specBundle is a model signature as the specification writes it down
// (ossf/model-signing-spec v1.0 over Sigstore bundle v0.3, DSSE v1.0.2 and
// in-toto Statement v1). Nothing of the code under test is used to read it.
type specBundle struct {
	MediaType            string `json:"mediaType"`
	VerificationMaterial struct {
		PublicKey struct {
			Hint string `json:"hint"`
		} `json:"publicKey"`
	} `json:"verificationMaterial"`
	Envelope struct {
		Payload     string `json:"payload"`
		PayloadType string `json:"payloadType"`
		Signatures  []struct {
			Sig string `json:"sig"`
		} `json:"signatures"`
	} `json:"dsseEnvelope"`
}

type specStatement struct {
	Type    string `json:"_type"`
	Subject []struct {
		Name   string            `json:"name"`
		Digest map[string]string `json:"digest"`
	} `json:"subject"`
	PredicateType string `json:"predicateType"`
	Predicate     struct {
		Resources []struct {
			Name, Algorithm, Digest string
		} `json:"resources"`
		Serialization struct {
			Method        string   `json:"method"`
			HashType      string   `json:"hash_type"`
			AllowSymlinks bool     `json:"allow_symlinks"`
			IgnorePaths   []string `json:"ignore_paths"`
		} `json:"serialization"`
	} `json:"predicate"`
}

// bySpec verifies the model.sig of a folder by the words of the specification.
func bySpec(dir string, key *ecdsa.PublicKey) error {
	raw, err := os.ReadFile(filepath.Join(dir, "model.sig"))
	if err != nil {
		return err
	}
	var b specBundle
	if err := json.Unmarshal(raw, &b); err != nil {
		return err
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return err
	}
	hint := sha256.Sum256(der)
	payload, err := base64.StdEncoding.DecodeString(b.Envelope.Payload)
	switch {
	case err != nil:
		return err
	case b.MediaType != "application/vnd.dev.sigstore.bundle.v0.3+json":
		return fmt.Errorf("media type %q", b.MediaType)
	case b.VerificationMaterial.PublicKey.Hint != hex.EncodeToString(hint[:]):
		return fmt.Errorf("hint %q", b.VerificationMaterial.PublicKey.Hint)
	case b.Envelope.PayloadType != "application/vnd.in-toto+json" || len(b.Envelope.Signatures) != 1:
		return fmt.Errorf("envelope of type %q with %d signatures", b.Envelope.PayloadType, len(b.Envelope.Signatures))
	}
	sig, err := base64.StdEncoding.DecodeString(b.Envelope.Signatures[0].Sig)
	if err != nil {
		return err
	}
	// DSSE: PAE(type, body) = "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body
	pae := sha256.Sum256(fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(b.Envelope.PayloadType), b.Envelope.PayloadType, len(payload), payload))
	if !ecdsa.VerifyASN1(key, pae[:], sig) {
		return errors.New("the signature does not hold")
	}
	var s specStatement
	if err := json.Unmarshal(payload, &s); err != nil {
		return err
	}
	return s.about(dir)
}

// about compares a statement with the files that there are.
func (s specStatement) about(dir string) error {
	p := s.Predicate
	if s.Type != "https://in-toto.io/Statement/v1" || s.PredicateType != "https://model_signing/signature/v1.0" || len(s.Subject) != 1 {
		return fmt.Errorf("a statement of type %q about %d subjects, predicate %q", s.Type, len(s.Subject), s.PredicateType)
	}
	if p.Serialization.Method != "files" || p.Serialization.HashType != "sha256" || p.Serialization.AllowSymlinks {
		return fmt.Errorf("serialization %+v", p.Serialization)
	}
	var listed []string
	root := sha256.New() // over the raw digests, in the order of the resources
	for _, r := range p.Resources {
		content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(r.Name)))
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		if r.Algorithm != "sha256" || r.Digest != hex.EncodeToString(sum[:]) {
			return fmt.Errorf("%q is %s:%s, there is %x", r.Name, r.Algorithm, r.Digest, sum)
		}
		root.Write(sum[:])
		listed = append(listed, r.Name)
	}
	if got := hex.EncodeToString(root.Sum(nil)); len(s.Subject[0].Digest) != 1 || s.Subject[0].Digest["sha256"] != got {
		return fmt.Errorf("subject %v, its resources make %s", s.Subject[0].Digest, got)
	}
	if !slices.IsSortedFunc(listed, strings.Compare) || len(listed) == 0 { // UTF-8 sorts by code point
		return fmt.Errorf("resources are not sorted: %q", listed)
	}
	ignored := func(path string) bool {
		return slices.ContainsFunc(p.Serialization.IgnorePaths, func(i string) bool { return path == i || strings.HasPrefix(path, i+"/") })
	}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		name, rel := filepath.Rel(dir, path)
		name = filepath.ToSlash(name)
		if err == nil && rel == nil && !d.IsDir() && !slices.Contains(listed, name) && !ignored(name) {
			return fmt.Errorf("%q is neither listed nor ignored", name)
		}
		return errors.Join(err, rel)
	})
}

// What "sign --oms" writes verifies by the specification alone: standard
// library and a page of code, nothing of this project. The neighbours show
// that this verifier refuses.
func TestModelSignatureBySpec(t *testing.T) {
	block, _ := pem.Decode(mustRead(t, "../../testdata/keys/demo.pub"))
	pub, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	key := pub.(*ecdsa.PublicKey)
	signed := func(t *testing.T) string {
		dir := t.TempDir()
		for name, content := range map[string]string{
			"config.json": "{}", "model.safetensors": "weights", "b/ü.txt": "x", "b/z.txt": "y", "b.txt": "z", "empty": "",
			".git/HEAD": "ref", ".gitignore": "*.tmp", "sub/.gitignore": "kept",
		} {
			path := filepath.Join(dir, filepath.FromSlash(name))
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		r, err := signWith(t, check.SignConfig{Key: demoKey(t), Model: &check.SignModel{Signature: "model.sig"}}, reference(t, "dir:"+dir))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "model.sig"), r.BundleBytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	for name, tc := range map[string]struct {
		change func(dir string) error
		want   string
	}{
		"as written":     {func(string) error { return nil }, ""},
		"git moved on":   {func(dir string) error { return os.WriteFile(filepath.Join(dir, ".git/HEAD"), []byte("other"), 0o644) }, ""},
		"a file changed": {func(dir string) error { return os.WriteFile(filepath.Join(dir, "b.txt"), []byte("Z"), 0o644) }, "there is"},
		"a file more":    {func(dir string) error { return os.WriteFile(filepath.Join(dir, "evil.py"), nil, 0o644) }, "neither listed nor ignored"},
		"a file less":    {func(dir string) error { return os.Remove(filepath.Join(dir, "empty")) }, "no such file"},
		"ignored below only at the top": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "sub/.gitignore"), []byte("changed"), 0o644)
		}, "there is"},
		"another statement": {func(dir string) error {
			path := filepath.Join(dir, "model.sig")
			raw, err := os.ReadFile(path)
			var b map[string]any
			err = errors.Join(err, json.Unmarshal(raw, &b))
			env, _ := b["dsseEnvelope"].(map[string]any)
			env["payload"] = base64.StdEncoding.EncodeToString([]byte(`{}`))
			raw, merr := json.Marshal(b)
			return errors.Join(err, merr, os.WriteFile(path, raw, 0o644))
		}, "does not hold"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := signed(t)
			if err := tc.change(dir); err != nil {
				t.Fatal(err)
			}
			err := bySpec(dir, key)
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
}

func mustRead(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
