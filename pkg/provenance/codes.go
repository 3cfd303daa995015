package provenance

// A ClaimObservation is an observation on its way into the claim it is about.
type ClaimObservation struct {
	Claim string
	Observation
}

// Reason codes. They are stable: scripts match on them, docs/errors.md says
// what each means and what to do. A code names what was seen, not its verdict.
const (
	// Signature candidates.
	CodeSignatureVerified      = "signature-verified"
	CodeSignatureMissing       = "signature-missing"        // nothing that could be a signature was found
	CodeSignatureWrongKey      = "signature-wrong-key"      // no trusted key made it
	CodeSignatureWrongIdentity = "signature-wrong-identity" // holds, by somebody whom the policy does not name
	CodeSignatureWrongIssuer   = "signature-wrong-issuer"   // holds, and the identity has the right name from another issuer
	CodeSignatureWrongSubject  = "signature-wrong-subject"  // is about another artifact
	CodeSignatureBad           = "signature-bad"            // does not match its own content
	CodeUntrustedRoot          = "untrusted-root"           // certificate chains to no trusted authority
	CodeNoTimestamp            = "no-timestamp"             // no trusted time
	CodeExpiredAtTime          = "expired-at-time"          // certificate or key not valid at the proven time
	CodeLogInclusionFailed     = "log-inclusion-failed"
	CodeUnsupportedEntry       = "unsupported-entry"
	CodeCertificateNotLogged   = "certificate-not-logged" // certificate without a timestamp of a trusted certificate log (SCT)
	CodeNotASignature          = "not-a-signature"        // an attestation or another kind of referrer
	CodeSignatureMalformed     = "signature-malformed"
	CodeSignatureWrongScheme   = "signature-wrong-scheme" // holds, under a scheme that the policy does not accept
	CodeSignaturePending       = "signature-pending"      // holds; whether it is about these files is known when they were hashed
	CodeAttestationVerified    = "attestation-verified"   // cryptography and subject hold, and it says something else than that the artifact is signed
	CodeAttestationMissing     = "attestation-missing"    // one that the policy requires
	CodeNoTrust                = "no-trust"               // nobody said whom to trust

	// Bytes.
	CodeDigestMismatch = "digest-mismatch"
	CodeSizeMismatch   = "size-mismatch"
	CodeLimitExceeded  = "limit-exceeded"

	// Manifests and packaging.
	CodeManifestMalformed = "manifest-malformed"
	CodeMediaTypeMismatch = "media-type-mismatch"
	CodeEmptyArtifact     = "empty-artifact"
	CodeUnnamedLayer      = "unnamed-layer"
	CodeUnsafeName        = "unsafe-file-name"
	CodeDuplicateName     = "duplicate-file-name"
	CodeExternalContent   = "external-content"
	CodeUnsafeEntry       = "unsafe-archive-entry" // link out of the model, device, …
	CodeLinkEntry         = "link-in-archive"
	CodeArchiveMalformed  = "archive-malformed"
	CodeUnknownPackaging  = "unknown-packaging"
	CodeAnnotationDiffers = "annotation-differs" // an annotation claims other bytes than there are
	CodePlatformsDiffer   = "platforms-differ"
	CodeTagMoved          = "tag-differs" // the tag in the reference points elsewhere

	// Files.
	CodeConfigMalformed     = "config-malformed"
	CodeDocumentTooLarge    = "document-too-large"
	CodeDocumentMalformed   = "document-malformed"
	CodeFormatMalformed     = "format-malformed"
	CodeWeightsIncomplete   = "weights-incomplete" // files that an index or a numbered name promises are missing
	CodeFormatMismatch      = "format-mismatch"
	CodeCodeOnLoad          = "code-on-load"
	CodeNetworkOnLoad       = "network-on-load"    // makes a loader fetch something from elsewhere
	CodeNativeCode          = "native-code"        // machine code, whatever its name
	CodeLoadingUnknown      = "loading-unknown"    // nobody can say what loading the file does
	CodeSerializedObjects   = "serialized-objects" // pickle and its kin: loading may run code
	CodeReachesSystem       = "reaches-system"     // a pickle or template that leads to processes, files, networks or the interpreter
	CodeIgnoredBySigner     = "ignored-by-signer"  // a file that the signer had left out of a model signature
	CodeIgnoredByDefault    = "ignored-git-file"   // a file of git's, which model signatures leave out
	CodeIrregularFile       = "irregular-file"     // link, device or pipe in a plain tree
	CodeFileChanged         = "file-changed"       // while it was being read
	CodeReceiptDiffers      = "receipt-differs"    // a pulled folder is not what its receipt says
	CodeLicenseUnidentified = "license-unidentified"
	CodeClaimConflict       = "claim-conflict"
	CodeTokenizerUnusual    = "tokenizer-unusual" // it does more than turn text into numbers, each of one token

	// What documents say.
	CodeLicenseModified   = "license-modified"
	CodeObligationNotMet  = "obligation-not-met"
	CodeLicenseFlow       = "license-flow"
	CodeLicenseRelicensed = "license-relicensed"
	CodeLineageDiffers    = "lineage-differs"
	CodeProfileWeakMatch  = "profile-weak-match"
	CodeProfileDiffers    = "profile-differs"

	// The world.
	CodeNotFound             = "not-found"
	CodeAmbiguous            = "ambiguous-reference" // several artifacts are meant by it
	CodeRateLimited          = "rate-limited"
	CodeUnauthorized         = "unauthorized"
	CodeUnreachable          = "registry-unreachable"
	CodeRegistryError        = "registry-error" // it answered, but not with what was asked for
	CodeTransferIncomplete   = "transfer-incomplete"
	CodeReferrersUnavailable = "referrers-unavailable" // could not ask for signatures, which is not "none"
	CodeTrustMaterial        = "trust-material"        // key, root or policy file cannot be used
	CodeInputOutput          = "input-output"
	CodeInterrupted          = "interrupted"
	CodeInternal             = "internal-error"

	// Signing.
	CodeSigningKey     = "signing-key"     // the private key, or its password, cannot be used
	CodeIdentityToken  = "identity-token"  // none, expired, or refused
	CodeSigningService = "signing-service" // certificate authority, log or timestamp authority did not do its part
	CodeNotReadBack    = "not-read-back"   // attached, and not handed out
	CodeNotSignable    = "not-signable"    // its files cannot be listed for a signature over files

	// Verification summaries, where they stand for hashing.
	CodeSummaryAccepted     = "summary-accepted"     // a verifier whom the policy accepts says that every byte was verified; nothing was hashed
	CodeSummaryMissing      = "summary-missing"      // none, or too few, by those whom the policy accepts
	CodeSummaryWrongSigner  = "summary-wrong-signer" // holds, by somebody whose summaries the policy does not accept
	CodeSummaryWrongPolicy  = "summary-wrong-policy" // about another policy than this one and those that it names
	CodeSummaryStale        = "summary-stale"        // too old, or of an age that nobody knows
	CodeSummaryFailed       = "summary-failed"       // a verifier says that the artifact failed
	CodeSummaryMalformed    = "summary-malformed"    // by an accepted verifier, and cannot be read
	CodeSummaryInsufficient = "summary-insufficient" // does not say that every byte was verified
	CodeLockDrift           = "lock-drift"           // bytes, policy or record are not those of the lockfile
	CodeLockMissing         = "lock-missing"         // the lockfile does not hold the reference
	CodeNotRecorded         = "not-recorded"         // nothing was attested: the verdict is not one that may be

	// Policy.
	CodeUsage           = "usage"
	CodeNotCompared     = "not-compared"
	CodePolicyInvalid   = "policy-invalid"
	CodeUnsignedAllowed = "unsigned-allowed" // --allow-unsigned was typed
	CodeNotDecided      = "not-decided"
	CodeHoldAccepted    = "hold-accepted"   // --fail-on deny was typed
	CodeRecordInvalid   = "record-invalid"  // the record contradicts itself
	CodeRuleNotMet      = "rule-not-met"    // what a rule of the policy requires does not hold
	CodeRuleFailed      = "rule-failed"     // a rule could not be evaluated over this record
	CodeScopeUnmatched  = "scope-unmatched" // no scope of the policy is for this reference
	CodePolicyExpired   = "policy-expired"  // the policy names a time that has passed
	CodeRuleWarned      = "rule-warned"     // a rule that only warns is not met
	CodeWarningHeld     = "warning-held"    // --fail-on warn was typed

	// Records as files.
	CodeRecordSchema       = "record-schema"        // does not fit schemas/manifest-v1.json
	CodeRecordNotCanonical = "record-not-canonical" // says nothing wrong, in other bytes than those of the record

	// Admission of Kubernetes objects.
	CodeObjectMalformed    = "object-malformed"      // not what its kind says, or no admission request
	CodeKindUnknown        = "kind-unknown"          // nobody said where the kind names models
	CodeReferenceMalformed = "reference-malformed"   // what stands where a model is named is no reference
	CodeNotVerifiable      = "source-not-verifiable" // a bucket, a hub, a volume: no registry
	CodeUnpinned           = "reference-unpinned"    // named by a tag, which can move before the node pulls
	CodeDeadline           = "deadline-exceeded"     // the time to answer ended before there was a verdict
	CodeExempted           = "exempted"              // the policy lets it in whatever its verdict, for a time

	// Reviews.
	CodeReviewCounted         = "review-counted"          // it holds, and counts for its role
	CodeReviewMissing         = "review-missing"          // a role's quorum is not met
	CodeReviewMalformed       = "review-malformed"        // its statement says what no review may say
	CodeReviewUnknownReviewer = "review-unknown-reviewer" // by nobody whom the policy calls a reviewer
	CodeReviewWrongIdentity   = "review-wrong-identity"   // it names another reviewer than who signed it
	CodeReviewWrongRole       = "review-wrong-role"       // the policy does not give its reviewer that role
	CodeReviewNotIndependent  = "review-not-independent"  // by somebody who signed the model itself, or is excluded
	CodeReviewNoTime          = "review-no-time"          // no trusted time says when it was made
	CodeReviewExpired         = "review-expired"          // its validity has ended, or it is older than the policy wants
	CodeReviewNotYetValid     = "review-not-yet-valid"
	CodeReviewOutdated        = "review-outdated"         // of another record: something new is seen now
	CodeReviewPolicyChanged   = "review-policy-changed"   // made under another policy, and it says that this ends it
	CodeReviewReportDiffers   = "review-report-differs"   // the report that it names was never rendered of this record
	CodeReviewCriterionUnmet  = "review-criterion-unmet"  // a criterion that its role answers for is not met
	CodeReviewCriteriaDiffer  = "review-criteria-differ"  // another text stands under the criterion's id
	CodeReviewWaiverRefused   = "review-waiver-refused"   // expired, or nobody whom the policy lets waive that
	CodeReviewOutOfScope      = "review-out-of-scope"     // it does not hold for what is asked
	CodeReviewConditionUnmet  = "review-condition-unmet"  // a condition that can be checked does not hold
	CodeReviewBaselineMissing = "review-baseline-missing" // a delta review without a full approval at its beginning
	CodeReviewSuperseded      = "review-superseded"       // a later one by the same person replaces it
	CodeReviewWithdrawn       = "review-withdrawn"        // somebody took it back
	CodeReviewRejected        = "review-rejected"         // a reviewer decided against
	CodeReviewViolation       = "review-violation"        // a reviewer knows what forbids use
	CodeReviewAbstained       = "review-abstained"        // it decides nothing
	CodeReviewIndexMissing    = "review-index-missing"    // the policy wants a signed list of all reviews
	CodeReviewIndexStale      = "review-index-stale"      // the list's validity has ended
	CodeReviewWithheld        = "review-withheld"         // the list names a review that was not handed out
	CodeReviewNotIndexed      = "review-not-indexed"      // the list does not name it
	CodeRuleWaived            = "rule-waived"             // a review takes the place of a rule, as the policy allows
)

