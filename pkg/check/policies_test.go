package check_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

const suites = "../../testdata/policies/starters"

// seedRecords are the records of the four seed models, signed with the demo
// key: their real documents, with tiny weights.
func seedRecords(t testing.TB) map[string]*provenance.Manifest {
	t.Helper()
	out := map[string]*provenance.Manifest{}
	for name, extra := range map[string][]namedFile{
		"deepseek-v3": {{"configuration_deepseek.py", []byte("class DeepseekV3Config: pass\n")}, {"modeling_deepseek.py", []byte("class DeepseekV3Model: pass\n")}},
		"deepseek-r1": nil, "janus-pro": nil, "qwen2.5": nil,
	} {
		l := newLayoutWriter()
		l.sign(t, l.files(t, "v1", append(seedFiles(t, name), extra...)...))
		dir := t.TempDir()
		l.write(t, dir)
		r := examine(t, byDemoKey(t), dir)
		if r.Manifest == nil {
			t.Fatalf("%s: %+v", name, r.Verdict)
		}
		if out[name+".json"] = r.Manifest; *check.Records {
			check.WriteRecord(t, name+".json", r.Manifest)
		}
	}
	return out
}

// starterPolicy is a shipped starter, or a policy beside the suites.
func starterPolicy(t testing.TB, file string) []byte {
	t.Helper()
	all, err := policy.Starters()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.Name+".yaml" == file {
			return s.YAML
		}
	}
	data, err := os.ReadFile(filepath.Join(suites, file))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func readStarter(data []byte) (*policy.Policy, error) {
	p, err := policy.Parse(data)
	if err != nil {
		return nil, err
	}
	keys := map[string]string{"cosign.pub": "demo.pub", "producer.pub": "other.pub"}
	return p, p.Resolve(func(name string) ([]byte, error) {
		if name == "trusted_root.json" {
			return []byte("{}"), nil // nobody verifies by it here
		}
		return os.ReadFile(filepath.Join("../../testdata/keys", keys[name]))
	})
}

// runSuite returns the results of a suite under p.
func runSuite(t testing.TB, s *policy.Suite, p *policy.Policy, records map[string]*provenance.Manifest) []policy.TestResult {
	t.Helper()
	var out []policy.TestResult
	for _, c := range s.Cases {
		if records[c.Record] == nil {
			t.Fatalf("case %q: no record %q", c.Name, c.Record)
		}
		out = append(out, c.Run(p, records[c.Record]))
	}
	return out
}

// Every starter does over the seed models, and over hostile variants of them,
// what its tests say: each rule is seen met and not met.
func TestStarterPolicies(t *testing.T) {
	files, err := filepath.Glob(suites + "/*_test.yaml")
	if err != nil || len(files) < 4 {
		t.Fatalf("%d suites: %v", len(files), err)
	}
	records := seedRecords(t)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s, err := policy.ParseSuite(data)
			if err != nil {
				t.Fatal(err)
			}
			text := starterPolicy(t, s.Policy)
			p, err := readStarter(text)
			if err != nil {
				t.Fatal(err)
			}
			results := runSuite(t, s, p, records)
			seeds := map[string]bool{}
			changed := 0
			for i, r := range results {
				if !r.Passed {
					t.Errorf("%s: %s", r.Name, r.Problem)
				}
				seeds[s.Cases[i].Record] = true
				if len(s.Cases[i].Changes) > 0 {
					changed++
				}
			}
			if len(seeds) < 4 || changed < 6 {
				t.Errorf("%d seed models, %d hostile variants", len(seeds), changed)
			}
			never, always := policy.Uncovered(p, results)
			if untested := append(never, always...); len(untested) > 0 {
				t.Errorf("not seen both met and not met: %q", untested)
			}
			killMutants(t, s, text, p, records)
		})
	}
}

// killMutants changes one thing of the policy at a time: a rule or requirement
// is removed or weakened, a comparison turned around. A test must notice.
func killMutants(t *testing.T, s *policy.Suite, text []byte, p *policy.Policy, records map[string]*provenance.Manifest) {
	t.Helper()
	killed := 0
	for name, mutant := range mutants(t, s, text, p, records["deepseek-r1.json"]) {
		q, err := readStarter(mutant)
		if err != nil {
			killed++ // a policy that does not load allows nothing
			continue
		}
		if slices.ContainsFunc(s.Cases, func(c policy.TestCase) bool { return !c.Run(q, records[c.Record]).Passed }) {
			killed++
			continue
		}
		t.Errorf("no test notices %s", name)
	}
	t.Logf("%d mutants noticed", killed)
	if killed < 8 {
		t.Errorf("only %d mutants", killed)
	}
}

var flips = []struct{ from, to string }{
	{"==", "!="}, {"!=", "=="}, {">=", "<"}, {">=", ">"}, {"<=", ">"}, {"<=", "<"}, {"&&", "||"}, {"!findings", "findings"},
}

