//go:build e2e

package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// startFaults puts a proxy before a registry that fails at every twentieth
// request, each time in another way. Repositories warm/N/… and cold/N/…
// are models/….
func startFaults(t *testing.T, to *testRegistry) (host string, faults *atomic.Int64) {
	t.Helper()
	target, err := url.Parse("http://" + to.host)
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`^/v2/(warm|cold)/[0-9]+/`)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.URL.Path = names.ReplaceAllString(r.In.URL.Path, "/v2/models/")
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	var requests atomic.Int64
	faults = &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := requests.Add(1)
		if n%20 != 0 {
			proxy.ServeHTTP(w, r)
			return
		}
		switch faults.Add(1) % 6 {
		case 0:
			http.Error(w, "fault", http.StatusInternalServerError)
		case 1:
			http.Error(w, "fault", http.StatusServiceUnavailable)
		case 2:
			w.Header().Set("Retry-After", "0")
			http.Error(w, "fault", http.StatusTooManyRequests)
		case 3: // breaks off before the answer
			panic(http.ErrAbortHandler)
		case 4: // breaks off within it
			whole := httptest.NewRecorder()
			proxy.ServeHTTP(whole, r)
			for name, values := range whole.Header() {
				w.Header()[name] = values
			}
			w.Header().Set("Content-Length", strconv.Itoa(whole.Body.Len()))
			w.WriteHeader(whole.Code)
			_, _ = w.Write(whole.Body.Bytes()[:whole.Body.Len()/2])
			panic(http.ErrAbortHandler)
		default: // is slow
			select {
			case <-time.After(500 * time.Millisecond):
			case <-r.Context().Done():
			}
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), faults
}

// A tally counts how requests of one class ended, and how long they took.
type tally struct {
	mu                        sync.Mutex
	right, unavailable, wrong int
	took                      []time.Duration
	firstWrong                string
}

func (c *tally) add(took time.Duration, right, unavailable bool, said string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.took = append(c.took, took)
	switch {
	case right:
		c.right++
	case unavailable:
		c.unavailable++
	default:
		if c.wrong++; c.firstWrong == "" {
			c.firstWrong = said
		}
	}
}

func (c *tally) quantile(q float64) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.took) == 0 {
		return 0
	}
	slices.Sort(c.took)
	return c.took[min(int(q*float64(len(c.took))), len(c.took)-1)]
}

// unavailableCodes say that a registry could not be asked, not what is wrong
// with a model.
var unavailableCodes = regexp.MustCompile(`\((unreachable|registry-error|referrers-unavailable|rate-limited|transfer-incomplete|deadline-exceeded|interrupted|not-found|limit-exceeded|digest-mismatch|size-mismatch)\)`)

// ask asks the webhook about a Pod that mounts a model.
func (h *hook) ask(ref string) (allowed bool, message string, err error) {
	body := fmt.Sprintf(`{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","kind":{"group":"","version":"v1","kind":"Pod"},"resource":{"group":"","version":"v1","resource":"pods"},"namespace":"ml","name":"x","operation":"CREATE","userInfo":{"username":"dev"},"object":{"apiVersion":"v1","kind":"Pod","metadata":{"name":"x"},"spec":%s}}}`, podSpec(ref, ""))
	res, err := h.client.Post("https://"+h.address+"/validate?timeout=10s", "application/json", strings.NewReader(body))
	if err != nil {
		return false, "", err
	}
	defer res.Body.Close()
	var got struct {
		Response struct {
			Allowed bool
			Status  struct{ Message string }
		}
	}
	text, err := io.ReadAll(res.Body)
	if err == nil {
		err = json.Unmarshal(text, &got)
	}
	return got.Response.Allowed, got.Response.Status.Message, err
}

// resident is the memory of a process in bytes.
func (s *server) resident(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0 // another system
	}
	_, after, _ := strings.Cut(string(text), "VmRSS:")
	kib, _, _ := strings.Cut(strings.TrimSpace(after), " ")
	n, err := strconv.ParseInt(kib, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n << 10
}

