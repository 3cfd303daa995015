package signing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	pb "github.com/sigstore/rekor-tiles/v2/pkg/generated/protobuf"
	"github.com/sigstore/rekor/pkg/client"
	"github.com/sigstore/sigstore-go/pkg/sign"
	"google.golang.org/protobuf/encoding/protojson"
)

// rekor2Path is where a log of version 2 takes entries (rekor-tiles,
// api/proto/rekor/v2/rekor_service.proto).
const rekor2Path = "/api/v2/log/entries"

// enter logs the signature of b and adds the proof. verifier is the
// certificate or public key, in PEM.
func (s *Signer) enter(ctx context.Context, l Log, verifier []byte, b *protobundle.Bundle) error {
	options := &sign.RekorOptions{BaseURL: l.URL, Version: l.Version}
	switch l.Version {
	case 1:
		c, err := client.GetRekorClient(l.URL, client.WithUserAgent(s.cfg.UserAgent), client.WithTLSConfig(s.courier.tls()),
			client.WithRetryCount(maxTries-1), client.WithRetryWaitMin(time.Second), client.WithRetryWaitMax(5*time.Second))
		if err != nil {
			return blame(serviceLog, l.URL, err)
		}
		options.Client, options.Timeout = c.Entries, answerLimit
	default:
		options.ClientV2 = rekor2{url: l.URL, agent: s.cfg.UserAgent, client: s.courier.client(ctx, serviceLog)}
	}
	err := sign.NewRekor(options).GetTransparencyLogEntry(ctx, verifier, b)
	var failed *ServiceError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &failed) && failed.Status == http.StatusConflict:
		return fmt.Errorf("%w (this very signature is logged: RSA and Ed25519 keys sign the same way each time)", failed)
	default:
		return blame(serviceLog, l.URL, err)
	}
}

// A rekor2 writes to a log of version 2. The library's own client has neither
// retries nor a way to give it a transport.
type rekor2 struct {
	url    string
	agent  string
	client *http.Client
}

// Add implements sign.RekorV2Client.
func (r rekor2) Add(ctx context.Context, entry any) (*protorekor.TransparencyLogEntry, error) {
	record, ok := entry.(*pb.HashedRekordRequestV002)
	if !ok {
		return nil, fmt.Errorf("an entry of type %T", entry)
	}
	body, err := protojson.Marshal(&pb.CreateEntryRequest{Spec: &pb.CreateEntryRequest_HashedRekordRequestV002{HashedRekordRequestV002: record}})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(r.url, "/")+rekor2Path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", r.agent)
	res, err := r.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body) // bounded by the courier
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusCreated {
		return nil, &ServiceError{Service: serviceLog, URL: r.url, Status: res.StatusCode, Message: words(answer)}
	}
	var proof protorekor.TransparencyLogEntry
	if err := protojson.Unmarshal(answer, &proof); err != nil {
		return nil, fmt.Errorf("reading its answer: %w", err)
	}
	return &proof, nil
}
