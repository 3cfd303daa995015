package policy_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// An allowed is a policy and a candidate that it allows by all that it says.
type allowed struct {
	policy    string
	candidate provenance.Candidate
	bites     string // the fields of the candidate that the verdict rests on
}

const typed = "predicateTypes: [" + policy.DefaultSignatureType + "]"

func allowedOnes() map[string]allowed {
	roots := "trustedRoots: [{name: sigstore, file: root.json}, {name: corp, file: corp.json}]\n"
	spare := "  - {name: spare, keyless: {issuer: i, subject: s, trustedRoot: corp}}\n  - {name: other, keyless: {issuer: i, subject: s, trustedRoot: sigstore}}\n"
	write := func(signer, require string) string {
		return head + roots + "signers:\n  - {name: a, " + signer + "}\n" + spare + "require: {signatures: {anyOf: [a, other, spare]}, " + require + "}\n"
	}
	full := func(c provenance.Candidate) provenance.Candidate {
		c = at(c, "2026-06-01T12:00:00Z")
		index := int64(3)
		c.Checked, c.LogIndex, c.Detail, c.Signers = []string{"transparency-log"}, &index, "d", []string{"x"}
		c.Evidence = provenance.Evidence{CertificateTimestamps: 2, LogEntries: 2, Timestamps: 2}
		return c
	}
	person := with(byPerson("ann@acme.example", issuer), func(c *provenance.Candidate) {
		c.Identity.TrustedRoot = "sigstore"
		c.Identity.Extensions = map[string]string{"runnerEnvironment": "hosted", "sourceRepositoryRef": "refs/tags/v1"}
	})
	return map[string]allowed{
		"key": {
			write(`key: {file: a, notBefore: "2026-01-01T00:00:00Z", notAfter: "2026-12-31T00:00:00Z", requireLog: true}`, typed),
			full(byKey("a")), "Scheme PredicateType Identity.KeyFingerprint Verdict Code Checked SignedAt",
		},
		"keyless": {
			write("keyless: {issuer: '"+issuer+"', subject: ann@acme.example, trustedRoot: sigstore, extensions: {runnerEnvironment: hosted, sourceRepositoryRefPattern: 'refs/tags/v.*'}}",
				typed+", evidence: {certificateTimestamps: 2, logEntries: 2, timestamps: 2}"),
			full(person),
			"Scheme PredicateType Identity.Subject Identity.Issuer Identity.TrustedRoot Identity.Extensions Verdict Code Evidence.CertificateTimestamps Evidence.LogEntries Evidence.Timestamps",
		},
		"certificate": {
			write("certificate: {chain: chain-corp, issuer: corp, subjectPattern: '(ann|bob)@acme\\.example'}", typed),
			full(byCA("ann@acme.example", "corp")), "Scheme PredicateType Identity.Subject Identity.Issuer Verdict Code SignedAt",
		},
		"attestation": {
			head + "allowUnsigned: true\nsigners: [{name: a, key: {file: a}}]\nrequire: {attestations: [{name: build, predicateType: '" + slsa + "', signedBy: {allOf: [a]}}]}\n",
			full(attesting(byKey("a"), slsa)), "Scheme PredicateType Identity.KeyFingerprint Verdict Code",
		},
	}
}

// leaves calls visit with every field of v, through structs.
func leaves(v reflect.Value, prefix string, visit func(name string, field reflect.Value)) {
	for i := range v.NumField() {
		name, field := prefix+v.Type().Field(i).Name, v.Field(i)
		if field.Kind() == reflect.Struct && field.Type().Name() != "Digest" {
			leaves(field, name+".", visit)
			continue
		}
		visit(name, field)
	}
}

// altered are other values for a field, its zero value first.
func altered(field reflect.Value) []reflect.Value {
	out := []reflect.Value{reflect.Zero(field.Type())}
	switch old := field.Interface().(type) {
	case string:
		if old != "" { // what is not there is not altered but added, and that is another test
			for _, s := range []string{old + "x", "x" + old, strings.ToUpper(old) + " ", old[:len(old)-1]} {
				out = append(out, reflect.ValueOf(s))
			}
		}
	case int:
		out = append(out, reflect.ValueOf(old-1))
	case provenance.SignatureVerdict:
		out = append(out, reflect.ValueOf(provenance.Refused), reflect.ValueOf(provenance.SignatureVerdict(9)))
	case map[string]string:
		for name := range old {
			for _, value := range []string{"", "other", old[name] + "\n"} {
				m := map[string]string{}
				for k, v := range old {
					m[k] = v
				}
				m[name] = value
				out = append(out, reflect.ValueOf(m))
			}
		}
	case []provenance.Timestamp:
		out = append(out, reflect.ValueOf([]provenance.Timestamp{{Time: "2026-06-01T12:00:00Z", Source: "somebody"}}))
	}
	return out
}

