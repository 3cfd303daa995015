// Package schemas holds the JSON Schemas (2020-12) of what modelcheck writes
// and reads: the provenance manifest, the policy, the report.
//
// It validates nothing. A published file is never edited; a new version is a
// new file. The report's schema refers to the manifest's by its file name.
package schemas

import (
	_ "embed"
	"slices"
)

//go:embed manifest-v1.json
var manifestV1 []byte

//go:embed policy-v1.json
var policyV1 []byte

//go:embed report-v1.json
var reportV1 []byte

// Manifest returns the schema of a provenance manifest, version 1.
func Manifest() []byte { return slices.Clone(manifestV1) }

// Policy returns the schema of a policy file, version 1.
func Policy() []byte { return slices.Clone(policyV1) }

// Report returns the schema of a report, version 1.
func Report() []byte { return slices.Clone(reportV1) }
