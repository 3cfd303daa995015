//go:build e2e

package main_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

// A door is a cluster with the webhook before it, and models in every state.
type door struct {
	*reviewing
	*cluster
	ci keyPair // of the pipeline that verifies

	approved, unsigned, unverified, unreviewed, revoked, expired published
}

// startDoor publishes the models: each but the first lacks one thing.
func startDoor(t *testing.T) *door {
	t.Helper()
	b := startBed(t)
	d := &door{reviewing: &reviewing{bed: b, by: newUser(t, b.workshop)}, ci: b.newKey(t, "ci")}
	criteria, _ := d.modelcheck(t, 0, "review", "criteria")
	criterion := regexp.MustCompile(`id: license-acceptable, digest: ("sha256:[0-9a-f]+")`).FindStringSubmatch(criteria)
	if criterion == nil {
		t.Fatalf("no criterion in %s", criteria)
	}
	// The pipeline verifies; people review what it verified.
	head := fmt.Sprintf(`apiVersion: modelcheck/v1
kind: Policy
trustedRoots:
  - {name: bed, file: %q}
signers:
  - {name: publisher, relation: producer, keyless: {issuer: %[2]q, subject: %[3]q}}
  - {name: ci, relation: verifier, key: {file: %[4]q}}
`, b.trustedRoot, b.people.url, alice, d.ci.public)
	const summaries = "summaries:\n  signedBy: {anyOf: [ci]}\n  maxAge: 1d\n  time: stated\n"
	ci := b.write(t, "ci.yaml", []byte(head+"require: {signatures: {anyOf: [publisher]}}\n"+summaries))
	// Two days ago nobody had signed yet.
	old := b.write(t, "old.yaml", []byte("apiVersion: modelcheck/v1\nkind: Policy\nallowUnsigned: true\n"))
	d.policy = b.write(t, "policy.yaml", fmt.Appendf(nil, `%s  - {name: lena, keyless: {issuer: %q, subject: %q}}
criteria:
  - {id: license-acceptable, digest: %s}
reviewers:
  - {name: Lena, roles: [legal], signers: [lena]}
require:
  signatures: {anyOf: [publisher]}
  reviews: {quorum: [{role: legal, criteria: [license-acceptable]}]}
scopes:
  - {name: models, prefix: %q}
%s  policies: [%q, %q]
`, head, b.people.url, lena, criterion[1], b.registries[0].host+"/models/", summaries, digestOf(t, ci), digestOf(t, old)))
	state := func(name string, signed, verified, reviewed bool) published {
		p := d.publishTiny(t, "models/"+name, name, signed)
		if reviewed {
			d.review(t, p, lena, "--role", "legal", "--decision", "approve", "--met", "license-acceptable")
			d.judge(t, p).expect(t, exitAllow, "allow", "")
		}
		switch {
		case verified && reviewed:
			d.modelcheck(t, 0, "attest", p.pinned(), "--policy", d.policy, "--key", d.ci.private)
		case verified: // by a pipeline that asks for no reviews
			d.modelcheck(t, 0, "attest", p.pinned(), "--policy", ci, "--key", d.ci.private)
		}
		return p
	}
	d.approved = state("approved", true, true, true)
	d.unsigned = state("unsigned", false, false, false)
	d.unverified = state("unverified", true, false, true)
	d.unreviewed = state("unreviewed", true, true, false)
	d.revoked = state("revoked", true, true, true)
	d.expired = d.publishTiny(t, "models/expired", "expired", true)
	d.attestBefore(t, d.expired, old, 48*time.Hour)
	d.review(t, d.expired, lena, "--role", "legal", "--decision", "approve", "--met", "license-acceptable")
	d.cluster = startCluster(t, b.workshop)
	return d
}

