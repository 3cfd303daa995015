package admission

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
)

// MaxReview is the largest AdmissionReview that is read, in bytes: two objects
// of MaxObject, the old one and the new one, and what stands around them.
const MaxReview = 2*MaxObject + 1<<20

// The one version of AdmissionReview that is spoken.
const (
	reviewVersion = "admission.k8s.io/v1"
	reviewKind    = "AdmissionReview"
)

// A review is an AdmissionReview as it comes in (k8s.io/api/admission/v1,
// types.go): what is needed of it.
type review struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Request    *reviewRequest `json:"request"`
}

type reviewRequest struct {
	UID  string `json:"uid"`
	Kind struct {
		Group   string `json:"group"`
		Version string `json:"version"`
		Kind    string `json:"kind"`
	} `json:"kind"`
	Resource struct {
		Resource string `json:"resource"`
	} `json:"resource"`
	SubResource string `json:"subResource"`
	Name        string `json:"name"`
	Namespace   string `json:"namespace"`
	Operation   string `json:"operation"`
	UserInfo    struct {
		Username string `json:"username"`
	} `json:"userInfo"`
	Object    jsontext.Value `json:"object"`
	OldObject jsontext.Value `json:"oldObject"`
	DryRun    *bool          `json:"dryRun"`
}

// errReview says what is wrong with an AdmissionReview. It wraps ErrMalformed.
func errReview(format string, args ...any) error {
	return fmt.Errorf("reading the AdmissionReview: %w: %w", ErrMalformed, fmt.Errorf(format, args...))
}

// readReview reads an AdmissionReview. Beside an error, the request holds the
// uid where there was one, so that the answer can repeat it.
func readReview(body []byte) (Request, error) {
	if len(body) > MaxReview {
		return Request{}, fmt.Errorf("reading the AdmissionReview: %w of %d bytes", ErrLimit, MaxReview)
	}
	var r review
	if err := strictjson.Decode(body, &r); err != nil {
		return Request{}, errReview("%w", err)
	}
	var req Request
	if r.Request != nil {
		req.UID = r.Request.UID
	}
	switch {
	case r.APIVersion != reviewVersion || r.Kind != reviewKind:
		return req, errReview("it is a %.100q of %.100q, want %s of %s", r.Kind, r.APIVersion, reviewKind, reviewVersion)
	case r.Request == nil:
		return req, errReview("it has no request")
	case req.UID == "":
		return req, errReview("its request has no uid")
	case len(req.UID) > maxUID:
		return Request{}, errReview("its uid has %d bytes", len(req.UID))
	}
	return r.Request.request()
}

// maxUID is far above what an API server writes: a UUID.
const maxUID = 256

func (r *reviewRequest) request() (Request, error) {
	version := r.Kind.Version
	if r.Kind.Group != "" {
		version = r.Kind.Group + "/" + version
	}
	req := Request{
		UID: r.UID, Operation: r.Operation, Resource: r.Resource.Resource, SubResource: r.SubResource,
		APIVersion: version, Kind: r.Kind.Kind, Namespace: r.Namespace, Name: r.Name,
		Object: absent(r.Object), OldObject: absent(r.OldObject), User: r.UserInfo.Username,
		DryRun: r.DryRun != nil && *r.DryRun,
	}
	switch {
	case r.Kind.Kind == "" || r.Kind.Version == "":
		return req, errReview("its request names no kind")
	case len(req.Object) > MaxObject || len(req.OldObject) > MaxObject:
		return req, fmt.Errorf("reading the AdmissionReview: %w of %d bytes for an object", ErrLimit, MaxObject)
	}
	return req, nil
}

// absent is nil for null, which the API server writes where there is no object.
func absent(b jsontext.Value) []byte {
	if string(b) == "null" {
		return nil
	}
	return b
}

// A reviewAnswer is an AdmissionReview as it goes out.
type reviewAnswer struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Response   reviewResponse `json:"response"`
}

type reviewResponse struct {
	UID       string            `json:"uid"`
	Allowed   bool              `json:"allowed"`
	Status    *reviewStatus     `json:"status,omitempty"`
	Warnings  []string          `json:"warnings,omitempty"`
	Audit     map[string]string `json:"auditAnnotations,omitempty"`
	PatchType string            `json:"patchType,omitempty"`
	Patch     []byte            `json:"patch,omitempty"` // written in base64
}

type reviewStatus struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Reason  string `json:"reason"`
}

// answerReview is the answer to a review. Only a decision that lets the object
// in is written as allowed.
func answerReview(d Decision, patch []byte) reviewAnswer {
	r := reviewResponse{UID: d.UID, Allowed: d.Response.Allowed, Warnings: d.Warnings, Audit: d.Audit}
	if !r.Allowed {
		r.Status = &reviewStatus{Code: d.Response.Code, Message: d.Response.Message, Reason: reasonOf(d.Response.Code)}
	} else if len(patch) > 0 {
		r.PatchType, r.Patch = "JSONPatch", patch
	}
	return reviewAnswer{APIVersion: reviewVersion, Kind: reviewKind, Response: r}
}

// reasonOf is the machine's word for an HTTP status (k8s.io/apimachinery,
// metav1.StatusReason).
func reasonOf(code int) string {
	switch code {
	case 400:
		return "BadRequest"
	case 403:
		return "Forbidden"
	case 413:
		return "RequestEntityTooLarge"
	case 504:
		return "Timeout"
	default:
		return "InternalError"
	}
}

// A patchStep is one operation of a JSON Patch (RFC 6902).
type patchStep struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value string `json:"value"`
}

// pinPatch writes the digests that were judged in place of tags, nil where
// there is nothing to write. Each step first tests that what was judged still
// stands there.
func pinPatch(object []byte, d Decision) ([]byte, error) {
	var steps []patchStep
	var root any
	for _, j := range d.Judgements {
		if !j.Admitted || j.Pin == "" {
			continue
		}
		if root == nil {
			if err := strictjson.Decode(object, &root); err != nil {
				return nil, fmt.Errorf("pinning references: %w", err)
			}
		}
		// An image written as repository and tag has no place for a digest; the
		// validating hook says so.
		if text, ok := pointed(root, j.Pointer).(string); ok && text == j.Text {
			steps = append(steps, patchStep{"test", j.Pointer, j.Text}, patchStep{"replace", j.Pointer, j.Pin})
		}
	}
	if len(steps) == 0 {
		return nil, nil
	}
	return json.Marshal(steps)
}

// pointed follows a JSON Pointer (RFC 6901), nil where it points nowhere.
func pointed(v any, pointer string) any {
	for _, name := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		name = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
		switch in := v.(type) {
		case map[string]any:
			v = in[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}
