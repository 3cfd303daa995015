package admission_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/admission"
)

// BenchmarkValidate measures a whole decision on a model that was judged
// before, but for the connection: reading the review, finding the references,
// deciding, the decision log and the answer. Run it with -cpu 1.
func BenchmarkValidate(b *testing.B) {
	deployment := `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"x","labels":{"a":"b"},"managedFields":[` +
		strings.Repeat(`{"manager":"kubectl","operation":"Update","apiVersion":"apps/v1","fieldsV1":{"f:spec":{"f:replicas":{},"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:image":{}}}}}}}},`, 10) + `{}]},` +
		`"spec":{"replicas":3,"template":{"spec":{"containers":[` + strings.Repeat(`{"name":"c","image":"r.io/server:1","env":[{"name":"A","value":"B"}],"resources":{"limits":{"nvidia.com/gpu":"8"}}},`, 3) +
		`{"name":"d","image":"nginx"}],"volumes":[{"name":"m","image":{"reference":"r.io/m@` + good.String() + `"}}]}}}}`
	for name, body := range map[string]string{
		"pod": ask(string(volumes("r.io/m@"+good.String())), ""),
		"deployment": strings.NewReplacer(`"version":"v1","kind":"Pod"`, `"version":"v1","kind":"Deployment"`, `"group":""`, `"group":"apps"`).
			Replace(ask(deployment, "")),
	} {
		b.Run(name, func(b *testing.B) {
			h := newHook(b, "", func(c *admission.ServerConfig) { c.Log = io.Discard })
			handler := h.Handler()
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/validate?timeout=10s", strings.NewReader(body))
				r.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				if w.Code != 200 || !strings.Contains(w.Body.String(), `"allowed":true`) {
					b.Fatal(w.Body)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
		})
	}
}
