package inspect

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

const (
	// claimRemoteCode is the claim about code that loading the model runs.
	claimRemoteCode = "runtime.remoteCode"
	methodConfig    = "config-code-keys/1"
	// maxTriggers bounds the findings of one file; DeepSeek-V3's config.json
	// has 3, the worst honest ones below 20. What is over it is counted.
	maxTriggers = 100
)

// remoteCode is the value of claimRemoteCode. Presence is a word, never a
// boolean (provenance.md §6.2).
type remoteCode struct {
	Required     string   `json:"required"` // "yes"
	Via          []string `json:"via"`
	Files        []string `json:"files,omitempty"`
	Repositories []string `json:"repositories,omitempty"`
}

func isYAML(name string) bool {
	return extension(name) == ".yaml" || extension(name) == ".yml"
}

func configFacts(name string, digest artifact.Digest, text []byte) Facts {
	f := Facts{Format: FormatJSON, Class: ClassInert}
	var found []trigger
	keras := isKeras(text)
	visit := func(s scalar) {
		if s.kind == '"' && isTemplate(s) {
			f.template(name, digest, s)
		}
		found = append(found, triggersIn(name, s)...)
		if keras {
			found = append(found, kerasTriggers(s)...)
		}
		f.setting(s)
	}
	var err error
	if isYAML(name) {
		f.Format = FormatYAML
		err = walkYAML(text, visit, func(tag string, s scalar) { found = append(found, pythonTag(tag, s)) })
	} else if err = strictjson.Check(text); err == nil {
		err = walk(text, visit)
	}
	if err != nil {
		bad := newFinding("MC-CONFIG-MALFORMED", provenance.CodeConfigMalformed, name, err.Error(), nil)
		bad.Digest = digest
		return Facts{Format: f.Format, Findings: []provenance.Finding{bad}}
	}
	if isSkops(text) {
		f.Class = f.Class.Worse(ClassUnknown) // what it constructs is for its loader's list of trusted types
	}
	for i, t := range found {
		f.Class = f.Class.Worse(t.class)
		if t.file != "" && t.repository == "" && t.class == ClassCodeOnLoad {
			f.runs = append(f.runs, reference{file: t.file, key: t.key, loader: t.loader})
		}
		if i < maxTriggers {
			f.Findings = append(f.Findings, t.finding(name, digest))
			if t.repository != "" && t.class == ClassCodeOnLoad {
				// Two facts: it runs, and no digest here covers it.
				t.class = ClassEgress
				f.Findings = append(f.Findings, t.finding(name, digest))
			}
		}
	}
	if n := len(found) - maxTriggers; n > 0 {
		more := newFinding("MC-CONFIG-LIMIT", provenance.CodeLimitExceeded, name, fmt.Sprintf("%d more values that loaders act on are not listed", n), nil)
		more.Digest = digest
		f.Findings = append(f.Findings, more)
	}
	if o, ok := observe(name, digest, text, found); ok {
		f.Observations = append(f.Observations, o)
	}
	return f
}

// isTemplate knows the members that hold prompt templates, and texts that read
// like one: runtimes render what they find under other names too.
func isTemplate(s scalar) bool {
	return s.below("chat_template") >= 0 || s.below("chat_templates") >= 0 || s.key() == "template" ||
		strings.Contains(s.text, "{{") || strings.Contains(s.text, "{%")
}

func (t trigger) finding(name string, digest artifact.Digest) provenance.Finding {
	facts := map[string]string{factRule: t.rule, "key": t.key, "value": clip(t.value), "loader": t.loader, "pointer": t.pointer}
	if t.file != "" {
		facts["file"] = clip(t.file)
	}
	if t.repository != "" {
		facts["repository"] = clip(t.repository)
	}
	f := provenance.Finding{ID: provenance.CodeCodeOnLoad, Subject: name, Digest: digest, Facts: facts}
	switch {
	case t.class == ClassFileRead:
		f.ID = codeFileRead
		f.Detail = fmt.Sprintf("%s makes %s open %q", t.key, t.loader, clip(t.value))
	case t.class == ClassEgress:
		f.ID = provenance.CodeNetworkOnLoad
		f.Detail = fmt.Sprintf("%s makes %s fetch %q", t.key, t.loader, clip(t.value))
	case t.repository != "":
		f.Detail = fmt.Sprintf("%s makes %s fetch and run code from %q", t.key, t.loader, clip(t.repository))
	default:
		f.Detail = fmt.Sprintf("%s makes %s run code: %q", t.key, t.loader, clip(t.value))
	}
	return f
}

// observe states once per file what code loading asks for. The quotation
// covers the first member that does.
func observe(name string, digest artifact.Digest, text []byte, found []trigger) (provenance.ClaimObservation, bool) {
	found = slices.DeleteFunc(slices.Clone(found), func(t trigger) bool { return t.class != ClassCodeOnLoad })
	if len(found) == 0 {
		return provenance.ClaimObservation{}, false
	}
	v := remoteCode{Required: "yes"}
	first := found[0]
	for _, t := range found {
		v.Via = append(v.Via, t.key)
		if t.repository != "" {
			v.Repositories = append(v.Repositories, clip(t.repository))
		} else if t.file != "" {
			v.Files = append(v.Files, clip(t.file))
		}
		if t.place == first.place {
			first.end = t.end
		}
	}
	value, err := v.encode()
	if err != nil {
		return provenance.ClaimObservation{}, false
	}
	return provenance.ClaimObservation{Claim: claimRemoteCode, Observation: provenance.Observation{
		Grade:  provenance.Verified,
		Value:  value,
		Method: methodConfig,
		Source: provenance.Source{
			Kind: provenance.SourceFile, Path: name, Digest: digest, Pointer: first.place,
			Lines: []int{lineOf(text, first.start), lineOf(text, max(first.start, first.end))},
			Quote: quote(text[first.start:max(first.start, first.end)]),
		},
	}}, true
}

func (v remoteCode) encode() (provenance.Value, error) {
	for _, list := range []*[]string{&v.Via, &v.Files, &v.Repositories} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return json.Marshal(v)
}

// Join makes the observations on code that loading runs agree: each keeps its
// place, and all carry what the files ask for together. Two files that name
// different code do not contradict each other.
func Join(all []provenance.ClaimObservation) []provenance.ClaimObservation {
	var sum remoteCode
	for _, o := range all {
		var v remoteCode
		if o.Claim != claimRemoteCode || json.Unmarshal(o.Value, &v) != nil {
			continue
		}
		sum.Required = v.Required
		sum.Via = append(sum.Via, v.Via...)
		sum.Files = append(sum.Files, v.Files...)
		sum.Repositories = append(sum.Repositories, v.Repositories...)
	}
	value, err := sum.encode()
	if sum.Required == "" || err != nil {
		return all
	}
	out := slices.Clone(all)
	for i := range out {
		if out[i].Claim == claimRemoteCode {
			out[i].Value = value
		}
	}
	return out
}

func lineOf(text []byte, at int) int { return 1 + bytes.Count(text[:at], []byte{'\n'}) }

// quote cuts a quotation at a rune, to at most provenance.MaxQuote bytes.
func quote(b []byte) string {
	s := strings.ToValidUTF8(string(b), "\ufffd")
	if len(s) <= provenance.MaxQuote {
		return s
	}
	const more = "…"
	n := provenance.MaxQuote - len(more)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + more
}

// clip keeps a stranger's value short enough for a sentence.
func clip(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
