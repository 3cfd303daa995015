//go:build e2e

package main_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/modelcheck/modelcheck/pkg/policy"
)

// A hook is `modelcheck admission serve` on loopback.
type hook struct {
	*server
	address string
	root    *authority // of its certificate
	client  *http.Client
	log     string // file of the decisions
}

// startHook runs the webhook under a policy until it is ready. Its certificate
// is by a new authority, or by that of the other hook.
func (u user) startHook(t *testing.T, name, policy string, of *hook, args ...string) *hook {
	t.Helper()
	var root *authority
	if of != nil {
		root = of.root
	} else {
		root = newAuthority(t, "modelcheck test webhook", nil, 0)
	}
	template := certificateTemplate(t, "127.0.0.1")
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	leaf := sign(t, template, root)
	h := &hook{address: freeAddress(t), root: root, log: u.path(name + ".jsonl")}
	pool := x509.NewCertPool()
	pool.AddCert(root.cert)
	h.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 64}}
	h.server = u.launch(t, name, u.binary, append([]string{
		"admission", "serve", "--policy", policy, "--listen", h.address, "--metrics-listen", freeAddress(t), "--log", h.log,
		"--tls-cert", u.write(t, name+"/tls.crt", pemChain(leaf.cert)), "--tls-key", u.write(t, name+"/tls.key", pemPrivate(t, leaf.key)),
	}, args...)...)
	h.ready(t, "is ready", func() error {
		res, err := h.client.Get("https://" + h.address + "/readyz")
		if err != nil {
			return err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if res.StatusCode != http.StatusOK {
			err = fmt.Errorf("HTTP %d: %s", res.StatusCode, body)
		}
		return err
	})
	return h
}

// stop tells the webhook to end, and waits for it.
func (h *hook) stop(t *testing.T) {
	t.Helper()
	if err := h.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-h.ended
	if code := h.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("the webhook ended with %d", code)
	}
}

// A balancer sends connections to the hooks that are ready, as a Service does.
type balancer struct {
	net.Listener
	mu    sync.Mutex
	hooks []*hook // that get connections
	turn  int
}

func startBalancer(t *testing.T) *balancer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &balancer{Listener: listener}
	t.Cleanup(func() { _ = b.Close() })
	go func() {
		for {
			in, err := b.Accept()
			if err != nil {
				return
			}
			go b.forward(in)
		}
	}()
	return b
}

func (b *balancer) forward(in net.Conn) {
	defer in.Close()
	b.mu.Lock()
	if len(b.hooks) == 0 {
		b.mu.Unlock()
		return
	}
	b.turn++
	to := b.hooks[b.turn%len(b.hooks)].address
	b.mu.Unlock()
	out, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer out.Close()
	ended := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
		go func() {
			_, _ = io.Copy(way[0], way[1])
			ended <- struct{}{}
		}()
	}
	<-ended
}

// route sends new connections to these hooks alone.
func (b *balancer) route(hooks ...*hook) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hooks = hooks
}

// kubeObjects reads the objects of a YAML stream.
func kubeObjects(t *testing.T, stream []byte) []map[string]any {
	t.Helper()
	var out []map[string]any
	for dec := yaml.NewDecoder(bytes.NewReader(stream)); ; {
		var o map[string]any
		err := dec.Decode(&o)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(o) > 0 {
			out = append(out, o)
		}
	}
}

func asJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// repositoryRoot is where deploy/ lies.
const repositoryRoot = "../.."

// kustomize builds a folder of deploy/kubernetes.
func (w *workshop) kustomize(t *testing.T, folder string) []map[string]any {
	t.Helper()
	path, err := filepath.Abs(folder)
	if err != nil {
		t.Fatal(err)
	}
	return kubeObjects(t, w.run(t, "kustomize", "build", path))
}

// helm renders the chart.
func (w *workshop) helm(t *testing.T, args ...string) []map[string]any {
	t.Helper()
	chart, err := filepath.Abs(filepath.Join(repositoryRoot, "deploy/kubernetes/chart"))
	if err != nil {
		t.Fatal(err)
	}
	return kubeObjects(t, w.run(t, "helm", append([]string{"template", "modelcheck", chart, "--namespace", "modelcheck-system"}, args...)...))
}

// register puts the webhook configurations of deploy/ before the API server,
// with the hook's address in place of a Service's: there is no network of Pods.
func (c *cluster) register(t *testing.T, objects []map[string]any, hooks map[string]*hook) {
	t.Helper()
	for _, o := range objects {
		kind, _ := o["kind"].(string)
		if !strings.HasSuffix(kind, "WebhookConfiguration") {
			continue
		}
		for _, w := range o["webhooks"].([]any) {
			config := w.(map[string]any)["clientConfig"].(map[string]any)
			path := config["service"].(map[string]any)["path"].(string)
			h := hooks[path]
			if h == nil {
				t.Fatalf("nothing serves %s", path)
			}
			delete(config, "service")
			config["url"] = "https://" + h.address + path
			config["caBundle"] = base64.StdEncoding.EncodeToString(pemChain(h.root.cert))
		}
		c.apply(t, o, false).accepted(t)
	}
}

// apply applies an object on the API server's side; dry changes nothing.
func (c *cluster) apply(t *testing.T, o map[string]any, dry bool) answer {
	t.Helper()
	query := "?fieldManager=modelcheck&force=true"
	if dry {
		query += "&dryRun=All"
	}
	return c.do(t, http.MethodPatch, c.path(t, o)+"/"+o["metadata"].(map[string]any)["name"].(string)+query, asJSON(t, o))
}

