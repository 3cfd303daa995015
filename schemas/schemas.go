// Package schemas holds the JSON Schemas (2020-12) of what modelcheck writes
// and reads: the provenance manifest, the policy, the report, and what single
// verbs print.
//
// It validates nothing. A published file is never edited; a new version is a
// new file. The report's schema refers to the manifest's by its file name.
package schemas

import (
	_ "embed"
	"slices"
)

//go:embed diff-v1.json
var diffV1 []byte

//go:embed evidence-v1.json
var evidenceV1 []byte

//go:embed lock-v1.json
var lockV1 []byte

//go:embed manifest-v1.json
var manifestV1 []byte

//go:embed policy-v1.json
var policyV1 []byte

//go:embed profile-v1.json
var profileV1 []byte

//go:embed report-v1.json
var reportV1 []byte

//go:embed review-v1.json
var reviewV1 []byte

//go:embed rules-v1.json
var rulesV1 []byte

//go:embed same-v1.json
var sameV1 []byte

//go:embed sign-v1.json
var signV1 []byte

//go:embed tensors-v1.json
var tensorsV1 []byte

//go:embed trust-v1.json
var trustV1 []byte

// A Document is a published schema.
type Document struct {
	Name  string // as "modelcheck schema" calls it
	File  string // in this folder; a new version is a new file
	About string // what it describes
	JSON  []byte
}

// All returns the schemas in the order of their names.
func All() []Document {
	return []Document{
		{"diff", "diff-v1.json", "what manifest diff prints with --output json", Diff()},
		{"evidence", "evidence-v1.json", "what manifest verify prints with --output json", Evidence()},
		{"lock", "lock-v1.json", "the lockfile", Lock()},
		{"manifest", "manifest-v1.json", "the provenance manifest, as an in-toto statement", Manifest()},
		{"policy", "policy-v1.json", "a policy file", Policy()},
		{"profile", "profile-v1.json", "a profile: what documents elsewhere say about a model", Profile()},
		{"report", "report-v1.json", "what verify, pull and inspect print with --output json", Report()},
		{"review", "review-v1.json", "a review, as an in-toto statement", Review()},
		{"rules", "rules-v1.json", "what rules prints with --output json", Rules()},
		{"same", "same-v1.json", "what same prints with --output json", Same()},
		{"sign", "sign-v1.json", "what sign prints with --output json", Sign()},
		{"tensors", "tensors-v1.json", "a list of tensors, as --tensors writes it", Tensors()},
		{"trust", "trust-v1.json", "what the verbs of trust print with --output json", Trust()},
	}
}

// Diff returns the schema of what "modelcheck manifest diff" prints, version 1.
func Diff() []byte { return slices.Clone(diffV1) }

// Evidence returns the schema of what "modelcheck manifest verify" prints,
// version 1.
func Evidence() []byte { return slices.Clone(evidenceV1) }

// Lock returns the schema of a lockfile, version 1.
func Lock() []byte { return slices.Clone(lockV1) }

// Manifest returns the schema of a provenance manifest, version 1.
func Manifest() []byte { return slices.Clone(manifestV1) }

// Policy returns the schema of a policy file, version 1.
func Policy() []byte { return slices.Clone(policyV1) }

// Profile returns the schema of a profile, version 1.
func Profile() []byte { return slices.Clone(profileV1) }

// Report returns the schema of a report, version 1.
func Report() []byte { return slices.Clone(reportV1) }

// Review returns the schema of a reviewer's signed statement, version 1.
func Review() []byte { return slices.Clone(reviewV1) }

// Rules returns the schema of what "modelcheck rules" prints, version 1.
func Rules() []byte { return slices.Clone(rulesV1) }

// Same returns the schema of what "modelcheck same" prints, version 1.
func Same() []byte { return slices.Clone(sameV1) }

// Sign returns the schema of what "modelcheck sign" prints, version 1.
func Sign() []byte { return slices.Clone(signV1) }

// Tensors returns the schema of a list of tensors, version 1.
func Tensors() []byte { return slices.Clone(tensorsV1) }

// Trust returns the schema of what the verbs of "modelcheck trust" print,
// version 1.
func Trust() []byte { return slices.Clone(trustV1) }