// attestBefore attests as the pipeline did some time ago.
func (d *door) attestBefore(t *testing.T, p published, policyFile string, ago time.Duration) {
	t.Helper()
	pol, err := policy.Parse(readFile(t, policyFile))
	if err == nil {
		err = pol.Resolve(os.ReadFile)
	}
	if err != nil {
		t.Fatal(err)
	}
	cfg := check.Config{Policy: pol, Now: func() time.Time { return time.Now().Add(-ago) }}
	checker, err := check.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := check.NewSigner(t.Context(), check.SignConfig{Access: cfg, Key: readFile(t, d.ci.private), TrustedRoot: readFile(t, d.trustedRoot)})
	if err != nil {
		t.Fatal(err)
	}
	ref, err := artifact.ParseReference(p.pinned())
	if err != nil {
		t.Fatal(err)
	}
	report, err := checker.Attest(t.Context(), ref, check.RecordConfig{Signer: signer})
	if err != nil || !report.Verdict.Allowed() {
		t.Fatalf("%v, %+v", err, report.Verdict)
	}
}

func (d *door) publishTiny(t *testing.T, repository, notice string, signed bool) published {
	t.Helper()
	files := tinyModel()
	files["NOTICE"] = []byte(notice + "\n")
	folder := t.TempDir()
	writeFiles(t, folder, files)
	p := d.push(t, d.registries[0], repository, folder)
	if signed {
		d.by.sign(t, 0, nil, append(d.services(), "--identity-token", d.people.person(t, alice), p.pinned())...)
	}
	return p
}

// podSpec mounts a model into a Pod.
func podSpec(ref, more string) string {
	return fmt.Sprintf(`{"containers":[{"name":"server","image":"registry.example/server@sha256:%s"}],"restartPolicy":"Never","volumes":[{"name":"m","image":{"reference":%q}}]%s}`,
		strings.Repeat("0", 64), ref, more)
}

// workloads are objects that name a model each, by what they are.
func workloads(ref string) map[string]string {
	object := func(version, kind, name, rest string) string {
		return fmt.Sprintf(`{"apiVersion":%q,"kind":%q,"metadata":{"name":%q,"namespace":"default"},%s}`, version, kind, name, rest)
	}
	always := strings.Replace(podSpec(ref, ""), `"Never"`, `"Always"`, 1)
	template := func(spec string) string {
		return `"template":{"metadata":{"labels":{"app":"x"}},"spec":` + spec + `}`
	}
	selected := `"selector":{"matchLabels":{"app":"x"}},`
	return map[string]string{
		"image volume":     object("v1", "Pod", "volume", `"spec":`+podSpec(ref, "")),
		"container":        object("v1", "Pod", "container", fmt.Sprintf(`"spec":{"containers":[{"name":"c","image":%q}]}`, ref)),
		"init container":   object("v1", "Pod", "init", fmt.Sprintf(`"spec":{"initContainers":[{"name":"i","image":%q}],"containers":[{"name":"c","image":"nginx"}]}`, ref)),
		"Deployment":       object("apps/v1", "Deployment", "x", `"spec":{`+selected+template(always)+`}`),
		"StatefulSet":      object("apps/v1", "StatefulSet", "x", `"spec":{"serviceName":"x",`+selected+template(always)+`}`),
		"DaemonSet":        object("apps/v1", "DaemonSet", "x", `"spec":{`+selected+template(always)+`}`),
		"ReplicaSet":       object("apps/v1", "ReplicaSet", "x", `"spec":{`+selected+template(always)+`}`),
		"Job":              object("batch/v1", "Job", "x", `"spec":{`+template(podSpec(ref, ""))+`}`),
		"CronJob":          object("batch/v1", "CronJob", "x", `"spec":{"schedule":"0 4 * * *","jobTemplate":{"spec":{`+template(podSpec(ref, ""))+`}}}`),
		"InferenceService": object("serving.kserve.io/v1beta1", "InferenceService", "x", fmt.Sprintf(`"spec":{"predictor":{"model":{"modelFormat":{"name":"huggingface"},"storageUri":"oci://%s"}}}`, ref)),
		"Workspace":        object("kaito.sh/v1beta1", "Workspace", "x", fmt.Sprintf(`"resource":{"instanceType":"x"},"inference":{"preset":{"name":"r1","presetOptions":{"image":%q}}}`, ref)),
	}
}