// TestE2EAdmissionLoad: 50 requests a second while the registry fails at every
// twentieth request. MODELCHECK_LOAD=10m makes it a measurement: what it
// says of time and memory is asserted only then.
func TestE2EAdmissionLoad(t *testing.T) {
	last, measured := 20*time.Second, false
	if text := os.Getenv("MODELCHECK_LOAD"); text != "" {
		var err error
		if last, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
		measured = true
	}
	w := newWorkshop(t)
	b, u := &bed{workshop: w, registries: []*testRegistry{startDistribution(t, w)}}, newUser(t, w) // no Sigstore is needed
	release, ci := b.newKey(t, "release"), b.newKey(t, "ci")
	policy := b.write(t, "load.yaml", fmt.Appendf(nil, `apiVersion: modelcheck/v1
kind: Policy
signers:
  - {name: release, key: {file: %q}}
  - {name: ci, relation: verifier, key: {file: %q}}
require:
  signatures: {anyOf: [release]}
summaries: {signedBy: {anyOf: [ci]}, maxAge: 1d, time: stated}
`, release.public, ci.public))
	registry := b.registries[0]
	publish := func(name string, verified bool) string {
		files := tinyModel()
		files["NOTICE"] = []byte(name + "\n")
		folder := t.TempDir()
		writeFiles(t, folder, files)
		p := b.push(t, registry, "models/"+name, folder)
		u.sign(t, 0, nil, p.pinned(), "--key", release.private)
		if verified {
			b.run(t, u.binary, "attest", p.pinned(), "--policy", policy, "--key", ci.private)
		}
		return name + "@" + p.digest
	}
	good, bad := publish("good", true), publish("bad", false)
	host, faults := startFaults(t, registry)
	h := u.startHook(t, "load", policy, nil, "--cache-allowed", "1h", "--cache-refused", "1h", "--cache-entries", "2000")

	var warm, cold tally
	judge := func(c *tally, class string, n int, model string) {
		ref := fmt.Sprintf("%s/%s/%d/%s", host, class, n, model)
		began := time.Now()
		allowed, message, err := h.ask(ref)
		took := time.Since(began)
		unavailable := err == nil && !allowed && unavailableCodes.MatchString(message)
		c.add(took, err == nil && !unavailable && allowed == (model == good), unavailable, fmt.Sprintf("%s: %t %s %v", ref, allowed, message, err))
	}
	const kept = 100 // warm references
	var first tally
	for n := range kept {
		for first.right <= n { // until it is there: a fault may come first
			judge(&first, "warm", n, []string{good, bad}[n%2])
			if first.wrong > 0 {
				t.Fatal(first.firstWrong)
			}
		}
	}
	var memory []int64
	var wait sync.WaitGroup
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	began := time.Now()
	for i := 0; time.Since(began) < last; i++ {
		<-tick.C
		if i%250 == 0 {
			memory = append(memory, h.resident(t))
		}
		wait.Go(func() {
			model := []string{good, bad}[i/10%2]
			if i%10 == 0 {
				judge(&cold, "cold", i, model)
			} else {
				judge(&warm, "warm", 2*(i%(kept/2))+i/10%2, model)
			}
		})
	}
	wait.Wait()
	for name, c := range map[string]*tally{"warm": &warm, "cold": &cold} {
		t.Logf("%s: %d right, %d without a verdict, %d wrong; p50 %v, p99 %v", name, c.right, c.unavailable, c.wrong, c.quantile(.5), c.quantile(.99))
		if c.wrong > 0 {
			t.Errorf("a wrong verdict: %s", c.firstWrong)
		}
	}
	t.Logf("%v, %d faults; resident MiB: %v", last, faults.Load(), mebibytes(memory))
	if warm.right == 0 || cold.right == 0 || warm.unavailable > 0 || faults.Load() == 0 {
		t.Error("the load was not what it should be")
	}
	if !measured {
		return
	}
	if p := warm.quantile(.99); p > 20*time.Millisecond {
		t.Errorf("warm p99 is %v", p)
	}
	if p := cold.quantile(.99); p > 2*time.Second {
		t.Errorf("cold p99 is %v", p)
	}
	half := memory[len(memory)/2:]
	if grown := slices.Max(half[len(half)/2:]) - slices.Max(half[:len(half)/2+1]); grown > slices.Max(half)/10 {
		t.Errorf("it grew by %d MiB in the last quarter", grown>>20)
	}
}

func mebibytes(list []int64) []int64 {
	var out []int64
	for _, n := range list {
		out = append(out, n>>20)
	}
	return out
}
