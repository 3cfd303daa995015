package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/spf13/cobra"
)

const certsLong = `certs makes a certificate authority and a serving certificate for "admission serve",
for clusters without cert-manager. The authority's key is thrown away: whoever
renews makes both anew.

It writes tls.crt, tls.key and ca.crt into FOLDER, never over others, and prints
a manifest of the Secret and the caBundle for the webhook configurations. Apply
the Secret first: replicas take the new certificate within --reload, and the old
one is good until it expires.`

var reDNSLabel = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

type certsFlags struct {
	service, namespace, secret string
	valid                      time.Duration
	replace                    bool
}

func newAdmissionCerts(s streams) *cobra.Command {
	var f certsFlags
	cmd := &cobra.Command{
		Use:     "certs FOLDER",
		Short:   "Make a serving certificate and its authority",
		Long:    certsLong,
		Example: "  modelcheck admission certs ./tls | kubectl apply -f -",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{hintError{errors.New("want the folder to write to"), "for example: modelcheck admission certs ./tls"}}
			}
			return f.make(s, args[0], time.Now())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.service, "service", "modelcheck-admission", "`NAME` of the Service that API servers call")
	flags.StringVar(&f.namespace, "namespace", "modelcheck-system", "its `NAMESPACE`")
	flags.StringVar(&f.secret, "name", "modelcheck-admission-tls", "`NAME` of the Secret")
	flags.Var(ageFlag{&f.valid}, "valid", "how long the certificate is good, such as 90d")
	flags.BoolVar(&f.replace, "replace", false, "write over the files of an earlier run")
	f.valid = 365 * 24 * time.Hour
	return cmd
}

func (f certsFlags) make(s streams, folder string, now time.Time) error {
	for _, name := range []string{f.service, f.namespace, f.secret} {
		if !reDNSLabel.MatchString(name) {
			return usageError{fmt.Errorf("%q is no name of a Service, Namespace or Secret", name)}
		}
	}
	p, err := f.pair(now)
	if err != nil {
		return fmt.Errorf("making the certificate: %w", err)
	}
	if err := p.write(folder, f.replace); err != nil {
		return err
	}
	in := base64.StdEncoding.EncodeToString
	_, err = fmt.Fprintf(s.out, `apiVersion: v1
kind: Secret
type: kubernetes.io/tls
metadata:
  name: %s
  namespace: %s
data:
  ca.crt: %s
  tls.crt: %s
  tls.key: %s
`, f.secret, f.namespace, in(p.ca), in(p.cert), in(p.key))
	fmt.Fprintf(s.err, "modelcheck: wrote %s; good until %s; caBundle: the content of ca.crt in base64\n", printable(folder), p.until.UTC().Format(time.RFC3339))
	return err
}

// A certPair is a serving certificate with its key and authority, as PEM.
type certPair struct {
	ca, cert, key []byte
	until         time.Time
}

func (f certsFlags) pair(now time.Time) (*certPair, error) {
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	p := &certPair{until: now.Add(f.valid)}
	host := f.service + "." + f.namespace + ".svc"
	authority := &x509.Certificate{
		Subject:   pkix.Name{CommonName: "modelcheck admission " + f.namespace},
		NotBefore: now.Add(-time.Hour), NotAfter: p.until,
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		// It vouches for this one service, whoever finds its key.
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: []string{host},
	}
	leaf := &x509.Certificate{
		Subject:   pkix.Name{CommonName: host},
		NotBefore: authority.NotBefore, NotAfter: p.until,
		DNSNames: []string{host},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, c := range []*x509.Certificate{authority, leaf} {
		if c.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
			return nil, err
		}
	}
	ca, err := x509.CreateCertificate(rand.Reader, authority, authority, authorityKey.Public(), authorityKey)
	if err != nil {
		return nil, err
	}
	cert, err := x509.CreateCertificate(rand.Reader, leaf, authority, key.Public(), authorityKey)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	p.ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca})
	p.cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	p.key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	return p, nil
}

func (p *certPair) write(folder string, replace bool) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("writing the certificate: %w", err)
	}
	mode := os.O_CREATE | os.O_WRONLY | os.O_EXCL
	if replace {
		mode = os.O_CREATE | os.O_WRONLY | os.O_TRUNC
	}
	for name, data := range map[string][]byte{"ca.crt": p.ca, "tls.crt": p.cert, "tls.key": p.key} {
		if err := writeNew(filepath.Join(folder, name), data, mode); err != nil {
			return hintError{fmt.Errorf("writing the certificate: %w", err), "--replace writes over an earlier run's"}
		}
	}
	return nil
}

func writeNew(name string, data []byte, mode int) error {
	f, err := os.OpenFile(name, mode, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