// define makes the API server know a kind, without saying what is in it.
func (c *cluster) define(t *testing.T, group, version, kind string) {
	t.Helper()
	plural := strings.ToLower(kind) + "s"
	definition := map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": map[string]any{"name": plural + "." + group},
		"spec": map[string]any{
			"group": group, "scope": "Namespaced", "names": map[string]any{"kind": kind, "plural": plural, "singular": strings.ToLower(kind)},
			"versions": []any{map[string]any{"name": version, "served": true, "storage": true, "schema": map[string]any{
				"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true},
			}}},
		},
	}
	c.apply(t, definition, false).accepted(t)
	eventually(t, "the API server serves "+kind, func() error {
		if a := c.do(t, http.MethodGet, "/apis/"+group+"/"+version+"/namespaces/default/"+plural, nil); a.status != http.StatusOK {
			return fmt.Errorf("HTTP %d", a.status)
		}
		return nil
	})
}

// enforce registers the webhooks and waits until the API server asks them.
func (d *door) enforce(t *testing.T, h *hook) {
	t.Helper()
	d.register(t, d.kustomize(t, filepath.Join(repositoryRoot, "deploy/kubernetes/base")), map[string]*hook{"/validate": h})
	pod := []byte(workloads(d.unverified.pinned())["image volume"])
	waitsFor(t, "the API server asks the webhook", func() answer { return d.create(t, pod, "?dryRun=All") }, "summary-missing")
}

// admit judges an object in a file, and returns the exit status and the report.
func (d *door) admit(t *testing.T, object string) (int, string) {
	t.Helper()
	file := d.write(t, "object.json", []byte(object))
	out, err := d.command(beforeDeadline(t), d.by.binary, "admit", "-f", file, "--policy", d.policy).CombinedOutput()
	code, err := exitCode(err)
	if err != nil {
		t.Fatal(err)
	}
	return code, string(out)
}

