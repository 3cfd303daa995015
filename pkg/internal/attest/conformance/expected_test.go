package main

import "github.com/modelcheck/modelcheck/pkg/provenance"

// Who signs in sigstore-conformance (its test/client.py).
const (
	conformanceIdentity = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main"
	conformanceIssuer   = "https://token.actions.githubusercontent.com"
	conformanceKey      = "sha256:4cb32c4837c6dda8cfb1681efb3fef5f94ffce5b979e6bdb9139302c857af139"
)

// conformanceCodes are the reasons that the README of each failing case
// describes, with a word of the detail where the code alone could hide another
// reason.
var conformanceCodes = map[string][2]string{
	"bundle-empty-certificate-chain_fail":             {provenance.CodeSignatureMalformed, "chain is empty"},
	"bundle-from-wrong-instance_fail":                 {provenance.CodeUntrustedRoot, ""},
	"bundle-invalid-base64-signature_fail":            {provenance.CodeSignatureMalformed, "BASE64"},
	"bundle-malformed-json_fail":                      {provenance.CodeSignatureMalformed, "malformed JSON"},
	"bundle-negative-log-index_fail":                  {provenance.CodeSignatureMalformed, "negative index"},
	"bundle-unknown-version_fail":                     {provenance.CodeSignatureMalformed, "media type"},
	"bundle-with-root-cert_fail":                      {provenance.CodeSignatureMalformed, "its own root"},
	"checkpoint-bad-keyhint_fail":                     {provenance.CodeLogInclusionFailed, "checkpoint"},
	"checkpoint-wrong-roothash_fail":                  {provenance.CodeLogInclusionFailed, "root hash"},
	"dsse-invalid-sig_fail":                           {provenance.CodeSignatureBad, ""},
	"dsse-mismatch-envelope_fail":                     {provenance.CodeLogInclusionFailed, "does not match"},
	"dsse-mismatch-sig_fail":                          {provenance.CodeLogInclusionFailed, "signature does not match"},
	"inclusion-proof-corrupted-hash_fail":             {provenance.CodeLogInclusionFailed, "expected root"},
	"incorrect-public-key_fail":                       {provenance.CodeLogInclusionFailed, "verifying signature"},
	"integrated-time-in-future_fail":                  {provenance.CodeExpiredAtTime, "logged at"},
	"intoto-expired-certificate_fail":                 {provenance.CodeExpiredAtTime, "issued"},
	"intoto-log-entry-mismatch_fail":                  {provenance.CodeLogInclusionFailed, "envelope"},
	"intoto-missing-inclusion-proof_fail":             {provenance.CodeLogInclusionFailed, "no inclusion proof"},
	"intoto-set-outside-signing-cert-validity_fail":   {provenance.CodeExpiredAtTime, "logged at"},
	"intoto-tsa-timestamp-outside-cert-validity_fail": {provenance.CodeExpiredAtTime, "not valid at"},
	"invalid-checkpoint-signature_fail":               {provenance.CodeLogInclusionFailed, "checkpoint"},
	"invalid-ct-key_fail":                             {provenance.CodeCertificateNotLogged, ""},
	"invalid-inclusion-proof_fail":                    {provenance.CodeLogInclusionFailed, "inclusion proof"},
	"managed-key-no-key_fail":                         {provenance.CodeSignatureWrongKey, "no key was given"},
	// The case's key is no point of its curve; a real wrong key is tried too.
	"managed-key-wrong-key_fail":                                {provenance.CodeTrustMaterial, "not on curve"},
	"message-digest-mismatch_fail":                              {provenance.CodeSignatureBad, ""},
	"rekor2-checkpoint-missing-log-signature_fail":              {provenance.CodeLogInclusionFailed, "malformed note"},
	"rekor2-checkpoint-missing-origin_fail":                     {provenance.CodeLogInclusionFailed, "checkpoint"},
	"rekor2-checkpoint-missing-root-hash_fail":                  {provenance.CodeLogInclusionFailed, "checkpoint"},
	"rekor2-checkpoint-missing-size_fail":                       {provenance.CodeLogInclusionFailed, "checkpoint"},
	"rekor2-checkpoint-no-matching-signature_fail":              {provenance.CodeLogInclusionFailed, "no verifiable signatures"},
	"rekor2-dsse-invalid-sig_fail":                              {provenance.CodeSignatureBad, ""},
	"rekor2-dsse-mismatch-envelope_fail":                        {provenance.CodeLogInclusionFailed, "expected root"},
	"rekor2-dsse-mismatch-sig_fail":                             {provenance.CodeLogInclusionFailed, "expected root"},
	"rekor2-no-inclusion-proof_fail":                            {provenance.CodeLogInclusionFailed, "no inclusion proof"},
	"rekor2-no-timestamp_fail":                                  {provenance.CodeNoTimestamp, ""},
	"rekor2-timestamp-outside-trust-root-tsa-validity_fail":     {provenance.CodeNoTimestamp, "after the validity"},
	"rekor2-timestamp-outside-tsa-cert-validity_fail":           {provenance.CodeNoTimestamp, "outside of certificate validity"},
	"rekor2-timestamp-payload-mismatch_fail":                    {provenance.CodeNoTimestamp, "don't match"},
	"rekor2-timestamp-untrusted-tsa-with-embedded-cert_fail":    {provenance.CodeNoTimestamp, "TSA certificate"},
	"rekor2-timestamp-untrusted-tsa-without-embedded-cert_fail": {provenance.CodeNoTimestamp, "No certificate"},
	// The case's base64 has line breaks, which protobuf's JSON does not allow;
	// TestConformanceMeant tries it without.
	"rekor2-timestamp-with-incorrect-time_fail":   {provenance.CodeSignatureMalformed, "signedTimestamp"},
	"set-invalid-signature_fail":                  {provenance.CodeLogInclusionFailed, ""},
	"signature-mismatch_fail":                     {provenance.CodeSignatureBad, ""},
	"trust-root-tlog-missing-validity-start_fail": {provenance.CodeTrustMaterial, "start time"},
	"wrong-hashedrekord-artifact_fail":            {provenance.CodeLogInclusionFailed, "does not match"},
	"wrong-hashedrekord-cert-and-sig_fail":        {provenance.CodeLogInclusionFailed, "does not match"},
	"wrong-hashedrekord-entry_fail":               {provenance.CodeLogInclusionFailed, "does not match"},
	"wrong-material_fail":                         {provenance.CodeSignatureWrongSubject, ""},
}