// Every field of a candidate that the policy speaks of bites: removed or
// altered, what was allowed is not. The others do not: nothing is decided by
// what the policy does not speak of (CVE-2025-29778: fields that were read and
// never compared).
func TestEveryFieldOfACandidateBites(t *testing.T) {
	const known = "Layout Scheme Digest PredicateType Identity.KeyFingerprint Identity.Subject Identity.Issuer Identity.TrustedRoot Identity.Extensions " +
		"Verdict Code Detail Checked SignedAt Evidence.CertificateTimestamps Evidence.LogEntries Evidence.Timestamps LogIndex Signers"
	for name, a := range allowedOnes() {
		t.Run(name, func(t *testing.T) {
			p := parse(t, a.policy)
			if v := judge(p, candidates{a.candidate}); !v.Allowed() {
				t.Fatalf("not allowed: %+v", v)
			}
			var seen []string
			shape := a.candidate
			leaves(reflect.ValueOf(&shape).Elem(), "", func(field string, v reflect.Value) {
				seen = append(seen, field)
				bites := slices.Contains(strings.Fields(a.bites), field)
				for i, value := range altered(v) {
					changed := a.candidate
					leaves(reflect.ValueOf(&changed).Elem(), "", func(other string, v reflect.Value) {
						if other == field {
							v.Set(value)
						}
					})
					if got := judge(p, candidates{changed}); got.Allowed() == bites {
						t.Errorf("%s, change %d (%v): %v, and the policy speaks of it: %v", field, i, value, got.Outcome, bites)
					}
				}
			})
			if want := strings.Fields(known); !slices.Equal(seen, want) {
				t.Errorf("the fields are %q: say of each new one whether it bites", seen)
			}
		})
	}
}

// The same of the policy: each value that it demands, another, and what was
// allowed is not.
func TestEveryDemandOfAPolicyBites(t *testing.T) {
	all := allowedOnes()
	for _, tc := range []struct{ kind, old, new string }{
		{"key", "file: a,", "file: b,"},
		{"key", `notBefore: "2026-01-01`, `notBefore: "2026-06-02`},
		{"key", `notAfter: "2026-12-31`, `notAfter: "2026-05-31`},
		{"key", typed, "predicateTypes: [no-statement]"},
		{"key", typed, typed + ", schemes: [oms-key, sigstore-keyless]"},
		{"key", "anyOf: [a, other, spare]", "allOf: [a, other, spare]"},
		{"keyless", issuer, issuer + "/"},
		{"keyless", "issuer: '" + issuer + "'", "issuerPattern: 'https://token'"},
		{"keyless", "subject: ann@", "subject: Ann@"},
		{"keyless", "subject: ann@acme.example", "subjectPattern: 'ann@acme'"},
		{"keyless", "trustedRoot: sigstore", "trustedRoot: corp"},
		{"keyless", "runnerEnvironment: hosted", "runnerEnvironment: own"},
		{"keyless", "runnerEnvironment: hosted", "buildTrigger: hosted"},
		{"keyless", "'refs/tags/v.*'", "'refs/tags/w.*'"},
		{"keyless", "'refs/tags/v.*'", "'efs/tags/v.*'"},
		{"keyless", "certificateTimestamps: 2", "certificateTimestamps: 3"},
		{"keyless", "logEntries: 2", "logEntries: 3"},
		{"keyless", "{certificateTimestamps: 2, logEntries: 2, timestamps: 2}", "{timestamps: 3}"},
		{"certificate", "issuer: corp", "issuer: another"},
		{"certificate", "issuer: corp, ", ""},
		{"certificate", "(ann|bob)@", "(bob)@"},
		{"attestation", slsa, slsa + "/"},
		{"attestation", "file: a", "file: b"},
		{"attestation", "[{name: a, key: {file: a}}]", "[{name: a, key: {file: b}}, {name: b, key: {file: a}}]"},
	} {
		t.Run(tc.kind+"/"+tc.new, func(t *testing.T) {
			changed := strings.Replace(all[tc.kind].policy, tc.old, tc.new, 1)
			if changed == all[tc.kind].policy {
				t.Fatalf("%q is not in the policy", tc.old)
			}
			before := parse(t, all[tc.kind].policy)
			p := parse(t, changed)
			if v := judge(p, candidates{all[tc.kind].candidate}); v.Allowed() {
				t.Errorf("still allowed: %+v", v)
			}
			if p.Digest() == before.Digest() {
				t.Error("two policies have one digest")
			}
		})
	}
}

// Any order and any repetition of the candidates gives the same verdict, byte
// for byte, and so does the record alone as far as it allows.
func TestOrderAndRepetition(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var all candidates
	for _, c := range twelve() {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b provenance.Candidate) int {
		return strings.Compare(a.Layout+a.Digest.String()+a.Code, b.Layout+b.Digest.String()+b.Code)
	})
	for _, require := range []string{
		"{signatures: {anyOf: [release, alice]}}",
		"{signatures: {atLeast: {count: 2, of: [release, alice, bob]}}}",
		"{signatures: {allOf: [{anyOf: [alice, bob]}, release, ops]}, attestations: [{name: build, predicateType: '" + slsa + "', signedBy: {anyOf: [alice]}}]}",
	} {
		p := parse(t, fourSigners(require))
		for range 200 {
			some := slices.DeleteFunc(slices.Clone(all), func(provenance.Candidate) bool { return r.IntN(3) == 0 })
			want := judge(p, some)
			again := append(slices.Clone(some), some...)
			r.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
			if got := judge(p, again); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("the order decides:\n%v\n%v", got, want)
			}
			encoded, err := provenance.Encode(record(p, again))
			if err != nil {
				t.Fatal(err)
			}
			m, err := provenance.Decode(encoded)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Evaluate(policy.Case{Manifest: m}); got.Allowed() != want.Allowed() {
				t.Fatalf("the record alone says %v, not %v", got, want)
			}
		}
	}
}

// Whatever is added to what was allowed, it is still allowed: nobody can take a
// signature away by attaching something.
func TestNothingHidesASignature(t *testing.T) {
	for name, a := range allowedOnes() {
		p := parse(t, a.policy)
		for other, c := range twelve() {
			if v := judge(p, candidates{c, a.candidate, c}); !v.Allowed() {
				t.Errorf("%s, with %s: %+v", name, other, v)
			}
		}
	}
}
