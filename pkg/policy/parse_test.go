package policy_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// one is a policy with the given keyless rule.
func one(rule string) string {
	return head + "trustedRoots: [{name: r, file: root.json}]\nsigners: [{name: a, keyless: {" + rule + "}}]\nrequire: {signatures: {anyOf: [a]}}\n"
}

// keyed is a policy with the given requirement over the keys a and b.
func keyed(require string) string {
	return head + "signers: [{name: a, key: {file: a}}, {name: b, key: {file: b}}]\nrequire: {signatures: " + require + "}\n"
}

// keyWith is a policy with one key, of which it demands more.
func keyWith(demands string, roots bool) string {
	lines := ""
	if roots {
		lines = "trustedRoots: [{name: r, file: root.json}]\n"
	}
	return head + lines + "signers: [{name: a, key: {file: a, " + demands + "}}]\nrequire: {signatures: {anyOf: [a]}}\n"
}

// ca is a policy with an own authority.
func ca(rule string) string {
	return head + "signers: [{name: a, certificate: {" + rule + "}}]\nrequire: {signatures: {anyOf: [a]}}\n"
}

// asking is a policy with a key that demands something more.
func asking(more string) string {
	return head + "signers: [{name: a, key: {file: a}}]\nrequire: {signatures: {anyOf: [a]}, " + more + "}\n"
}

// thresholded is a keyless policy with thresholds.
func thresholded(evidence string) string {
	s := one("issuer: i, subject: s")
	return s[:len(s)-2] + ", evidence: " + evidence + "}\n"
}

func inlinePEM() string {
	b, _ := publicKey("a")
	return oneLine(b)
}

func oneLine(pem []byte) string { return strings.ReplaceAll(string(pem), "\n", "\\n") }