const (
	// Evidence bundles.
	CodeEvidenceMalformed  = "evidence-malformed"   // not written as an evidence bundle is
	CodeEvidenceTruncated  = "evidence-truncated"   // the file ends early
	CodeEvidenceUnsafeName = "evidence-unsafe-name" // an entry that would lie elsewhere when unpacked
	CodeEvidenceDuplicate  = "evidence-duplicate"   // an entry stands twice
	CodeEvidenceDigest     = "evidence-digest"      // other bytes than those of the digest they stand under
	CodeEvidenceManifest   = "evidence-manifest"    // another record than the one that was bundled
	CodeEvidenceMissing    = "evidence-missing"     // something that the record rests on is not there
	CodeEvidenceExtra      = "evidence-extra"       // something is there that nothing names
	CodeEvidenceArtifact   = "evidence-artifact"    // the record is not about these OCI manifests
	CodeEvidenceQuote      = "evidence-quote"       // a quotation does not stand at its lines
	CodeEvidencePointer    = "evidence-pointer"     // a pointer or annotation key leads to nothing
	CodeEvidenceClaims     = "evidence-claims"      // the documents say something else than the record
	CodeEvidenceSignature  = "evidence-signature"   // a signer of the record is not proven
	CodeEvidenceForeign    = "evidence-foreign"     // written by other rules, so that reading again proves nothing
)
