package admission

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what /metrics shows. No label holds what a tenant writes.
type metrics struct {
	registry  *prometheus.Registry
	decisions *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
	verdicts  *prometheus.CounterVec
	errors    *prometheus.CounterVec
	refused   *prometheus.CounterVec
	running   prometheus.Gauge
	loads     *prometheus.CounterVec
}

func newMetrics(s *Server) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "modelcheck", Subsystem: "admission", Name: name, Help: help}, labels)
	}
	gauge := func(name, help string) prometheus.GaugeOpts {
		return prometheus.GaugeOpts{Namespace: "modelcheck", Subsystem: "admission", Name: name, Help: help}
	}
	m := &metrics{
		registry:  prometheus.NewRegistry(),
		decisions: counter("decisions_total", "Decisions by endpoint, outcome of the policy, whether the object was let in, and the first reason against it.", "endpoint", "outcome", "allowed", "reason"),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "modelcheck", Subsystem: "admission", Name: "decision_seconds", Help: "Time from a request's arrival to its decision.",
			Buckets: []float64{.001, .0025, .005, .01, .02, .05, .1, .25, .5, 1, 2, 5, 10, 30},
		}, []string{"endpoint"}),
		verdicts: counter("verdicts_total", "Verdicts on models by where they came from: registry, cache, or outage (kept from before, the registry cannot be asked).", "from"),
		errors:   counter("registry_errors_total", "Models without a verdict, by the code of the error.", "code"),
		refused:  counter("refused_requests_total", "Requests that are none, by HTTP status.", "status"),
		running:  prometheus.NewGauge(gauge("running", "Requests that are being decided.")),
		loads:    counter("loads_total", "Readings of the policy, its trust material and the certificate, by result.", "what", "result"),
	}
	since := func(t time.Time) float64 {
		if t.IsZero() {
			return -1
		}
		return s.cfg.Now().Sub(t).Seconds()
	}
	m.registry.MustRegister(
		m.decisions, m.seconds, m.verdicts, m.errors, m.refused, m.running, m.loads,
		prometheus.NewGaugeFunc(gauge("policy_age_seconds", "Time since the policy in force was last read and found good, with its trust material."), func() float64 { return since(s.rules.checkedAt()) }),
		prometheus.NewGaugeFunc(gauge("policy_in_force_seconds", "Time since the policy in force came into force."), func() float64 { return since(s.rules.since()) }),
		prometheus.NewGaugeFunc(gauge("certificate_expires_seconds", "Time until the serving certificate expires."), func() float64 { return -since(s.certificate.notAfter()) }),
		prometheus.NewGaugeFunc(gauge("attention", "How many things /readyz says in need of attention: files that cannot be read, while the old ones stay."), func() float64 {
			notes, _ := s.state()
			return float64(len(notes))
		}),
		prometheus.NewGaugeFunc(gauge("ready", "1 where /readyz says so."), func() float64 {
			if _, broken := s.state(); broken != nil {
				return 0
			}
			return 1
		}),
		prometheus.NewGaugeFunc(gauge("cached_verdicts", "Verdicts that are kept."), func() float64 { return float64(s.cfg.Cache.Len()) }),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// decided counts a decision. Reasons are codes of docs/errors.md.
func (m *metrics) decided(endpoint string, d Decision, took time.Duration) {
	reason := ""
	if codes := d.Codes(); len(codes) > 0 {
		reason = codes[0]
	}
	allowed := "false"
	if d.Response.Allowed {
		allowed = "true"
	}
	m.decisions.WithLabelValues(endpoint, d.Outcome.String(), allowed, reason).Inc()
	m.seconds.WithLabelValues(endpoint).Observe(took.Seconds())
}