// TestE2EAdmission: behind a real API server, approved models come in and others
// do not, each with its reason and what to run; and so it is by `admit -f`.
func TestE2EAdmission(t *testing.T) {
	d := startDoor(t)
	d.define(t, "serving.kserve.io", "v1beta1", "InferenceService")
	d.define(t, "kaito.sh", "v1beta1", "Workspace")
	h := d.by.startHook(t, "hook", d.policy, nil, "--cache-allowed", "1ms", "--cache-refused", "1ms", "--reload", "100ms", "--drain", "100ms")
	// What was there before the webhook.
	stale := strings.ReplaceAll(workloads(d.unverified.pinned())["Deployment"], `"name":"x","namespace"`, `"name":"stale","namespace"`)
	d.create(t, []byte(stale), "").accepted(t)
	d.enforce(t, h)

	t.Run("kinds", func(t *testing.T) {
		bad := workloads(d.unverified.pinned())
		for kind, object := range workloads(d.approved.pinned()) {
			d.create(t, []byte(object), "?dryRun=All").accepted(t)
			d.create(t, []byte(object), "").accepted(t)
			d.create(t, []byte(bad[kind]), "").refused(t, d.unverified.pinned(), "summary-missing", "; run: modelcheck ", d.unverified.pinned()+" --policy policy.yaml")
			if code, out := d.admit(t, object); code != exitAllow {
				t.Errorf("admit -f of an approved %s: exit %d\n%s", kind, code, out)
			}
			if code, out := d.admit(t, bad[kind]); code != exitDeny || !strings.Contains(out, "summary-missing") || !strings.Contains(out, "modelcheck ") {
				t.Errorf("admit -f of an unverified %s: exit %d\n%s", kind, code, out)
			}
		}
	})
	t.Run("states", func(t *testing.T) {
		d.modelcheck(t, 0, append([]string{"review", "violation", d.revoked.pinned(), "--policy", d.policy, "--role", "legal", "--reason", "leaks data"}, d.as(t, lena)...)...)
		for name, c := range map[string]struct {
			ref, reason, run string
			exit             int
		}{
			"unsigned":                        {d.unsigned.pinned(), "signature-missing", "modelcheck", exitDeny},
			"unreviewed":                      {d.unreviewed.pinned(), "review-missing", "modelcheck review show " + d.unreviewed.pinned(), exitHold},
			"revoked":                         {d.revoked.pinned(), "review-violation", "modelcheck review show " + d.revoked.pinned(), exitDeny},
			"expired":                         {d.expired.pinned(), "summary-stale", "modelcheck", exitDeny},
			"a tag":                           {d.approved.tag(), "reference-unpinned", "--write-digests", exitDeny},
			"a digest that is not there":      {d.approved.repository + "@sha256:" + strings.Repeat("1", 64), "not-found", "modelcheck verify", exitNoVerdict},
			"another repository's":            {d.unsigned.repository + "@" + d.approved.digest, "", "modelcheck", 0},
			"a registry that does not answer": {freeAddress(t) + "/models/approved@" + d.approved.digest, "unreachable", "modelcheck verify", exitNoVerdict},
			"no registry":                     {"oci://models/approved", "reference-malformed", "", exitDeny},
		} {
			object := workloads(c.ref)["image volume"]
			object = strings.Replace(object, `"volume"`, `"state"`, 1)
			d.create(t, []byte(object), "").refused(t, c.reason, c.run)
			if code, out := d.admit(t, object); code == exitAllow || c.exit != 0 && code != c.exit || !strings.Contains(out, c.reason) {
				t.Errorf("admit -f of %s: exit %d, want %d\n%s", name, code, c.exit, out)
			}
		}
	})
	t.Run("updates", func(t *testing.T) { d.updates(t, h) })
	t.Run("namespaces", func(t *testing.T) {
		// The guard against locking oneself out: kube-system is not asked about.
		object := strings.Replace(workloads(d.unverified.pinned())["image volume"], `"default"`, `"kube-system"`, 1)
		d.create(t, []byte(object), "?dryRun=All").accepted(t)
		// A tenant's label on its own namespace changes nothing.
		d.create(t, []byte(`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"tenant","labels":{"modelcheck":"off","admission.modelcheck.dev/ignore":"true"}}}`), "").accepted(t)
		object = strings.Replace(workloads(d.unverified.pinned())["image volume"], `"default"`, `"tenant"`, 1)
		d.create(t, []byte(object), "").refused(t, "summary-missing")
	})
	t.Run("moved tag", func(t *testing.T) { d.movedTag(t) })
	t.Run("broken policy", func(t *testing.T) {
		text := readFile(t, d.policy)
		defer d.write(t, "policy.yaml", text)
		d.write(t, "policy.yaml", []byte("kind: Nonsense\n"))
		eventually(t, "readiness says that the policy is broken", func() error {
			if body := h.readiness(t); !strings.Contains(body, "ready\nbut: ") {
				return fmt.Errorf("%s", body)
			}
			return nil
		})
		d.create(t, []byte(strings.Replace(workloads(d.approved.pinned())["image volume"], `"volume"`, `"while-broken"`, 1)), "").accepted(t)
		d.create(t, []byte(workloads(d.unverified.pinned())["image volume"]), "").refused(t, "summary-missing")
	})
	t.Run("rolling restart", func(t *testing.T) { d.rolling(t, h) })
	t.Run("stopped", func(t *testing.T) { d.stopped(t, h) })
}

// readiness is what /readyz says.
func (h *hook) readiness(t *testing.T) string {
	t.Helper()
	res, err := h.client.Get("https://" + h.address + "/readyz")
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	var b strings.Builder
	if err := res.Write(&b); err != nil {
		return err.Error()
	}
	_, body, _ := strings.Cut(b.String(), "\r\n\r\n")
	return body
}

// decisions counts the lines of the decision log.
func (h *hook) decisions(t *testing.T) int {
	t.Helper()
	return bytes.Count(readFile(t, h.log), []byte("\n"))
}

