package admission

import (
	"context"
	"fmt"
	"net/http"

	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// maxQuery is the largest request for references alone, in bytes.
const maxQuery = 1 << 20

// Ask decides on references without an object, all of which the caller calls
// models, or container images that a scope of the policy may call so. Nothing
// is exempt that only a namespace is exempt for, and nothing only warns, unless
// the namespace is given. Where they stand is /0, /1 and so on.
func (g *Gate) Ask(ctx context.Context, kind Kind, texts []string, req Request) (d Decision) {
	req.Pins = kind == KindModel // the answer holds the digest
	d = g.begin(req)
	defer func() {
		if p := recover(); p != nil {
			d = g.Refuse(req, provenance.CodeInternal, fmt.Sprintf("a defect of this program: %v", p))
		}
	}()
	if len(texts) > MaxReferences {
		return g.Refuse(req, provenance.CodeLimitExceeded, fmt.Sprintf("%d references, and at most %d are judged at once", len(texts), MaxReferences))
	}
	var models []Found
	for i, text := range texts {
		f := Found{Pointer: fmt.Sprintf("/%d", i), Text: text, Kind: kind}
		if kind == KindImage {
			var model bool
			if f, model = g.image(f); !model {
				d.Images++
				continue
			}
		} else {
			f.Reference, f.Err = parse(text, either)
		}
		models = append(models, f)
	}
	g.judge(ctx, &d, models)
	g.conclude(&d, req)
	return d
}

// A providerRequest is what Gatekeeper asks a provider of external data
// (open-policy-agent/frameworks, externaldata/v1beta1).
type providerRequest struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Request    struct {
		Keys []string `json:"keys"`
	} `json:"request"`
}

type providerResponse struct {
	APIVersion string           `json:"apiVersion"`
	Kind       string           `json:"kind"`
	Response   providerVerdicts `json:"response"`
}

type providerVerdicts struct {
	// Idempotent says that the same keys get the same values: a value is the key
	// with the digest that was judged.
	Idempotent  bool           `json:"idempotent"`
	Items       []providerItem `json:"items,omitempty"`
	SystemError string         `json:"systemError,omitempty"`
}

type providerItem struct {
	Key   string `json:"key"`
	Value string `json:"value,omitempty"` // pinned, where it is let in
	Error string `json:"error,omitempty"` // why it is not
}

const providerVersion = "externaldata.gatekeeper.sh/v1beta1"

// provider serves Gatekeeper, and who else asks as it does.
func (s *Server) provider(endpoint string) http.Handler {
	return s.endpoint(endpoint, maxQuery, func(ctx context.Context, g *Gate, body []byte) (Decision, any, int) {
		req := Request{Operation: Create, Kind: "ProviderRequest", APIVersion: providerVersion}
		answer := providerResponse{APIVersion: providerVersion, Kind: "ProviderResponse", Response: providerVerdicts{Idempotent: true}}
		var r providerRequest
		err := strictjson.Decode(body, &r)
		if err == nil && (r.APIVersion != providerVersion || r.Kind != "ProviderRequest") {
			err = fmt.Errorf("it is a %.100q of %.100q, want ProviderRequest of %s", r.Kind, r.APIVersion, providerVersion)
		}
		var d Decision
		if err != nil {
			d = g.Refuse(req, provenance.CodeObjectMalformed, "reading the ProviderRequest: "+err.Error())
		} else {
			d = g.Ask(ctx, KindModel, r.Request.Keys, req)
		}
		if len(d.Reasons) > 0 || len(d.Judgements) != len(r.Request.Keys) {
			answer.Response.SystemError = d.Response.Message
			return d, answer, http.StatusOK
		}
		for _, j := range d.Judgements {
			item := providerItem{Key: j.Text}
			switch {
			case !j.Admitted:
				item.Error = j.sentence()
			case j.Pin != "":
				item.Value = j.Pin
			default:
				item.Value = j.Text
			}
			answer.Response.Items = append(answer.Response.Items, item)
		}
		return d, answer, http.StatusOK
	})
}

// onlyGatekeeper lets nobody in without a client certificate of Gatekeeper's
// authority.
func (s *Server) onlyGatekeeper(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.gatekeeper.vouch(r.TLS, s.cfg.Now()); err != nil {
			s.refuse(w, http.StatusUnauthorized, "want a client certificate of Gatekeeper: "+err.Error())
			return
		}
		next.ServeHTTP(w, r)
	})
}

// An imageReview is what an API server with the ImagePolicyWebhook plug-in asks
// (k8s.io/api/imagepolicy/v1alpha1). It knows container images alone.
type imageReview struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Spec       *struct {
		Containers []struct {
			Image string `json:"image"`
		} `json:"containers"`
		Namespace string `json:"namespace"`
	} `json:"spec"`
}

type imageAnswer struct {
	APIVersion string      `json:"apiVersion"`
	Kind       string      `json:"kind"`
	Status     imageStatus `json:"status"`
}

type imageStatus struct {
	Allowed bool              `json:"allowed"`
	Reason  string            `json:"reason,omitempty"`
	Audit   map[string]string `json:"auditAnnotations,omitempty"`
}

const imageVersion = "imagepolicy.k8s.io/v1alpha1"

// imagePolicy serves the API server's own plug-in ImagePolicyWebhook.
func (s *Server) imagePolicy() http.Handler {
	return s.endpoint("image-policy", maxQuery, func(ctx context.Context, g *Gate, body []byte) (Decision, any, int) {
		req := Request{Operation: Create, Kind: "ImageReview", APIVersion: imageVersion}
		var r imageReview
		err := strictjson.Decode(body, &r)
		switch {
		case err != nil:
		case r.APIVersion != imageVersion || r.Kind != "ImageReview":
			err = fmt.Errorf("it is a %.100q of %.100q, want ImageReview of %s", r.Kind, r.APIVersion, imageVersion)
		case r.Spec == nil:
			err = fmt.Errorf("it has no spec")
		}
		var d Decision
		if err != nil {
			d = g.Refuse(req, provenance.CodeObjectMalformed, "reading the ImageReview: "+err.Error())
		} else {
			req.Namespace = r.Spec.Namespace
			var images []string
			for _, c := range r.Spec.Containers {
				images = append(images, c.Image)
			}
			if req.NamespaceLabels, err = s.labels(ctx, g, req.Namespace); err != nil {
				d = g.Refuse(req, provenance.CodeUnreachable, err.Error())
			} else {
				d = g.Ask(ctx, KindImage, images, req)
			}
		}
		answer := imageAnswer{APIVersion: imageVersion, Kind: "ImageReview"}
		answer.Status = imageStatus{Allowed: d.Response.Allowed, Audit: d.Audit}
		if !d.Response.Allowed {
			answer.Status.Reason = d.Response.Message
		}
		return d, answer, http.StatusOK
	})
}