// path is where objects of this kind lie, as the API server says itself.
func (c *cluster) path(t *testing.T, o map[string]any) string {
	t.Helper()
	version, kind := o["apiVersion"].(string), o["kind"].(string)
	base := "/apis/" + version
	if !strings.Contains(version, "/") {
		base = "/api/" + version
	}
	var list struct {
		Resources []struct {
			Name, Kind string
			Namespaced bool
		}
	}
	parse(t, c.do(t, http.MethodGet, base, nil).accepted(t).body, &list)
	for _, r := range list.Resources {
		if r.Kind != kind || strings.Contains(r.Name, "/") {
			continue
		}
		if !r.Namespaced {
			return base + "/" + r.Name
		}
		namespace, _ := o["metadata"].(map[string]any)["namespace"].(string)
		if namespace == "" {
			namespace = "default"
		}
		return base + "/namespaces/" + namespace + "/" + r.Name
	}
	t.Fatalf("the API server knows no %s of %s", kind, version)
	return ""
}

// create makes an object of JSON.
func (c *cluster) create(t *testing.T, object []byte, query string) answer {
	t.Helper()
	var o map[string]any
	parse(t, object, &o)
	return c.do(t, http.MethodPost, c.path(t, o)+query, object)
}

// digestOf is the digest of a policy file.
func digestOf(t *testing.T, file string) string {
	t.Helper()
	p, err := policy.Parse(readFile(t, file))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Resolve(os.ReadFile); err != nil {
		t.Fatal(err)
	}
	return p.Digest().String()
}

// TestE2EDeploy: what kustomize and Helm make is accepted by the API server, and
// is the same.
func TestE2EDeploy(t *testing.T) {
	w := newWorkshop(t)
	c := startCluster(t, w)
	c.apply(t, map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "modelcheck-system"}}, false).accepted(t)
	component := func(name string) string {
		abs, err := filepath.Abs(filepath.Join(repositoryRoot, "deploy/kubernetes"))
		if err != nil {
			t.Fatal(err)
		}
		// kustomize reads no absolute paths.
		rel, err := filepath.Rel(w.path("overlay-"+name), abs)
		if err != nil {
			t.Fatal(err)
		}
		w.write(t, "overlay-"+name+"/kustomization.yaml", fmt.Appendf(nil, "resources: [%s/base]\ncomponents: [%[1]s/components/%s]\n", rel, name))
		return w.path("overlay-" + name)
	}
	base := filepath.Join(repositoryRoot, "deploy/kubernetes/base")
	for name, both := range map[string][2][]map[string]any{
		"base":             {w.kustomize(t, base), w.helm(t)},
		"mutate":           {w.kustomize(t, component("mutate")), w.helm(t, "--set", "webhook.mutate=true")},
		"namespace labels": {w.kustomize(t, component("namespace-labels")), w.helm(t, "--set", "namespaceLabels=true")},
		"cert-manager":     {w.kustomize(t, component("cert-manager")), w.helm(t, "--set", "tls.certManager=true")},
	} {
		t.Run(name, func(t *testing.T) {
			made := [2]map[string]string{{}, {}}
			for i, objects := range both {
				for _, o := range objects {
					if o["kind"] == "Namespace" {
						continue // Helm has --create-namespace
					}
					name := fmt.Sprint(o["kind"], " ", o["metadata"].(map[string]any)["name"])
					made[i][name] = string(asJSON(t, o))
					if strings.HasPrefix(o["apiVersion"].(string), "cert-manager.io/") {
						continue // the API server does not know it here
					}
					if a := c.apply(t, o, true); a.status != http.StatusOK && a.status != http.StatusCreated {
						t.Errorf("%s: HTTP %d %s", name, a.status, a.body)
					} else if len(a.warnings) > 0 {
						t.Errorf("%s: %q", name, a.warnings)
					}
				}
			}
			for name, text := range made[0] {
				if strings.HasPrefix(name, "ConfigMap ") { // comments differ
					continue
				}
				if made[1][name] != text {
					t.Errorf("%s:\nkustomize %s\nhelm      %s", name, text, made[1][name])
				}
			}
			if len(made[0]) != len(made[1]) || len(made[0]) < 9 {
				t.Errorf("%d and %d objects", len(made[0]), len(made[1]))
			}
		})
	}
	t.Run("values", func(t *testing.T) {
		chart, _ := filepath.Abs(filepath.Join(repositoryRoot, "deploy/kubernetes/chart"))
		for _, set := range []string{"replicas=0", "image.digest=sha256:0", "webhook.timeoutSeconds=31", "webhook.failurePolicy=Ignore", "unknown=1", "policy.files=null"} {
			cmd := w.command(beforeDeadline(t), "helm", "template", "m", chart, "--set", set)
			if out, err := cmd.CombinedOutput(); err == nil {
				t.Errorf("%s is taken: %.200s", set, out)
			}
		}
	})
}

// waitsFor tries until the API server has heard of what was registered.
func waitsFor(t *testing.T, what string, try func() answer, says string) {
	t.Helper()
	eventually(t, what, func() error {
		if a := try(); !strings.Contains(a.Message, says) {
			return fmt.Errorf("HTTP %d: %s", a.status, a.body)
		}
		return nil
	})
}