func TestParseRefuses(t *testing.T) {
	ok := keyed("{anyOf: [a, b]}")
	if _, err := policy.Parse([]byte(ok)); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		yaml string
		line int // 0: none is known
		want string
	}{
		"empty":                  {"", 1, "empty"},
		"comment only":           {"# nothing\n", 1, "empty"},
		"null":                   {"~", 1, "want a mapping"},
		"a list":                 {"- a", 1, "want a mapping"},
		"an empty mapping":       {"{}", 1, "no apiVersion"},
		"no kind":                {"apiVersion: modelcheck/v1", 1, "no kind"},
		"another version":        {strings.Replace(ok, "modelcheck/v1", "modelcheck/v2", 1), 1, "apiVersion"},
		"another kind":           {strings.Replace(ok, "kind: Policy", "kind: Pod", 1), 2, "kind"},
		"too large":              {ok + strings.Repeat("#", 1<<20), 1, "over the limit"},
		"not UTF-8":              {ok + "\xff", 5, "UTF-8"},
		"tab":                    {"apiVersion: modelcheck/v1\n\tkind: Policy", 2, "tab"},
		"second document":        {ok + "---\n" + ok, 5, "second document"},
		"second document, empty": {ok + "---\n", 5, "second document"},
		"unknown key":            {ok + "rule: []\n", 5, `unknown key "rule"`},
		"case variant":           {strings.Replace(ok, "kind:", "Kind:", 1), 2, `unknown key "Kind"`},
		"duplicate key":          {ok + "kind: Policy\n", 5, "twice"},
		"anchor":                 {strings.Replace(ok, "anyOf: [a", "anyOf: &x [a", 1), 4, "anchors"},
		"alias":                  {head + "signers: &s [{name: a, key: {file: a}}]\nrequire: *s\n", 3, "anchors"},
		"merge":                  {head + "<<: {allowUnsigned: true}\n", 3, "merge"},
		"tag":                    {head + "allowUnsigned: !!bool true\n", 3, "tags"},
		"binary":                 {head + "allowUnsigned: !!binary dHJ1ZQ==\n", 3, "tags"},
		"key is no string":       {head + "1: 2\n", 3, "want a string"},
		"deep":                   {head + "findings: " + strings.Repeat("[", 40) + strings.Repeat("]", 40), 3, "deeper"},
		"bomb":                   {head + "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n", 3, "anchors"},

		"no signers":                {head, 1, "no signers"},
		"no signers, but required":  {head + "require: {signatures: {anyOf: [a]}}", 3, "no signer is named"},
		"empty signers":             {head + "signers: []\nallowUnsigned: true", 3, "empty"},
		"signers null":              {head + "signers:\nallowUnsigned: true", 3, "want a list"},
		"signers not required":      {head + "signers: [{name: a, key: {file: a}}]", 1, "anyOf: [a]"},
		"allowUnsigned is a string": {head + "allowUnsigned: \"true\"", 3, "true or false"},
		"allowUnsigned: yes":        {head + "allowUnsigned: yes", 3, "true or false"},
		"allowUnsigned: True":       {head + "allowUnsigned: True", 3, "true or false"},
		"unsigned and required":     {ok + "allowUnsigned: true\n", 4, "not meant"},
		"signer without name":       {head + "signers: [{key: {file: a}}]", 3, "without name"},
		"signer named no":           {head + "signers: [{name: no, key: {file: 1}}]", 3, "want a string"},
		"signer twice":              {head + "signers:\n- {name: a, key: {file: a}}\n- {name: a, key: {file: b}}", 5, "twice"},
		"signer of no kind":         {head + "signers: [{name: a}]", 3, "exactly one"},
		"signer of both kinds":      {head + "signers: [{name: a, key: {file: a}, keyless: {}}]", 3, "exactly one"},
		"signer with invisible":     {head + "signers: [{name: \"a\\u200b\", key: {file: a}}]", 3, "cannot be seen"},
		"signer turned around":      {head + "signers: [{name: \"a\\u202e\", key: {file: a}}]", 3, "cannot be seen"},
		"signer with line feed":     {head + "signers: [{name: \"a\\nb\", key: {file: a}}]", 3, "cannot be seen"},
		"signer with blank":         {head + "signers: [{name: \" a\", key: {file: a}}]", 3, "cannot be seen"},
		"relation":                  {head + "signers: [{name: a, relation: friend, key: {file: a}}]", 3, "relation"},
		"relation unknown":          {head + "signers: [{name: a, relation: unknown, key: {file: a}}]", 3, "relation"},
		"key of nothing":            {head + "signers: [{name: a, key: {}}]", 3, "exactly one"},
		"key twice over":            {head + "signers: [{name: a, key: {file: a, pem: b}}]", 3, "exactly one"},
		"key is a string":           {head + "signers: [{name: a, key: cosign.pub}]", 3, "want a mapping"},
		"pem is none":               {head + "signers: [{name: a, key: {pem: b}}]", 3, "not a PEM"},
		"unused signer":             {keyed("{anyOf: [a]}"), 4, `"b" is named and nothing asks`},
		"unknown signer":            {keyed("{anyOf: [a, b, c]}"), 4, `no signer "c"`},
		"nobody in particular":      {keyed("{anyOf: []}"), 4, "empty"},
		"required twice":            {keyed("{anyOf: [a, b, a]}"), 4, "twice"},
		"two requirements":          {keyed("{anyOf: [a], allOf: [b]}"), 4, "exactly one"},
		"no requirement":            {keyed("{}"), 4, "exactly one"},
		"threshold 0":               {keyed("{atLeast: {count: 0, of: [a, b]}}"), 4, "at least 1"},
		"threshold -1":              {keyed("{atLeast: {count: -1, of: [a, b]}}"), 4, "at least 1"},
		"threshold 3 of 2":          {keyed("{atLeast: {count: 3, of: [a, b]}}"), 4, "never be met"},
		"threshold 01":              {keyed("{atLeast: {count: 01, of: [a, b]}}"), 4, "at least 1"},
		"threshold 0x1":             {keyed("{atLeast: {count: 0x1, of: [a, b]}}"), 4, "at least 1"},
		"threshold 1.0":             {keyed("{atLeast: {count: 1.0, of: [a, b]}}"), 4, "at least 1"},
		"threshold 1e0":             {keyed("{atLeast: {count: 1e0, of: [a, b]}}"), 4, "at least 1"},
		"threshold \"1\"":           {keyed("{atLeast: {count: \"1\", of: [a, b]}}"), 4, "at least 1"},
		"threshold of all":          {keyed("{atLeast: {count: 99999999999999999999, of: [a, b]}}"), 4, "at least 1"},
		"threshold of nobody":       {keyed("{atLeast: {count: 1}}"), 4, "want count and of"},
		"no predicate types":        {head + "signers: [{name: a, key: {file: a}}]\nrequire: {signatures: {anyOf: [a]}, predicateTypes: []}", 4, "empty"},

		"no issuer":                {one("subject: x@acme.example"), 4, "issuer"},
		"no subject":               {one("issuer: https://i.example"), 4, "subject"},
		"empty issuer":             {one("issuer: '', subject: x@acme.example"), 4, "blank"},
		"issuer and pattern":       {one("issuer: a, issuerPattern: b, subject: x"), 4, "exactly one"},
		"misspelt pattern":         {one("issuer: https://i.example, subjectRegExp: x"), 4, "unknown key"},
		"pattern does not parse":   {one("issuer: https://i.example, subjectPattern: '('"), 4, "compile"},
		"pattern leaves its group": {one("issuer: https://i.example, subjectPattern: 'a)|(b'"), 4, "compile"},
		"pattern .*":               {one("issuer: https://i.example, subjectPattern: '.*'"), 4, "empty string"},
		"pattern .+":               {one("issuer: https://i.example, subjectPattern: '.+'"), 4, "nobody in particular"},
		"pattern ^.*$":             {one("issuer: https://i.example, subjectPattern: '^.*$'"), 4, "empty string"},
		"pattern or anything":      {one("issuer: https://i.example, subjectPattern: 'ann@acme\\.example|.+'"), 4, "nobody in particular"},
		"pattern .*@.*":            {one("issuer: https://i.example, subjectPattern: '.*@.*'"), 4, "mallory"},
		"pattern https://.*":       {one("issuer: https://i.example, subjectPattern: 'https://.*'"), 4, "mallory"},
		"issuer pattern .*":        {one("issuerPattern: '.*', subject: x@acme.example"), 4, "empty string"},
		"extension is no string":   {one("issuer: i, subject: s, extensions: {buildTrigger: true}"), 4, "want a string"},
		"keyless without root":     {head + "signers: [{name: a, keyless: {issuer: i, subject: s}}]", 3, "no trustedRoots"},
		"root without file":        {head + "trustedRoots: [{name: r}]", 3, "no file"},
		"root twice":               {head + "trustedRoots: [{name: r, file: a}, {name: r, file: b}]", 3, "twice"},
		"which root":               {head + "trustedRoots: [{name: r, file: a}, {name: s, file: b}]\nsigners: [{name: a, keyless: {issuer: i, subject: s}}]", 4, "say which"},
		"unknown root":             {one("issuer: i, subject: s, trustedRoot: x"), 4, `no trusted root "x"`},
		"unused root":              {head + "trustedRoots: [{name: r, file: a}, {name: s, file: b}]\nsigners: [{name: a, keyless: {issuer: i, subject: s, trustedRoot: r}}]", 4, "no signer uses it"},

		"inline key twice": {head + "signers: [{name: a, key: {pem: \"" + inlinePEM() + "\"}}, {name: b, key: {pem: \"" + inlinePEM() + "\"}}]\nrequire: {signatures: {anyOf: [a, b]}}", 0, "same key"},

		"unknown extension":      {one("issuer: i, subject: s, extensions: {sourceRepositoryUri: x}"), 4, "unknown extension \"sourceRepositoryUri\" (known, each also with Pattern: buildConfigDigest, "},
		"the issuer, twice over": {one("issuer: i, subject: s, extensions: {issuer: x}"), 4, "unknown extension"},
		"extension and pattern":  {one("issuer: i, subject: s, extensions: {buildTrigger: x, buildTriggerPattern: x}"), 4, "exactly one"},
		"extension of anything":  {one("issuer: i, subject: s, extensions: {buildTriggerPattern: '.*'}"), 4, "empty string"},
		"pattern of a pattern":   {one("issuer: i, subject: s, extensions: {buildTriggerPatternPattern: x}"), 4, "unknown extension"},
		"no extensions":          {one("issuer: i, subject: s, extensions: {}"), 4, "empty"},
		"root of no age":         {head + "trustedRoots: [{name: r, file: a, maxAge: 0d}]", 3, "days or hours"},
		"root of minutes":        {head + "trustedRoots: [{name: r, file: a, maxAge: 90m}]", 3, "days or hours"},
		"root of a number":       {head + "trustedRoots: [{name: r, file: a, maxAge: 90}]", 3, "want a string"},
		"root of half a day":     {head + "trustedRoots: [{name: r, file: a, maxAge: 0.5d}]", 3, "days or hours"},
		"root of -1 days":        {head + "trustedRoots: [{name: r, file: a, warnAge: -1d}]", 3, "days or hours"},
		"root of just days":      {head + "trustedRoots: [{name: r, file: a, warnAge: d}]", 3, "days or hours"},
		"root of ages":           {head + "trustedRoots: [{name: r, file: a, warnAge: 99999d}]", 3, "days or hours"},
		"root refused unwarned":  {head + "trustedRoots: [{name: r, file: a, maxAge: 2d, warnAge: 48h}]", 3, "before the warning"},

		"window without root":    {keyWith("notAfter: '2026-01-01T00:00:00Z'", false), 3, "no trustedRoots"},
		"log without root":       {keyWith("requireLog: true", false), 3, "no trustedRoots"},
		"window of a day":        {keyWith("notAfter: 2026-01-01", true), 4, "want a time"},
		"window without zone":    {keyWith("notAfter: '2026-01-01T00:00:00'", true), 4, "want a time"},
		"window of milliseconds": {keyWith("notAfter: '2026-01-01T00:00:00.5Z'", true), 4, "want a time"},
		"window of no time":      {keyWith("notAfter: '0001-01-01T00:00:00Z'", true), 4, "want a time"},
		"window of a number":     {keyWith("notBefore: 2026", true), 4, "want a time"},
		"window backwards":       {keyWith("notBefore: '2026-01-02T00:00:00Z', notAfter: '2026-01-01T00:00:00Z'", true), 4, "never trusted"},
		"window of nothing":      {keyWith("notBefore: '2026-01-01T00:00:00Z', notAfter: '2026-01-01T00:00:00Z'", true), 4, "never trusted"},
		"log: yes":               {keyWith("requireLog: yes", true), 4, "true or false"},

		"chain of nothing":       {ca("subject: s, time: current"), 3, "exactly one of chain and pem"},
		"chain twice over":       {ca("chain: f, pem: x, subject: s, time: current"), 3, "exactly one of chain and pem"},
		"chain is none":          {ca("pem: x, subject: s, time: current"), 3, "not a PEM"},
		"chain for anybody":      {ca("chain: f, time: current"), 3, "exactly one of subject and subjectPattern"},
		"chain for everybody":    {ca("chain: f, subjectPattern: '.+', time: current"), 3, "nobody in particular"},
		"chain at noon":          {ca("chain: f, subject: s, time: noon"), 3, "want timestamp"},
		"chain without a clock":  {ca("chain: f, subject: s"), 3, "no trustedRoots"},
		"chain and a root":       {ca("chain: f, subject: s, trustedRoot: r"), 3, "unknown key"},
		"chain by pattern":       {ca("chain: f, subject: s, issuerPattern: r"), 3, "unknown key"},
		"chain twice, two names": {head + "signers: [{name: a, certificate: {pem: \"" + oneLine(chain("x")) + "\", subject: s, time: current}}, {name: b, certificate: {pem: \"" + oneLine(chain("x", "y")) + "\", subject: t, time: current}}]\nrequire: {signatures: {anyOf: [a, b]}}", 0, "in common"},

		"schemes of nothing":      {asking("schemes: []"), 4, "empty"},
		"unknown scheme":          {asking("schemes: [sigstore]"), 4, "unknown scheme \"sigstore\" (known: oms-key, "},
		"schemes of nobody":       {asking("schemes: [x509]"), 4, "signer \"a\" can sign under none"},
		"evidence of nothing":     {thresholded("{}"), 5, "empty"},
		"evidence of none":        {thresholded("{logEntries: 0}"), 5, "at least 1"},
		"evidence of everybody":   {thresholded("{logEntries: 33}"), 5, "never be met"},
		"unknown evidence":        {thresholded("{witnesses: 1}"), 5, "unknown key"},
		"evidence for keys":       {asking("evidence: {logEntries: 1}"), 4, "requireLog"},
		"group of groups":         {keyed("{anyOf: [{anyOf: [{anyOf: [a]}, b]}]}"), 4, "two levels"},
		"group of nobody":         {keyed("{anyOf: [a, b, {anyOf: []}]}"), 4, "empty"},
		"group of two kinds":      {keyed("{anyOf: [a, {anyOf: [b], allOf: [b]}]}"), 4, "exactly one"},
		"group without kind":      {keyed("{anyOf: [a, b, {}]}"), 4, "exactly one"},
		"group of a number":       {keyed("{anyOf: [a, b, {anyOf: [1]}]}"), 4, "want a string"},
		"group of a stranger":     {keyed("{anyOf: [a, {anyOf: [b, c]}]}"), 4, "no signer \"c\""},
		"signer in two groups":    {keyed("{allOf: [a, {anyOf: [a, b]}]}"), 4, "counts once"},
		"group that cannot be":    {keyed("{anyOf: [{atLeast: {count: 3, of: [a, b]}}]}"), 4, "never be met"},
		"more than there is":      {keyed("{atLeast: {count: 2, of: [{anyOf: [a, b]}]}}"), 4, "never be met"},
		"attestations of nothing": {asking("attestations: []"), 4, "empty"},
		"attestation, nameless":   {asking("attestations: [{predicateType: t, signedBy: {anyOf: [a]}}]"), 4, "without name"},
		"attestation, typeless":   {asking("attestations: [{name: n, signedBy: {anyOf: [a]}}]"), 4, "want predicateType"},
		"attestation, anybody's":  {asking("attestations: [{name: n, predicateType: t}]"), 4, "signedBy"},
		"attestation, twice":      {asking("attestations: [{name: n, predicateType: t, signedBy: {anyOf: [a]}}, {name: n, predicateType: u, signedBy: {anyOf: [a]}}]"), 4, "twice"},
		"attestation, signature":  {asking("attestations: [{name: n, predicateType: " + policy.DefaultSignatureType + ", signedBy: {anyOf: [a]}}]"), 4, "counts as a signature"},
		"attestation, model's":    {asking("attestations: [{name: n, predicateType: " + policy.ModelSignatureType + ", signedBy: {anyOf: [a]}}]"), 4, "counts as a signature"},
		"attestation, of none":    {asking("attestations: [{name: n, predicateType: no-statement, signedBy: {anyOf: [a]}}]"), 4, "counts as a signature"},
		"attestation, stranger's": {asking("attestations: [{name: n, predicateType: t, signedBy: {anyOf: [c]}}]"), 4, "no signer \"c\""},

		"unknown finding":   {ok + "findings: {allow: [unheard-of]}", 5, "no finding"},
		"signature finding": {ok + "findings: {allow: [signature-missing]}", 5, "no finding"},
		"fixed finding":     {ok + "findings: {allow: [digest-mismatch]}", 5, "always denies"},
		"finding held":      {ok + "findings: {hold: [unsafe-file-name]}", 5, "always denies"},
		"two effects":       {ok + "findings: {allow: [unnamed-layer], hold: [unnamed-layer]}", 5, "two effects"},
		"finding twice":     {ok + "findings: {allow: [unnamed-layer, unnamed-layer]}", 5, "twice"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := policy.Parse([]byte(tc.yaml))
			if p != nil || !errors.Is(err, policy.ErrInvalid) || !strings.Contains(err.Error(), tc.want) || line(err) != tc.line {
				t.Errorf("got %v (line %d), want %q in line %d", err, line(err), tc.want, tc.line)
			}
		})
	}
}

