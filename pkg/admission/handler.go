package admission

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// Timeouts of a request. The API server writes its own into the URL, 1 to 30
// seconds (k8s.io/api/admissionregistration/v1, TimeoutSeconds).
const (
	defaultTimeout = 10 * time.Second
	maxTimeout     = 30 * time.Second
	minMargin      = 200 * time.Millisecond
)

// deadline is when the answer has to be ready: the caller's timeout, less what
// the way back may take. A timeout that cannot be read is the default.
func deadline(r *http.Request, arrived time.Time) time.Time {
	timeout, err := time.ParseDuration(r.URL.Query().Get("timeout"))
	if err != nil || timeout <= 0 {
		timeout = defaultTimeout
	}
	timeout = min(timeout, maxTimeout)
	return arrived.Add(timeout - min(max(timeout/10, minMargin), timeout/2))
}

// reviews serves AdmissionReview v1.
func (s *Server) reviews(endpoint string, pin bool) http.Handler {
	return s.endpoint(endpoint, MaxReview, func(ctx context.Context, g *Gate, body []byte) (Decision, any, int) {
		req, err := readReview(body)
		if err != nil {
			d := g.Refuse(req, codeOf(err), err.Error())
			return d, answerReview(d, nil), d.Response.Code
		}
		req.Pins = pin
		if req.NamespaceLabels, err = s.labels(ctx, g, req.Namespace); err != nil {
			d := g.Refuse(req, provenance.CodeUnreachable, err.Error())
			return d, answerReview(d, nil), http.StatusOK
		}
		d := g.Admit(ctx, req)
		var patch []byte
		if pin && d.Response.Allowed {
			if patch, err = pinPatch(req.Object, d); err != nil {
				d = g.Refuse(req, provenance.CodeInternal, err.Error())
			}
		}
		return d, answerReview(d, patch), http.StatusOK
	})
}

// A decider reads a request and answers it: what was decided, the answer's
// body, and its HTTP status.
type decider func(ctx context.Context, g *Gate, body []byte) (Decision, any, int)

// endpoint does what all endpoints have in common: bounds, deadline, panics,
// metrics and log. Where there is no decision, the answer allows nothing.
func (s *Server) endpoint(name string, most int64, decide decider) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived := s.cfg.Now()
		answered := false
		defer func() {
			if p := recover(); p != nil {
				s.log.ErrorContext(r.Context(), "a defect of this program", "panic", fmt.Sprint(p))
				if !answered {
					s.refuse(w, http.StatusInternalServerError, "a defect of this program")
				}
			}
		}()
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); r.Method != http.MethodPost || err != nil || kind != "application/json" {
			s.refuse(w, http.StatusUnsupportedMediaType, "want a POST of application/json")
			return
		}
		ctx, cancel := context.WithDeadline(r.Context(), deadline(r, arrived))
		defer cancel()
		weight := s.weight(r, most)
		if err := s.room.Acquire(ctx, weight); err != nil {
			s.refuse(w, http.StatusTooManyRequests, "too many requests are being decided")
			return
		}
		defer s.room.Release(weight)
		s.metrics.running.Inc()
		defer s.metrics.running.Dec()
		gate := s.rules.now()
		if gate == nil {
			s.refuse(w, http.StatusServiceUnavailable, "no policy is in force")
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
		var large *http.MaxBytesError
		switch {
		case errors.As(err, &large):
			s.refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the request is larger than %d bytes", most))
			return
		case err != nil:
			s.refuse(w, http.StatusBadRequest, "the request broke off")
			return
		}
		d, answer, status := decide(ctx, gate, body)
		s.metrics.decided(name, d, s.cfg.Now().Sub(arrived))
		if err := s.decisions.write(d); err != nil {
			s.log.ErrorContext(ctx, "writing the decision log failed", "error", err)
		}
		text, err := json.Marshal(answer, json.Deterministic(true))
		if err != nil {
			s.refuse(w, http.StatusInternalServerError, "the answer cannot be written")
			return
		}
		answered = true
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write(text) // nobody to tell
	})
}

// leastWeight is what a small request counts: it needs more than its bytes.
const leastWeight = 64 << 10

// weight is what a request counts against ServerConfig.Room.
func (s *Server) weight(r *http.Request, most int64) int64 {
	size := r.ContentLength
	if size < 0 || size > most {
		size = most
	}
	return min(max(size, leastWeight), s.cfg.Room)
}

// refuse answers what is no request that could be decided. Its form is an
// AdmissionReview that denies, for want of a better one.
func (s *Server) refuse(w http.ResponseWriter, status int, why string) {
	s.metrics.refused.WithLabelValues(fmt.Sprint(status)).Inc()
	d := Decision{Response: Response{Code: status, Message: "modelcheck denies: " + why}}
	text, err := json.Marshal(answerReview(d, nil))
	if err != nil {
		text = nil
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// Refuse decides against a request that could not be read, in whatever
// namespace, and says why.
func (g *Gate) Refuse(req Request, code, message string) Decision {
	d := g.begin(req)
	d.Mode = policy.Enforce
	d.refuse(policy.Deny, code, message)
	g.conclude(&d, req)
	d.Response.Code = http.StatusBadRequest
	if code == provenance.CodeInternal {
		d.Response.Code = http.StatusInternalServerError
	}
	return d
}

// codeOf is the reason code of a request that could not be read.
func codeOf(err error) string {
	if errors.Is(err, ErrLimit) {
		return provenance.CodeLimitExceeded
	}
	return provenance.CodeObjectMalformed
}

// labels are those of the namespace, where the policy trusts one of them.
func (s *Server) labels(ctx context.Context, g *Gate, namespace string) (map[string]string, error) {
	if g.admission.TrustedLabel == "" || namespace == "" {
		return nil, nil
	}
	labels, err := s.cfg.Labels(ctx, namespace)
	if err != nil {
		err = fmt.Errorf("reading the labels of namespace %q, of which the policy trusts one: %w", namespace, err)
	}
	return labels, err
}
