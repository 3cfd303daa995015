package admission_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/admission"
	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

func pinned(d artifact.Digest) string { return "r.io/m@" + d.String() }

// with adds members to the metadata of an object.
func with(object []byte, metadata string) []byte {
	return []byte(strings.Replace(string(object), `"metadata":{`, `"metadata":{`+metadata+`,`, 1))
}

const dying = `"deletionTimestamp":"2026-11-28T00:00:00Z"`

// An update is judged by what is new in it, and what starts nothing is not
// judged at all.
func TestAdmitUpdates(t *testing.T) {
	stale := volumes(pinned(bad))
	scale := []byte(`{"apiVersion":"autoscaling/v1","kind":"Scale","metadata":{"name":"x"},"spec":{"replicas":3}}`)
	ephemeral := func(image string) []byte {
		return []byte(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"x"},"spec":{"containers":[{"image":"r.io/server:1"}],"ephemeralContainers":[{"image":"` + image + `"}]}}`)
	}
	inScope := `scopes: [{name: ours, prefix: "r.io/m", allowUnsigned: true}]`
	inScope = strings.Replace(inScope, `"r.io/m"`, `"r.io/m@"`, 1)
	tests := []struct {
		name, section, operation, sub string
		object, old                   []byte
		allowed                       bool
		judged, unchanged             int
	}{
		{name: "a stale object is labelled", object: with(stale, `"labels":{"a":"b"}`), old: stale, allowed: true, unchanged: 2},
		{name: "another container more", object: volumes(pinned(bad), pinned(good)), old: stale, allowed: true, judged: 1, unchanged: 2},
		{name: "one stale volume less", object: stale, old: volumes(pinned(good), pinned(bad)), allowed: true, unchanged: 2},
		{name: "a model is replaced", object: stale, old: volumes(pinned(good)), judged: 1, unchanged: 1},
		{name: "a stale model twice", object: volumes(pinned(bad), pinned(bad)), old: stale, judged: 1, unchanged: 2},
		{name: "a tag in place of a digest", object: volumes("r.io/m:good"), old: volumes(pinned(good)), judged: 1, unchanged: 1},
		{name: "no old object", object: stale, judged: 1},
		{name: "an old object that cannot be read", object: stale, old: []byte(`{`), judged: 1},
		{name: "an old object of a kind that nobody knows", object: stale, old: []byte(`{"apiVersion":"a/v1","kind":"B"}`), judged: 1},
		{name: "creation has no old object", operation: admission.Create, object: stale, old: stale, judged: 1},
		{name: "deletion", operation: admission.Delete, old: stale, allowed: true},
		{name: "deletion of what cannot be read", operation: admission.Delete, old: []byte(`{`), allowed: true},
		{name: "connection", operation: admission.Connect, object: []byte(`{"apiVersion":"v1","kind":"PodExecOptions"}`), allowed: true},
		{name: "scale", sub: "scale", object: scale, old: scale, allowed: true},
		{name: "scale of another kind", sub: "scale", object: stale, judged: 1},
		{name: "status", sub: "status", object: stale, old: stale, allowed: true, unchanged: 2},
		{name: "an ephemeral container without model", sub: "ephemeralcontainers", section: inScope, object: ephemeral("r.io/debug:1"), old: volumes(), allowed: true, unchanged: 1},
		{name: "an ephemeral container of a bad model", sub: "ephemeralcontainers", section: inScope, object: ephemeral(pinned(bad)), old: volumes(), judged: 1, unchanged: 1},
		{name: "an ephemeral container of a good model", sub: "ephemeralcontainers", section: inScope, object: ephemeral(pinned(good)), old: volumes(), allowed: true, judged: 1, unchanged: 1},
		{name: "the finalizers of what ends", object: with(stale, dying), old: with(volumes(pinned(bad)), dying+`,"finalizers":["a/b"]`), allowed: true},
		{name: "a model in what ends", object: with(stale, dying), old: with(volumes(pinned(good)), dying), judged: 1, unchanged: 1},
		{name: "an end that was not there before", object: with(stale, dying), old: volumes(pinned(good)), judged: 1, unchanged: 1},
		{name: "an end that is none", object: with(stale, `"deletionTimestamp":""`), old: with(volumes(pinned(good)), `"deletionTimestamp":""`), judged: 1, unchanged: 1},
		{name: "creation of what ends", operation: admission.Create, object: with(stale, dying), old: with(stale, dying), judged: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.operation == "" {
				tt.operation = admission.Update
			}
			section := tt.section
			d := gate(t, section, judge(byDigest)).Admit(t.Context(), admission.Request{
				Operation: tt.operation, SubResource: tt.sub, Namespace: "ml", Object: tt.object, OldObject: tt.old,
			})
			if d.Response.Allowed != tt.allowed || len(d.Judgements) != tt.judged || d.Unchanged != tt.unchanged {
				t.Errorf("%v, %d judged, %d unchanged: %s", d.Response.Allowed, len(d.Judgements), d.Unchanged, d.Response.Message)
			}
		})
	}
}

// What a namespace enforces is for the policy to say, by the namespace's name.
func TestAdmitModes(t *testing.T) {
	const section = `
admission:
  mode: audit
  namespaces: [{name: prod, mode: enforce}, {name: stage, mode: warn}]
  exemptions:
    - {namespace: prod, digest: "%s", expires: 2027-01-01, reason: ticket 7}
    - {namespace: prod, digest: "%s", expires: 2026-11-28, reason: over today}
`
	other := artifact.SumSHA256([]byte("other"))
	g := gate(t, fmt.Sprintf(section, other, bad), judge(byDigest))
	tests := []struct {
		namespace        string
		object           []byte
		allowed          bool
		outcome          policy.Outcome
		warnings         int
		warned, audited  string
		exempted, reason bool
	}{
		{namespace: "prod", object: volumes(pinned(bad)), outcome: policy.Deny, audited: provenance.CodeSummaryMissing},
		{namespace: "stage", object: volumes(pinned(bad)), allowed: true, outcome: policy.Deny, warnings: 1, warned: "would deny: ", audited: provenance.CodeSummaryMissing},
		{namespace: "lab", object: volumes(pinned(bad)), allowed: true, outcome: policy.Deny, audited: provenance.CodeSummaryMissing},
		{namespace: "prod", object: volumes(pinned(other)), allowed: true, outcome: policy.Allow, warnings: 1, warned: "exempted", exempted: true},
		{namespace: "stage", object: volumes(pinned(other)), allowed: true, outcome: policy.Deny, warnings: 1, warned: "would deny: ", audited: provenance.CodeSummaryMissing},
		{namespace: "prod", object: []byte(`{}`), outcome: policy.Deny, audited: provenance.CodeObjectMalformed},
		{namespace: "lab", object: []byte(`{}`), allowed: true, outcome: policy.Deny, audited: provenance.CodeObjectMalformed},
		{namespace: "prod-2", object: volumes(pinned(good)), allowed: true, outcome: policy.Allow},
	}
	for _, tt := range tests {
		r := create(tt.object)
		r.Namespace = tt.namespace
		if string(tt.object) == "{}" {
			r.Kind, r.APIVersion = "", ""
		}
		d := g.Admit(t.Context(), r)
		if d.Response.Allowed != tt.allowed || d.Outcome != tt.outcome || len(d.Warnings) != tt.warnings || d.Audit["reasons"] != tt.audited ||
			!strings.Contains(strings.Join(d.Warnings, ""), tt.warned) {
			t.Errorf("%s: %v %v %q %v", tt.namespace, d.Response.Allowed, d.Outcome, d.Warnings, d.Audit)
		}
		if len(d.Judgements) > 0 && (d.Judgements[0].Exemption != nil) != tt.exempted {
			t.Errorf("%s: %+v", tt.namespace, d.Judgements)
		}
	}
	panics := gate(t, "admission: {mode: audit}", judge(func(context.Context, artifact.Reference, policy.Use) (*check.Report, error) { panic("x") }))
	if d := panics.Admit(t.Context(), create(volumes(pinned(good)))); !d.Response.Allowed || d.Outcome != policy.Undecided {
		t.Errorf("%+v", d.Response)
	}
}

// What a model is wanted for comes from the policy, or from a label that it
// trusts by name.
func TestAdmitAsksForTheEnvironment(t *testing.T) {
	for _, tt := range []struct {
		section, namespace string
		labels             map[string]string
		want               policy.Use
	}{
		{"", "ml", map[string]string{"env": "dev"}, policy.Use{}},
		{"admission: {for: {environment: prod, use: chat}}", "ml", map[string]string{"env": "dev"}, policy.Use{Environment: "prod", Use: "chat"}},
		{"admission: {for: {environment: prod}, trustedLabel: env}", "ml", map[string]string{"env": "dev"}, policy.Use{Environment: "dev"}},
		{"admission: {for: {environment: prod}, trustedLabel: env}", "ml", nil, policy.Use{Environment: "prod"}},
		{"admission: {for: {environment: prod}, trustedLabel: env, namespaces: [{name: ml, environment: stage}]}", "ml", map[string]string{"env": "dev"}, policy.Use{Environment: "stage"}},
	} {
		var asked policy.Use
		r := create(volumes(pinned(good)))
		r.Namespace, r.NamespaceLabels = tt.namespace, tt.labels
		gate(t, tt.section, judge(func(ctx context.Context, ref artifact.Reference, use policy.Use) (*check.Report, error) {
			asked = use
			return byDigest(ctx, ref, use)
		})).Admit(t.Context(), r)
		if asked != tt.want {
			t.Errorf("%s: asked for %+v", tt.section, asked)
		}
	}
}

// Which container images are models is for the policy's scopes to say, also
// where an image leaves out its registry.
func TestAdmitImages(t *testing.T) {
	const section = "scopes: [{name: ours, prefix: r.io/models/, allowUnsigned: true}, {name: hub, prefix: docker.io/acme/, allowUnsigned: true}]"
	for image, model := range map[string]bool{
		"r.io/models/a@" + good.String(): true, "r.io/server:1": false, "nginx": false, "nginx:1": false, "library/nginx": false,
		"acme/m@" + good.String(): true, "acme/m": true, "index.docker.io/acme/m:1": true, "localhost/acme/m:1": false,
		"r.io/{{.Name}}:1": true, "oci://r.io/server:1": true, " r.io/server:1": true,
	} {
		object := fmt.Sprintf(`{"apiVersion":"v1","kind":"Pod","metadata":{},"spec":{"containers":[{"image":%q}]}}`, image)
		for _, scoped := range []bool{true, false} {
			s := section
			if !scoped {
				s = ""
			}
			d := gate(t, s, judge(byDigest)).Admit(t.Context(), admission.Request{Operation: admission.Create, Object: []byte(object)})
			want := model && scoped
			if (len(d.Judgements) == 1) != want || (d.Images == 1) == want {
				t.Errorf("%q, scoped %v: %d judged, %d not: %s", image, scoped, len(d.Judgements), d.Images, d.Response.Message)
			}
		}
	}
}

// What a policy names beside the table is looked at too.
func TestAdmitFurtherPlaces(t *testing.T) {
	const section = `
admission:
  annotations: [acme.example/model]
  references:
    - {kind: example.com/Widget, path: "spec.engines[].model"}
    - {kind: example.com/Gadget, none: true}
    - {kind: ConfigMap, path: data.model}
`
	g := gate(t, section, judge(byDigest))
	for name, tt := range map[string]struct {
		object string
		want   []string
	}{
		"widget":     {`{"apiVersion":"example.com/v2","kind":"Widget","spec":{"engines":[{"model":"oci://` + pinned(bad) + `"},{"model":"hf://a/b"}]}}`, []string{"/spec/engines/0/model summary-missing", "/spec/engines/1/model source-not-verifiable"}},
		"gadget":     {`{"apiVersion":"example.com/v2","kind":"Gadget","spec":{}}`, nil},
		"config map": {`{"apiVersion":"v1","kind":"ConfigMap","data":{"model":"` + pinned(bad) + `"}}`, []string{"/data/model summary-missing"}},
		"annotations": {`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"annotations":{"acme.example/model":"` + pinned(bad) + `"}},"spec":{"template":{"metadata":{"annotations":{"acme.example/model":"a/b"}},"spec":{}}}}`,
			[]string{"/metadata/annotations/acme.example~1model summary-missing", "/spec/template/metadata/annotations/acme.example~1model reference-malformed"}},
		"widgets": {`{"apiVersion":"example.com/v2","kind":"WidgetList","items":[{"apiVersion":"example.com/v2","kind":"Widget","spec":{"engines":[{"model":"x"}]}}]}`, []string{"/items/0/spec/engines/0/model reference-malformed"}},
	} {
		d := g.Admit(t.Context(), admission.Request{Operation: admission.Create, Object: []byte(tt.object)})
		var got []string
		for _, j := range d.Judgements {
			got = append(got, j.Pointer+" "+j.Reasons[0].Code)
		}
		if !slices.Equal(got, tt.want) || d.Response.Allowed != (tt.want == nil) {
			t.Errorf("%s: %q %s", name, got, d.Response.Message)
		}
	}
}

// What looks like a model where none is expected is mentioned.
func TestAdmitMentions(t *testing.T) {
	const object = `{"apiVersion":"v1","kind":"Pod","metadata":{"annotations":{"m":"hf://a/b"}},"status":{"image":"r.io/s:1"},"spec":{"future":{"model":"oci://r.io/f:1"},"containers":[` +
		`{"image":"r.io/server:1","args":["--model=s3://b/m","-v","https://huggingface.co/a/b"],"env":[{"name":"X","value":"r.io/x:1"},{"name":"Y","value":"http://svc:80/v1"}]}]}}`
	d := gate(t, "", judge(byDigest)).Admit(t.Context(), admission.Request{Operation: admission.Create, Object: []byte(object)})
	all := strings.Join(d.Warnings, "\n")
	if !d.Response.Allowed || len(d.Warnings) != 5 {
		t.Errorf("%s\n%s", d.Response.Message, all)
	}
	for _, want := range []string{`"hf://a/b" at /metadata/annotations/m`, `"s3://b/m" at /spec/containers/0/args/0`, `"https://huggingface.co/a/b"`, `"r.io/x:1"`, `"oci://r.io/f:1" at /spec/future/model`} {
		if !strings.Contains(all, want) {
			t.Errorf("%s is not in\n%s", want, all)
		}
	}
	d = gate(t, `scopes: [{name: ours, prefix: "r.io/x:", allowUnsigned: true}]`, judge(byDigest)).Admit(t.Context(), admission.Request{Operation: admission.Create, Object: []byte(object)})
	if all = strings.Join(d.Warnings, "\n"); len(d.Warnings) != 4 || strings.Contains(all, "r.io/f:1") {
		t.Errorf("what no scope is for is mentioned: %s", all)
	}
}

// People read a denial in one line, with the command in it, whatever strangers
// wrote.
func TestAdmitIsBrief(t *testing.T) {
	var many []string
	for i := range 300 {
		many = append(many, fmt.Sprintf("r.io/%s%03d@%s", strings.Repeat("m", 180), i, bad))
	}
	for _, section := range []string{"", "admission: {mode: warn}"} {
		d := gate(t, section, judge(byDigest)).Admit(t.Context(), create(volumes(many...)))
		if len(d.Response.Message) > admission.MaxMessage || !strings.Contains(d.Response.Message, "modelcheck attest r.io/") || !strings.HasSuffix(d.Response.Message, "and 297 more references") {
			t.Errorf("%d bytes: %s", len(d.Response.Message), d.Response.Message)
		}
		total := 0
		for _, w := range d.Warnings {
			if total += len(w); len(w) > 255 {
				t.Errorf("%d bytes: %s", len(w), w)
			}
		}
		if total > 4096 {
			t.Errorf("%d bytes of warnings", total)
		}
	}
	d := gate(t, "", judge(byDigest)).Admit(t.Context(), create(volumes("evil\u202e\x1b[31m\nallowed: true")))
	if d.Response.Allowed || strings.ContainsAny(d.Response.Message, "\x1b\n\u202e") {
		t.Errorf("%q", d.Response.Message)
	}
}

// A line of the log is enough to decide again.
func TestReplay(t *testing.T) {
	g := gate(t, "admission: {unverifiable: warn}", judge(byDigest))
	for name, r := range map[string]admission.Request{
		"allowed":      create(volumes(pinned(good))),
		"denied":       create(volumes(pinned(bad), pinned(good))),
		"a tag":        create(volumes("r.io/m:good")),
		"a bad tag":    create(volumes("r.io/m:bad")),
		"pinned":       {Operation: admission.Create, Object: volumes("r.io/m:good"), Pins: true},
		"malformed":    create([]byte(`{}`)),
		"no reference": create(volumes("tiny")),
		"elsewhere":    {Operation: admission.Create, Object: []byte(`{"apiVersion":"mlops.seldon.io/v1alpha1","kind":"Model","spec":{"storageUri":"gs://b/m"}}`)},
		"deletion":     {Operation: admission.Delete},
		"no operation": {},
	} {
		d := g.Admit(t.Context(), r)
		line, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var earlier admission.Decision
		if err := json.Unmarshal(line, &earlier); err != nil {
			t.Fatal(err)
		}
		again := g.Replay(t.Context(), earlier)
		if again.Outcome != d.Outcome || again.Response.Allowed != d.Response.Allowed || !reflect.DeepEqual(again.Codes(), d.Codes()) || len(again.Judgements) != len(d.Judgements) {
			t.Errorf("%s: %v %v, now %v %v", name, d.Outcome, d.Codes(), again.Outcome, again.Codes())
		}
		if strings.Contains(string(line), `"spec"`) {
			t.Errorf("%s: the object is in the log: %s", name, line)
		}
	}
	// What was allowed is not any more, once the record says so.
	d := g.Admit(t.Context(), create(volumes(pinned(good))))
	later := gate(t, "admission: {unverifiable: warn}", judge(func(ctx context.Context, ref artifact.Reference, use policy.Use) (*check.Report, error) {
		r, err := byDigest(ctx, ref.WithDigest(bad), use)
		r.Reference, r.Resolved.Digest = ref.String(), ref.Digest()
		return r, err
	}))
	if again := later.Replay(t.Context(), d); again.Response.Allowed {
		t.Errorf("%+v", again.Response)
	}
}

// The answer of a pinning hook says what to write.
func TestAdmitPins(t *testing.T) {
	r := create([]byte(`{"apiVersion":"serving.kserve.io/v1beta1","kind":"InferenceService","metadata":{},"spec":{"predictor":{"model":{"storageUri":"oci://r.io/m:good"},"volumes":[{"image":{"reference":"r.io/m:good"}},{"image":{"reference":"` + pinned(good) + `"}},{"image":{"reference":"r.io/m:bad"}}]}}}`))
	r.Kind, r.APIVersion, r.Pins = "", "", true
	d := gate(t, "", judge(byDigest)).Admit(t.Context(), r)
	got := map[string]string{}
	for _, j := range d.Judgements {
		got[j.Pointer] = j.Pin
	}
	want := map[string]string{
		"/spec/predictor/model/storageUri":          "oci://r.io/m:good@" + good.String(),
		"/spec/predictor/volumes/0/image/reference": "r.io/m:good@" + good.String(),
		"/spec/predictor/volumes/1/image/reference": "",
		"/spec/predictor/volumes/2/image/reference": "",
	}
	if !reflect.DeepEqual(got, want) || d.Response.Allowed {
		t.Errorf("%v", got)
	}
}