// updates: what stood there before may go on and end; nothing new comes in by
// an update.
func (d *door) updates(t *testing.T, h *hook) {
	deployments := "/apis/apps/v1/namespaces/default/deployments/"
	patch := func(path, body string) answer { return d.do(t, http.MethodPatch, path, []byte(body)) }
	volume := func(ref string) string {
		return fmt.Sprintf(`{"spec":{"template":{"spec":{"volumes":[{"name":"m","image":{"reference":%q}}]}}}}`, ref)
	}
	patch(deployments+"stale/scale", `{"spec":{"replicas":3}}`).accepted(t)
	asked := h.decisions(t)
	patch(deployments+"stale", `{"metadata":{"labels":{"a":"b"}}}`).accepted(t)
	if got := h.decisions(t); got != asked {
		t.Errorf("a new label led to %d decisions", got-asked)
	}
	patch(deployments+"stale", `{"metadata":{"annotations":{"a":"b"}}}`).accepted(t)
	patch(deployments+"stale", `{"metadata":{"annotations":{"a":"c"}}}`).accepted(t)
	if got := h.decisions(t); got != asked+2 {
		t.Errorf("two new annotations led to %d decisions", got-asked)
	}
	patch(deployments+"stale", `{"spec":{"replicas":2}}`).accepted(t)
	patch(deployments+"stale", volume(d.unreviewed.pinned())).refused(t, "review-missing")
	patch(deployments+"stale", volume(d.approved.pinned())).accepted(t)
	patch(deployments+"stale", volume(d.unverified.pinned())).refused(t, "summary-missing")
	if a := patch(deployments+"stale?dryRun=All", volume(d.unverified.pinned())); a.status < 400 {
		t.Error("a dry run is let in")
	}
	// Containers that are added to a Pod that runs.
	pods := "/api/v1/namespaces/default/pods/"
	ephemeral := func(ref string) string {
		return fmt.Sprintf(`{"spec":{"ephemeralContainers":[{"name":"debug","image":%q,"targetContainerName":"server"}]}}`, ref)
	}
	patch(pods+"volume/ephemeralcontainers", ephemeral(d.unverified.pinned())).refused(t, "summary-missing")
	patch(pods+"volume/ephemeralcontainers", ephemeral(d.approved.tag())).refused(t, "reference-unpinned")
	patch(pods+"volume/ephemeralcontainers", ephemeral(d.approved.pinned())).accepted(t)
	patch(pods+"volume", fmt.Sprintf(`{"spec":{"containers":[{"name":"server","image":%q}]}}`, d.unverified.pinned())).refused(t, "summary-missing")
	d.do(t, http.MethodDelete, deployments+"stale", nil).accepted(t)
	d.do(t, http.MethodDelete, pods+"container", nil).accepted(t)
}

// movedTag: with /mutate, a tag becomes the digest that was judged; moved to
// something else, it is not what was judged.
func (d *door) movedTag(t *testing.T) {
	h := d.by.startHook(t, "mutating", d.policy, nil, "--mutate", "--drain", "100ms")
	objects := kubeObjects(t, readFile(t, filepath.Join(repositoryRoot, "deploy/kubernetes/components/mutate/webhook.yaml")))
	d.register(t, objects, map[string]*hook{"/mutate": h})
	tag := d.approved.tag()
	pod := func(name string) []byte {
		return []byte(strings.Replace(workloads(tag)["image volume"], `"volume"`, fmt.Sprintf("%q", name), 1))
	}
	eventually(t, "the API server asks the webhook to write digests", func() error {
		if a := d.create(t, pod("before"), "?dryRun=All"); a.status != http.StatusCreated {
			return fmt.Errorf("HTTP %d: %s", a.status, a.body)
		}
		return nil
	})
	made := d.create(t, pod("before"), "").accepted(t)
	if want := d.approved.tag() + "@" + d.approved.digest; !strings.Contains(string(made.body), want) {
		t.Errorf("%q is not in %s", want, made.body)
	}
	d.publishTiny(t, "models/approved", "something else", true)
	d.create(t, pod("after"), "").refused(t, "summary-missing")
	h.stop(t)
	d.do(t, http.MethodDelete, "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/modelcheck-admission", nil).accepted(t)
	waitsFor(t, "the API server no longer asks it", func() answer { return d.create(t, pod("later"), "?dryRun=All") }, "validate.admission.modelcheck.dev")
}