// Whatever Parse accepts demands something or says aloud that it does not, and
// means the same when it is read again.
func FuzzParse(f *testing.F) {
	for _, s := range []string{keyless, twoOfThree, one("issuer: i, subject: s"), head + "allowUnsigned: true", head + "findings: {deny: [code-on-load]}", "{}", "",
		attested, keyWith("notAfter: '2026-01-01T00:00:00Z', requireLog: true", true), ca("chain: chain-x, subject: s, time: current"), thresholded("{logEntries: 2}"),
		asking("schemes: [oms-key]"), keyed("{allOf: [a, {anyOf: [b]}]}"), one("issuer: i, subject: s, extensions: {buildTriggerPattern: b}")} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := policy.Parse(data)
		if err != nil {
			if p != nil || !errors.Is(err, policy.ErrInvalid) {
				t.Fatalf("%v, %v", p, err)
			}
			return
		}
		if err := p.Resolve(readFiles); err != nil {
			return
		}
		q, err := policy.Parse(data)
		if err != nil || q.Resolve(readFiles) != nil || q.Digest() != p.Digest() {
			t.Fatalf("read again: %v, %v", q, err)
		}
		v := judge(p, nil)
		unsigned := slices.ContainsFunc(v.Reasons, func(r policy.Reason) bool { return r.Code == provenance.CodeUnsignedAllowed })
		if v.Allowed() && !unsigned {
			t.Fatalf("allows an unsigned artifact: %+v", v)
		}
	})
}

func TestErrorsName(t *testing.T) {
	_, err := policy.Parse([]byte(head + "rule: 1\n"))
	if got, want := fmt.Sprint(err), `invalid policy: line 3, column 1: policy: unknown key "rule" (known: apiVersion, kind, trustedRoots, signers, criteria, reviewers, require, summaries, allowUnsigned, findings, rules, use, scopes, admission, expires, extends)`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
