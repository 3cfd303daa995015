//go:build e2e

package main_test

import (
	"fmt"
	"net"
	"testing"
	"time"
)

// rekorOrigin names the log in its checkpoints. A log of version 2 is known by
// this name and not by where it is served.
const rekorOrigin = "rekor.testbed.local"

// A sigstore is a Sigstore instance of the test's own on loopback: Fulcio, Rekor v2,
// a timestamp authority, a CT log and two identity providers.
type sigstore struct {
	people    *issuer // attests e-mail addresses
	workflows *issuer // attests workflows, as GitHub Actions does

	trustedRoot   string // for verifiers
	signingConfig string // for signers: where the services are
	noServices    string // for signers: use no service
}

// startSigstore brings the instance up.
func startSigstore(t *testing.T, w *workshop) *sigstore {
	t.Helper()
	s := &sigstore{people: startIssuer(t), workflows: startIssuer(t)}
	keys := newPKI(t, w)
	ctlog := startCTLog(t, keys.ctlogSigner)
	tsa := startTimestamps(t, w, keys)
	rekor := startRekor(t, w, keys)
	fulcio := s.startFulcio(t, w, keys, ctlog)

	start := ",start-time=" + time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	s.trustedRoot = w.path("trusted_root.json")
	w.run(t, "cosign", "trusted-root", "create",
		"--fulcio=url="+fulcio+",certificate-chain="+keys.fulcioChain,
		"--ctfe=url="+ctlog+",public-key="+keys.ctlogPublic+start,
		"--tsa=url="+tsa+",certificate-chain="+keys.tsaChain,
		"--rekor=url=http://"+rekorOrigin+",public-key="+keys.rekorPublic+start+",origin="+rekorOrigin,
		"--out", s.trustedRoot)
	s.signingConfig = w.path("signing_config.json")
	start += ",operator=testbed"
	w.run(t, "cosign", "signing-config", "create",
		"--fulcio=url="+fulcio+",api-version=1"+start,
		"--rekor=url="+rekor+",api-version=2"+start, "--rekor-config=ANY",
		"--tsa=url="+tsa+",api-version=1"+start, "--tsa-config=ANY",
		"--oidc-provider=url="+s.people.url+",api-version=1"+start,
		"--out", s.signingConfig)
	s.noServices = w.path("sc_empty.json")
	w.run(t, "cosign", "signing-config", "create", "--out", s.noServices)
	return s
}

func startTimestamps(t *testing.T, w *workshop, keys *pki) (url string) {
	t.Helper()
	port := freePort(t)
	url = "http://127.0.0.1:" + port + "/api/v1/timestamp"
	w.serve(t, url, "timestamp-server", "serve", "--host", "127.0.0.1", "--port", port,
		"--timestamp-signer", "file", "--file-signer-key-path", keys.tsaKey,
		"--certificate-chain-path", keys.tsaChain, "--disable-ntp-monitoring")
	return url
}

func startRekor(t *testing.T, w *workshop, keys *pki) (url string) {
	t.Helper()
	address := freeAddress(t)
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	url = "http://" + address
	w.serve(t, url, "rekor-server-posix", "serve", "--http-address", host, "--http-port", port,
		"--grpc-address", host, "--grpc-port", freePort(t), "--http-metrics-port", freePort(t),
		"--hostname", rekorOrigin, "--storage-dir", w.path("rekor-data"), "--signer-filepath", keys.rekorKey,
		"--checkpoint-interval", "1s", "--batch-max-age", "100ms")
	return url
}

func (s *sigstore) startFulcio(t *testing.T, w *workshop, keys *pki, ctlog string) (url string) {
	t.Helper()
	config := w.write(t, "fulcio-config.yaml", fmt.Appendf(nil, `oidc-issuers:
  %[1]s:
    issuer-url: %[1]s
    client-id: sigstore
    type: email
    contact: nobody@example.com
    description: people
  %[2]s:
    issuer-url: %[2]s
    client-id: sigstore
    type: github-workflow
    contact: nobody@example.com
    description: workflows
`, s.people.url, s.workflows.url))
	port := freePort(t)
	url = "http://127.0.0.1:" + port
	w.serve(t, url+"/healthz", "fulcio", "serve", "--host", "127.0.0.1", "--port", port,
		"--grpc-host", "127.0.0.1", "--grpc-port", freePort(t), "--metrics-port", freePort(t),
		"--ca", "fileca", "--fileca-cert", keys.fulcioChain, "--fileca-key", keys.fulcioKey,
		"--fileca-key-passwd", "unused", "--fileca-watch=false", "--config-path", config,
		"--ct-log-url", ctlog, "--ct-log-public-key-path", keys.ctlogPublic)
	return url
}
