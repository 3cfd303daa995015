package attest

import (
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/oms"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/sigstoretest"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A resource is one line of a model signature.
type resource struct {
	Name      string `json:"name"`
	Algorithm string `json:"algorithm"`
	Digest    string `json:"digest"`
}

func sumOf(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

func line(name, content string) resource { return resource{name, "sha256", sumOf(content)} }

// modelStatement is a model signature's statement whose root digest fits its
// resources; change makes it another.
func modelStatement(t testing.TB, serialization map[string]any, list []resource, change func(m map[string]any)) []byte {
	t.Helper()
	h := sha256.New()
	for _, r := range list {
		sum, err := hex.DecodeString(r.Digest)
		if err != nil {
			t.Fatal(err)
		}
		h.Write(sum)
	}
	m := map[string]any{
		"_type":         provenance.StatementType,
		"subject":       []any{map[string]any{"name": "model", "digest": map[string]any{"sha256": hex.EncodeToString(h.Sum(nil))}}},
		"predicateType": oms.PredicateType,
		"predicate":     map[string]any{"serialization": serialization, "resources": list},
	}
	if change != nil {
		change(m)
	}
	b, err := json.Marshal(m, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func byFiles() map[string]any {
	return map[string]any{"method": "files", "hash_type": "sha256", "allow_symlinks": false}
}

// signModel signs a statement, whatever it says, with a key and no services.
func signModel(t testing.TB, lab *sigstoretest.Lab, key crypto.Signer, statement []byte) []byte {
	t.Helper()
	return bundleOf(t, lab, sigstoretest.Request{Key: key, Statement: statement, WithoutLog: true, WithoutTimestamp: true, IssuedAt: testSigned})
}

func modelOf(pairs ...string) oms.Model {
	var m oms.Model
	for i := 0; i < len(pairs); i += 2 {
		m.Files = append(m.Files, oms.File{Path: pairs[i], Size: int64(len(pairs[i+1])), SHA256: artifact.SumSHA256([]byte(pairs[i+1]))})
	}
	return m
}

// Statements that were edited and signed again with the trusted key: the check
// behind the signature is what refuses them.
func TestModelStatements(t *testing.T) {
	lab, key := newLab(t), newKey(t, "P-256")
	v := newVerifier(t, Config{Keys: []Key{{Name: "ours", PEM: pemOf(t, key.Public())}}})
	a, b := line("a", "A"), line("b", "B")
	shards := map[string]any{"method": "shards", "hash_type": "sha256", "allow_symlinks": false, "shard_size": 2}
	statement := func(change func(m map[string]any), list ...resource) []byte {
		return modelStatement(t, byFiles(), list, change)
	}
	const malformed = provenance.CodeSignatureMalformed
	for _, tt := range []struct {
		name      string
		statement []byte
		code      string
		detail    string
	}{
		{"good", statement(nil, a, b), provenance.CodeSignatureVerified, ""},
		{"another predicate type", statement(func(m map[string]any) { m["predicateType"] = "https://model_signing/signature/v2.0" }, a, b), provenance.CodeNotASignature, "wrong-subject"},
		{"the abandoned format", statement(func(m map[string]any) { m["predicateType"] = oms.OldPredicateType }, a, b), provenance.CodeNotASignature, "abandoned"},
		{"another _type", statement(func(m map[string]any) { m["_type"] = "https://in-toto.io/Statement/v2" }, a, b), malformed, "of type"},
		{"the older _type", statement(func(m map[string]any) { m["_type"] = olderStatementType }, a, b), malformed, "of type"},
		{"another root digest", statement(func(m map[string]any) { object(m["subject"], 0, "digest")["sha256"] = sumOf("x") }, a, b), malformed, "root digest"},
		{"the manifest's digest as root", statement(func(m map[string]any) { object(m["subject"], 0, "digest")["sha256"] = testSubject.Hex() }, a, b), malformed, "root digest"},
		{"a resource twice", statement(nil, a, a, b), malformed, "twice"},
		{"a resource twice, of other bytes", statement(nil, a, line("a", "X"), b), malformed, "twice"},
		{"not sorted", statement(nil, b, a), malformed, "not sorted"},
		{"an unknown algorithm", statement(nil, a, resource{"b", "md5", sumOf("B")}), malformed, "md5"},
		{"an unknown hash type", modelStatement(t, map[string]any{"method": "files", "hash_type": "sha1", "allow_symlinks": false}, []resource{a, b}, nil), malformed, "sha1"},
		{"a path that leaves the model", statement(nil, line("../a", "A"), b), malformed, "../a"},
		{"an absolute path", statement(nil, line("/a", "A"), b), malformed, "absolute"},
		{"a path with a dot", statement(nil, line("./a", "A"), b), malformed, "name"},
		{"two subjects", statement(func(m map[string]any) { m["subject"] = append(m["subject"].([]any), m["subject"].([]any)[0]) }, a, b), malformed, "2 subjects"},
		{"two digests", statement(func(m map[string]any) { object(m["subject"], 0, "digest")["sha512"] = "00" }, a, b), malformed, "2 digests"},
		{"no resources", statement(nil), malformed, "no resources"},
		{"shards", modelStatement(t, shards, []resource{line("a:0:1", "A"), line("b:0:1", "B")}, nil), provenance.CodeSignatureVerified, ""},
		{"a gap between shards", modelStatement(t, shards, []resource{line("a:0:1", "A"), line("b:0:2", "B"), line("b:3:4", "B")}, nil), malformed, "begins at"},
		{"no first shard", modelStatement(t, shards, []resource{line("a:0:1", "A"), line("b:2:3", "B")}, nil), malformed, "begins at"},
		{"shards that overlap", modelStatement(t, shards, []resource{line("a:0:1", "A"), line("b:0:2", "B"), line("b:1:3", "B")}, nil), malformed, "begins at"},
		{"a shard of another size", modelStatement(t, shards, []resource{line("a:0:1", "A"), line("b:0:3", "B")}, nil), malformed, "shard size"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := complete(t, v, signModel(t, lab, key, tt.statement), modelOf("a", "A", "b", "B"))
			if c.Code != tt.code || (c.Verdict == provenance.Proven) != (tt.detail == "") || !strings.Contains(c.Detail, tt.detail) {
				t.Errorf("%v %s (%s), want %s (…%s…)", c.Verdict, c.Code, c.Detail, tt.code, tt.detail)
			}
			// By anybody else's key it is nobody's, if it can be read at all.
			c = complete(t, v, signModel(t, lab, newKey(t, "P-256"), tt.statement), modelOf("a", "A", "b", "B"))
			if c.Verdict != provenance.Refused || tt.detail == "" && c.Code != provenance.CodeSignatureWrongKey {
				t.Errorf("by a stranger: %v %s (%s)", c.Verdict, c.Code, c.Detail)
			}
		})
	}
}

// A signature that needs more than SHA-256 stays pending until the bytes were
// hashed for it, and is then about these bytes only.
func TestPendingNeedsBytes(t *testing.T) {
	lab, key := newLab(t), newKey(t, "P-256")
	v := newVerifier(t, Config{Keys: []Key{{Name: "ours", PEM: pemOf(t, key.Public())}}})
	shards := map[string]any{"method": "shards", "hash_type": "sha256", "allow_symlinks": false, "shard_size": 2}
	list := []resource{line("a:0:2", "AA"), line("a:2:3", "A"), line("b:0:1", "B")}
	r := v.VerifyBundle(testSubject, "bundle-file", signModel(t, lab, key, modelStatement(t, shards, list, nil)))
	if len(r.Pending) != 1 {
		t.Fatalf("%+v", r.Candidates)
	}
	p, m := r.Pending[0], modelOf("a", "AAA", "b", "B")
	if p.Needs("b", 1) != nil || p.Needs("a", 4) != nil || p.Needs("c", 3) != nil {
		t.Error("it needs more than it can use")
	}
	if c, res := p.Complete(m); c.Code != provenance.CodeSignaturePending || c.Verdict != provenance.Unchecked || res.Complete() {
		t.Errorf("before: %+v", c)
	}
	hashed := func(content string) oms.Model {
		h := p.Needs("a", 3)
		if _, err := h.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
		withHash := oms.Model{Files: slices.Clone(m.Files)}
		withHash.Files[0].Hashed = h
		return withHash
	}
	c, _ := p.Complete(hashed("AAA"))
	if c.Verdict != provenance.Proven || c.Layout != "bundle-file" || !slices.Equal(c.Checked, []string{"signature", "subject"}) {
		t.Errorf("after: %+v", c)
	}
	if c, _ := p.Complete(hashed("AAB")); c.Verdict == provenance.Proven {
		t.Errorf("other bytes: %+v", c)
	}
	changed := m
	changed.Files = slices.Concat(m.Files[:1], modelOf("b", "X").Files)
	c, _ = p.Complete(changed)
	expectRefusal(t, c, provenance.CodeSignatureWrongSubject) // decided, though not all was hashed
	if again, _ := p.Complete(hashed("AAA")); again.Verdict != provenance.Proven || again.Identity.KeyFingerprint == "" {
		t.Errorf("completing changes what is pending: %+v", again)
	}
}

// Model signatures stand among the referrers as well; each pending one knows
// its candidate.
func TestPendingAmongReferrers(t *testing.T) {
	lab, key := newLab(t), newKey(t, "P-256")
	v := newVerifier(t, Config{Keys: []Key{{Name: "ours", PEM: pemOf(t, key.Public())}}})
	r := registry{}
	layer := func(b []byte) string { return r.blob(BundleType, string(b)) }
	good := layer(signModel(t, lab, key, modelStatement(t, byFiles(), []resource{line("a", "A")}, nil)))
	other := layer(signModel(t, lab, key, modelStatement(t, byFiles(), []resource{line("b", "B")}, nil)))
	found := []Referrer{manifestOf(BundleType, layer([]byte("garbage")), good), manifestOf(BundleType, layer(signed1(t, testSubject, key)), other)}
	got, err := v.VerifyAll(t.Context(), testSubject, found, r.fetch)
	if err != nil || len(got.Pending) != 2 || got.Pending[0].Index != 1 || got.Pending[1].Index != 3 {
		t.Fatalf("%+v, %v", got, err)
	}
	for i, want := range []string{provenance.CodeSignatureVerified, provenance.CodeSignatureWrongSubject} {
		c, _ := got.Pending[i].Complete(modelOf("a", "A"))
		if c.Code != want || c.Digest != found[i].Descriptor.Digest {
			t.Errorf("%d: %+v", i, c)
		}
	}
	// They never are about the artifact as such.
	if got.Candidates[1].Verdict == provenance.Proven || got.Candidates[2].Code != provenance.CodeSignatureVerified {
		t.Errorf("%+v", got.Candidates)
	}
}
