package admission

import (
	"context"
	"fmt"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

// The operations of a Request (admission.k8s.io/v1, AdmissionRequest.operation).
const (
	Create  = "CREATE"
	Update  = "UPDATE"
	Delete  = "DELETE"
	Connect = "CONNECT"
)

// A Request asks for one object: an AdmissionReview's, or a document of a file
// on its way to a cluster. The zero value is denied.
type Request struct {
	UID         string
	Operation   string
	Resource    string // plural, such as deployments; "" where nobody knows
	SubResource string // such as ephemeralcontainers or scale; "" for the object itself
	APIVersion  string // of Object, as the API server says; "" where only Object says it
	Kind        string
	Namespace   string
	Name        string
	Object      []byte // JSON; of a DELETE none
	OldObject   []byte // JSON, of an UPDATE
	// NamespaceLabels are the labels of the namespace, nil where they are not
	// known.
	NamespaceLabels map[string]string
	DryRun          bool
	User            string
	// Pins says that the answer is used to write digests in place of tags, so
	// that a tag is no reason to deny.
	Pins bool
}

// name says for people which object it is.
func (r Request) name() string {
	kind, name := r.Kind, r.Name
	if kind == "" {
		kind = "object"
	}
	if name == "" {
		name = "(to be named)"
	}
	if r.Namespace != "" {
		name = r.Namespace + "/" + name
	}
	if r.SubResource != "" {
		name += " (" + r.SubResource + ")"
	}
	return fmt.Sprintf("%s %s", kind, name)
}

// A Judge says what is to be made of one model, by record and without its
// weights. The report is about ref as it is resolved now; without a report, or
// beside an error, there is no verdict.
type Judge interface {
	Accept(ctx context.Context, ref artifact.Reference, use policy.Use) (*check.Report, error)
}

// Records judges by what is recorded beside a model in its registry.
type Records struct{ Checker *check.Checker }

// Accept asks the checker, for a model that is wanted for use.
func (r Records) Accept(ctx context.Context, ref artifact.Reference, use policy.Use) (*check.Report, error) {
	return r.Checker.For(use).Accept(ctx, ref)
}
