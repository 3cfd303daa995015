package attest

import (
	"errors"
	"fmt"

	"github.com/sigstore/sigstore-go/pkg/root"

	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
)

// A trustedRoot is a configured root: the authorities and logs of one Sigstore
// instance. Roots are never merged, so that a certificate of one instance
// cannot be vouched for by the log of another.
type trustedRoot struct {
	name     string
	material root.TrustedMaterial
}

func parseRoot(r Root) (tr trustedRoot, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("its content breaks the reader: %v", p)
		}
	}()
	if len(r.JSON) == 0 {
		return trustedRoot{}, errors.New("it is empty")
	}
	if len(r.JSON) > maxTrustMaterial {
		return trustedRoot{}, fmt.Errorf("%d bytes are over the limit of %d", len(r.JSON), maxTrustMaterial)
	}
	if err := strictjson.Check(r.JSON); err != nil {
		return trustedRoot{}, err
	}
	m, err := root.NewTrustedRootFromJSON(r.JSON)
	if err != nil {
		return trustedRoot{}, err
	}
	if len(m.FulcioCertificateAuthorities())+len(m.RekorLogs())+len(m.TimestampingAuthorities()) == 0 {
		return trustedRoot{}, errors.New("it names no authority and no log")
	}
	return trustedRoot{name: r.Name, material: m}, nil
}
