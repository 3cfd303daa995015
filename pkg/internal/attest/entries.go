package attest

import (
	"encoding/hex"
	"strings"

	"github.com/go-json-experiment/json"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/sigstore-go/pkg/tlog"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// supportedEntry names the kinds of log entries that sigstore-go v1.3.0 can
// verify. dsse/0.0.2, which early Rekor v2 clients wrote, is not one of them.
func supportedEntry(kind, version string) bool {
	switch kind + "/" + version {
	case "hashedrekord/0.0.1", "hashedrekord/0.0.2", "dsse/0.0.1", "intoto/0.0.2":
		return true
	}
	return false
}

func checkEntries(mediaType string, entries []*protorekor.TransparencyLogEntry) error {
	if n := len(entries); n > MaxLogEntries {
		return refuse(provenance.CodeLimitExceeded, "%d log entries are over the limit of %d", n, MaxLogEntries)
	}
	promise, proof := false, false
	seen := map[string]bool{}
	for _, e := range entries {
		if err := checkEntry(e); err != nil {
			return err
		}
		id := hex.EncodeToString(e.GetLogId().GetKeyId()) + "/" + hex.EncodeToString(e.GetCanonicalizedBody())
		if seen[id] {
			return refuse(provenance.CodeSignatureMalformed, "it holds one log entry twice")
		}
		seen[id] = true
		promise = promise || len(e.GetInclusionPromise().GetSignedEntryTimestamp()) > 0
		proof = proof || e.GetInclusionProof() != nil
	}
	// sigstore_bundle.proto, TransparencyLogEntry: v0.1 bundles carry an
	// inclusion promise, later ones an inclusion proof.
	old := strings.HasSuffix(mediaType, "version=0.1")
	switch {
	case len(entries) == 0:
	case old && !promise:
		return refuse(provenance.CodeLogInclusionFailed, "its log entry has no inclusion promise, which bundles of version 0.1 need")
	case !old && !proof:
		return refuse(provenance.CodeLogInclusionFailed, "its log entry has no inclusion proof")
	}
	return nil
}

// checkEntry compares the kind that an entry claims with its body:
// sigstore-go takes the claim for granted.
func checkEntry(e *protorekor.TransparencyLogEntry) error {
	kv := e.GetKindVersion()
	if kv == nil || len(e.GetCanonicalizedBody()) == 0 || len(e.GetLogId().GetKeyId()) == 0 || e.GetLogIndex() < 0 {
		return refuse(provenance.CodeSignatureMalformed, "a log entry without kind, body or log, or with a negative index")
	}
	if !supportedEntry(kv.GetKind(), kv.GetVersion()) {
		return refuse(provenance.CodeUnsupportedEntry, "a log entry of kind %q, version %q", kv.GetKind(), kv.GetVersion())
	}
	var body struct {
		Kind    string `json:"kind"`
		Version string `json:"apiVersion"`
	}
	if err := json.Unmarshal(e.GetCanonicalizedBody(), &body); err != nil {
		return refuse(provenance.CodeSignatureMalformed, "the body of a log entry: %v", err)
	}
	if body.Kind != kv.GetKind() || body.Version != kv.GetVersion() {
		return refuse(provenance.CodeSignatureMalformed, "a log entry says %q and its body %q", kv.GetKind()+"/"+kv.GetVersion(), body.Kind+"/"+body.Version)
	}
	// Reading an entry verifies that its signature fits its key and content.
	if _, err := tlog.ParseTransparencyLogEntry(e); err != nil {
		return refuse(provenance.CodeLogInclusionFailed, "its log entry does not hold: %v", err)
	}
	return nil
}
