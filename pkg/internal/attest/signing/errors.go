package signing

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
)

// What errors of this package wrap.
var (
	// ErrKey: the private key cannot be used.
	ErrKey = errors.New("unusable private key")
	// ErrPassword: the password does not open the key. Such errors wrap ErrKey
	// as well.
	ErrPassword = errors.New("the password is wrong")
	// ErrToken: there is no identity token, or none that can be used.
	ErrToken = errors.New("no usable identity token")
	// ErrServices: the signing configuration cannot be used.
	ErrServices = errors.New("unusable signing configuration")
)

// The names of the services in errors and reports.
const (
	serviceFulcio    = "certificate authority"
	serviceTimestamp = "timestamp authority"
	serviceLog       = "transparency log"
	serviceIdentity  = "identity provider"
)

// maxWords bounds what is quoted of a service's answer, in bytes.
const maxWords = 400

// A ServiceError says which service did not do its part. Status is 0 where
// there was no answer. Message is what the service said: untrusted.
type ServiceError struct {
	Service string
	URL     string
	Status  int
	Message string
	Err     error
}

func (e *ServiceError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %q", e.Service, e.URL)
	if e.Status != 0 {
		fmt.Fprintf(&b, " answers %d %s", e.Status, http.StatusText(e.Status))
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": %q", e.Message)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// Unwrap returns what happened where there was no answer.
func (e *ServiceError) Unwrap() error { return e.Err }

// blame names the service in err, unless err names one already.
func blame(service, url string, err error) error {
	var known *ServiceError
	if errors.As(err, &known) {
		return known
	}
	return &ServiceError{Service: service, URL: url, Err: err}
}

// words returns the readable part of an answer: the message of the JSON errors
// that Fulcio and Rekor write, or else the text itself.
func words(body []byte) string {
	var said struct {
		Message string `json:"message"`
	}
	text := string(body)
	if strictjson.Decode(body, &said) == nil && said.Message != "" {
		text = said.Message
	}
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "\uFFFD")), " ")
	if len(text) > maxWords {
		text = strings.ToValidUTF8(text[:maxWords], "") + "…"
	}
	return text
}