// mutants are policies with one change each, by what was changed.
func mutants(t *testing.T, s *policy.Suite, text []byte, p *policy.Policy, m *provenance.Manifest) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	edit := func(name string, change func(doc map[string]any)) {
		var doc map[string]any
		if err := yaml.Unmarshal(text, &doc); err != nil {
			t.Fatal(err)
		}
		change(doc)
		b, err := yaml.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = b
	}
	edit("that nobody has to sign", func(doc map[string]any) {
		if doc["allowUnsigned"] == true {
			doc["use"] = nil
			return
		}
		doc["allowUnsigned"] = true
		require := doc["require"].(map[string]any)
		if delete(require, "signatures"); len(require) == 0 {
			delete(doc, "require")
		}
		kept := slices.DeleteFunc(list(doc, "signers"), func(s any) bool { return !slices.Contains(reviewers(doc), s.(map[string]any)["name"]) })
		if doc["signers"] = kept; len(kept) == 0 {
			delete(doc, "signers")
		}
	})
	edit("how many of the signers suffice", func(doc map[string]any) {
		if require, ok := doc["require"].(map[string]any); ok {
			all, some := list(require["signatures"], "allOf"), list(require["signatures"], "anyOf")
			switch {
			case len(all) > 1:
				require["signatures"] = map[string]any{"anyOf": all}
				return
			case len(some) > 1:
				require["signatures"] = map[string]any{"allOf": some}
				return
			}
		}
		delete(doc, "use")
	})
	editReviews(text, edit)
	for _, effect := range []string{"deny", "hold"} {
		var doc map[string]any
		if err := yaml.Unmarshal(text, &doc); err != nil {
			t.Fatal(err)
		}
		for i, code := range list(doc["findings"], effect) {
			edit("that "+code.(string)+" is as usual", func(doc map[string]any) {
				f := doc["findings"].(map[string]any)
				if f[effect] = slices.Delete(list(f, effect), i, i+1); len(list(f, effect)) == 0 {
					delete(f, effect)
				}
			})
		}
	}
	for _, x := range p.Explain(policy.Case{Manifest: m, At: time.Unix(0, 0)}) {
		effect := map[policy.Outcome]string{policy.Deny: "deny", policy.Hold: "hold", policy.Allow: "warn"}[x.Effect]
		replace := func(name, require, effect string) {
			edit(name, func(doc map[string]any) {
				for _, key := range []string{"use", "rules"} {
					rules, _ := doc[key].([]any)
					rules = slices.DeleteFunc(rules, func(r any) bool { o := r.(map[string]any); return o["rule"] == x.Rule || o["name"] == x.Rule })
					if doc[key] = rules; len(rules) == 0 {
						delete(doc, key)
					}
				}
				if require != "" {
					rules, _ := doc["rules"].([]any)
					doc["rules"] = append(rules, map[string]any{"name": x.Rule, "require": require, "effect": effect, "legalBasis": "test"})
				}
			})
		}
		replace("that rule "+x.Rule+" is gone", "", "")
		replace("that rule "+x.Rule+" is turned around", "!("+x.Require+")", effect)
		replace("another effect of rule "+x.Rule, x.Require, map[string]string{"deny": "hold", "hold": "warn", "warn": "deny"}[effect])
		for _, f := range flips {
			for at, i := 0, 0; ; i++ {
				next := strings.Index(x.Require[at:], f.from)
				if next < 0 {
					break
				}
				at += next
				replace(x.Rule+": "+f.from+" made "+f.to+" at "+x.Require[at:], x.Require[:at]+f.to+x.Require[at+len(f.from):], effect)
				at += len(f.from)
			}
		}
		for _, code := range []string{"code-on-load", "native-code", "serialized-objects", "reaches-system", "network-on-load", "external-content"} {
			if at := strings.LastIndex(x.Require, `"`+code+`"`); at >= 0 {
				replace(x.Rule+": without the finding "+code, x.Require[:at]+`"x"`+x.Require[at+len(code)+2:], effect)
			}
		}
	}
	return out
}

// editReviews takes from what is demanded of reviews one thing at a time, and
// gives what may be waived to everybody.
func editReviews(text []byte, edit func(name string, change func(doc map[string]any))) {
	var doc map[string]any
	if yaml.Unmarshal(text, &doc) != nil || len(reviewers(doc)) == 0 {
		return
	}
	demanded := func(doc map[string]any) map[string]any {
		return doc["require"].(map[string]any)["reviews"].(map[string]any)
	}
	edit("how old reviews may be", func(doc map[string]any) { delete(demanded(doc), "maxAge") })
	quorum, waivers := list(demanded(doc), "quorum"), list(demanded(doc), "waivers")
	for i, q := range quorum {
		role := q.(map[string]any)["role"]
		edit(fmt.Sprintf("that %v reviews", role), func(doc map[string]any) {
			demanded(doc)["quorum"] = slices.Delete(list(demanded(doc), "quorum"), i, i+1)
		})
		edit(fmt.Sprintf("what %v answers for", role), func(doc map[string]any) {
			list(demanded(doc), "quorum")[i].(map[string]any)["criteria"] = quorum[(i+1)%len(quorum)].(map[string]any)["criteria"]
		})
	}
	for i, w := range waivers {
		rule := w.(map[string]any)["rule"]
		edit(fmt.Sprintf("that %v can be waived", rule), func(doc map[string]any) {
			demanded(doc)["waivers"] = slices.Delete(list(demanded(doc), "waivers"), i, i+1)
		})
		edit(fmt.Sprintf("who may waive %v", rule), func(doc map[string]any) {
			var roles []any
			for _, q := range quorum {
				if role := q.(map[string]any)["role"]; len(list(w, "roles")) > 1 || !slices.Contains(list(w, "roles"), role) {
					roles = append(roles, role)
				}
			}
			list(demanded(doc), "waivers")[i].(map[string]any)["roles"] = roles[:1]
		})
	}
	for _, rule := range []string{"license-allowed", "license-acceptable"} {
		edit("that "+rule+" can be waived too", func(doc map[string]any) {
			demanded(doc)["waivers"] = append(list(demanded(doc), "waivers"), map[string]any{"rule": rule, "roles": []string{"legal", "model-risk"}})
		})
	}
}

// reviewers names the signers that are reviewers.
func reviewers(doc map[string]any) []any {
	var out []any
	for _, who := range list(doc, "reviewers") {
		out = append(out, list(who, "signers")...)
	}
	return out
}

func list(of any, key string) []any {
	m, _ := of.(map[string]any)
	l, _ := m[key].([]any)
	return l
}