// rolling: while objects come in, both replicas are replaced; each request is
// judged, and rightly.
func (d *door) rolling(t *testing.T, first *hook) {
	between := startBalancer(t)
	replica := func(name string) *hook { return d.by.startHook(t, name, d.policy, first, "--drain", "1s") }
	a, b := replica("replica-a"), replica("replica-b")
	between.route(a) // the API server keeps to one connection
	front := *a
	front.address = between.Addr().String()
	d.register(t, d.kustomize(t, filepath.Join(repositoryRoot, "deploy/kubernetes/base")), map[string]*hook{"/validate": &front})
	eventually(t, "the API server asks the replicas", func() error {
		d.create(t, []byte(workloads(d.unverified.pinned())["image volume"]), "?dryRun=All").refused(t, "summary-missing")
		if a.decisions(t)+b.decisions(t) == 0 {
			return errors.New("not yet")
		}
		return nil
	})
	before := a.decisions(t) + b.decisions(t)
	good := []byte(strings.Replace(workloads(d.approved.pinned())["image volume"], `"volume"`, `"rolling"`, 1))
	bad := []byte(strings.Replace(workloads(d.unverified.pinned())["image volume"], `"volume"`, `"rolling"`, 1))
	stop := make(chan struct{})
	var sent atomic.Int64
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if got := d.create(t, good, "?dryRun=All"); got.status != http.StatusCreated {
					t.Errorf("an approved model: HTTP %d %s", got.status, got.Message)
				}
				if got := d.create(t, bad, "?dryRun=All"); got.status != http.StatusForbidden || !strings.Contains(got.Message, "summary-missing") {
					t.Errorf("an unverified model: HTTP %d %s", got.status, got.Message)
				}
				sent.Add(2)
			}
		})
	}
	some := func(n int64) {
		eventually(t, "requests were answered", func() error {
			if sent.Load() < n {
				return errors.New("not yet")
			}
			return nil
		})
	}
	some(40)
	between.route(b) // a is about to be stopped, and gets no new connections
	a.stop(t)
	some(sent.Load() + 40)
	c := replica("replica-c")
	between.route(c)
	b.stop(t)
	some(sent.Load() + 40)
	close(stop)
	wait.Wait()
	judged := -before
	for _, h := range []*hook{a, b, c} {
		n := h.decisions(t)
		if judged += n; n == 0 {
			t.Errorf("%s was not asked", h.name)
		}
	}
	if int64(judged) != sent.Load() {
		t.Errorf("%d requests, and %d decisions", sent.Load(), judged)
	}
	t.Logf("%d requests by 4 clients; decisions by replica: %d %d %d", sent.Load(), a.decisions(t), b.decisions(t), c.decisions(t))
	d.register(t, d.kustomize(t, filepath.Join(repositoryRoot, "deploy/kubernetes/base")), map[string]*hook{"/validate": first})
	eventually(t, "the API server asks the first webhook again", func() error {
		n := first.decisions(t)
		d.create(t, bad, "?dryRun=All")
		if first.decisions(t) == n {
			return errors.New("not yet")
		}
		return nil
	})
}

// stopped: without the webhook nothing comes in, and what names no digest is
// told so by the API server itself.
func (d *door) stopped(t *testing.T, h *hook) {
	for _, o := range d.kustomize(t, filepath.Join(repositoryRoot, "deploy/kubernetes/base")) {
		if strings.HasPrefix(o["kind"].(string), "ValidatingAdmissionPolicy") {
			d.apply(t, o, false).accepted(t)
		}
	}
	pod := func(ref string) []byte {
		return []byte(strings.Replace(workloads(ref)["image volume"], `"volume"`, `"stopped"`, 1))
	}
	waitsFor(t, "the API server's own policy is in force", func() answer { return d.create(t, pod(d.approved.tag()), "?dryRun=All") }, "modelcheck-pinned")
	d.create(t, pod(d.approved.pinned()), "?dryRun=All").accepted(t)
	h.stop(t)
	for _, object := range workloads(d.approved.pinned()) {
		object = strings.Replace(object, `"namespace":"default"`, `"namespace":"default","labels":{"again":"yes"}`, 1)
		d.create(t, []byte(object), "?dryRun=All").refused(t, "failed calling webhook")
	}
	for kind, object := range workloads(d.approved.tag()) {
		switch kind {
		case "container", "init container", "Workspace": // only the webhook knows these
			continue
		}
		d.create(t, []byte(object), "?dryRun=All").refused(t, "modelcheck-pinned", "reference-unpinned")
	}
	d.do(t, http.MethodDelete, "/api/v1/namespaces/default/pods/volume", nil).accepted(t)
	if n := h.decisions(t); n < 50 {
		t.Errorf("the decision log has %d lines", n)
	}
}
