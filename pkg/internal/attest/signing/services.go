package signing

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	prototrustroot "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/sign"
	"google.golang.org/protobuf/encoding/protojson"
)

// maxServices bounds a signing configuration in bytes; the public-good one has
// 2 kB.
const maxServices = 1 << 20

// Services are those of one Sigstore instance that a signature asks. The zero
// value asks none.
type Services struct {
	Authority  string // Fulcio; "" where there is none
	Issuer     string // of identity tokens, for people who sign in; "" where none is named
	Logs       []Log
	Timestamps []string // timestamp authorities
}

// A Log is a transparency log: Rekor of version 1 or 2.
type Log struct {
	URL     string
	Version uint32
}

// Any says whether any service is asked.
func (s Services) Any() bool { return s.Authority != "" || len(s.Logs)+len(s.Timestamps) > 0 }

// ParseServices reads a Sigstore signing configuration, version 0.2, and picks
// the services that are valid now, as the configuration's selectors say: the
// newest API version, one service for each operator (protobuf-specs,
// sigstore_trustroot.proto, SigningConfig). Errors wrap ErrServices.
func ParseServices(data []byte, now time.Time) (Services, error) {
	s, err := parseServices(data, now)
	if err != nil {
		return Services{}, fmt.Errorf("%w: %w", ErrServices, err)
	}
	return s, nil
}

func parseServices(data []byte, now time.Time) (Services, error) {
	if len(data) > maxServices {
		return Services{}, fmt.Errorf("%d bytes are over the limit of %d", len(data), maxServices)
	}
	var pb prototrustroot.SigningConfig
	if err := protojson.Unmarshal(data, &pb); err != nil {
		return Services{}, err
	}
	// sigstore-go reads the selectors without asking whether they are there.
	if pb.GetRekorTlogConfig() == nil {
		pb.RekorTlogConfig = &prototrustroot.ServiceConfiguration{}
	}
	if pb.GetTsaConfig() == nil {
		pb.TsaConfig = &prototrustroot.ServiceConfiguration{}
	}
	config, err := root.NewSigningConfigFromProtobuf(&pb)
	if err != nil {
		return Services{}, err
	}
	s, err := choose(config, now)
	if err != nil {
		return Services{}, err
	}
	return s, s.check()
}

func choose(config *root.SigningConfig, now time.Time) (Services, error) {
	var s Services
	if all := config.FulcioCertificateAuthorityURLs(); len(all) > 0 {
		one, err := root.SelectService(all, sign.FulcioAPIVersions, now)
		if err != nil {
			return s, fmt.Errorf("choosing the certificate authority: %w", err)
		}
		s.Authority = one.URL
	}
	if all := config.OIDCProviderURLs(); len(all) > 0 {
		one, err := root.SelectService(all, []uint32{1}, now)
		if err != nil {
			return s, fmt.Errorf("choosing the identity provider: %w", err)
		}
		s.Issuer = one.URL
	}
	if all := config.RekorLogURLs(); len(all) > 0 {
		some, err := root.SelectServices(all, config.RekorLogURLsConfig(), sign.RekorAPIVersions, now)
		if err != nil {
			return s, fmt.Errorf("choosing transparency logs: %w", err)
		}
		for _, l := range some {
			s.Logs = append(s.Logs, Log{l.URL, l.MajorAPIVersion})
		}
	}
	if all := config.TimestampAuthorityURLs(); len(all) > 0 {
		some, err := root.SelectServices(all, config.TimestampAuthorityURLsConfig(), sign.TimestampAuthorityAPIVersions, now)
		if err != nil {
			return s, fmt.Errorf("choosing timestamp authorities: %w", err)
		}
		for _, t := range some {
			s.Timestamps = append(s.Timestamps, t.URL)
		}
	}
	return s, nil
}

// check refuses addresses before anything is sent there.
func (s Services) check() error {
	urls := append([]string(nil), s.Timestamps...)
	for _, l := range s.Logs {
		urls = append(urls, l.URL)
	}
	for _, u := range append(urls, s.Authority, s.Issuer) {
		if u == "" {
			continue
		}
		if err := checkURL(u); err != nil {
			return fmt.Errorf("service %q: %w", u, err)
		}
	}
	return nil
}

// checkURL wants TLS for everything but loopback: who reads an identity token
// on its way can sign with it.
func checkURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return err
	case u.Host == "" || u.User != nil || u.Fragment != "":
		return errors.New("not the address of a service")
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return nil
	case u.Scheme == "http":
		return errors.New("an address without TLS, beyond this machine")
	default:
		return fmt.Errorf("scheme %q, want https", u.Scheme)
	}
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// timeless says whether nothing in s would vouch for the time of a signature:
// Rekor of version 2 does not.
func (s Services) timeless() bool {
	for _, l := range s.Logs {
		if l.Version == 1 {
			return false
		}
	}
	return len(s.Timestamps) == 0
}

// host shortens an address for talk.
func host(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return address
	}
	if h, port, err := net.SplitHostPort(u.Host); err == nil && (port == "443" || port == "80") {
		return h
	}
	return u.Host
}
