package expression

import (
	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
)

// The names of the record's types, as error messages and documentation write
// them.
const (
	typeManifest    = "Manifest"
	typeArtifact    = "Artifact"
	typeMember      = "Member"
	typeFile        = "File"
	typeLoading     = "Loading"
	typeFinding     = "Finding"
	typeIdentity    = "Identity"
	typeSignature   = "Signature"
	typeAttestation = "Attestation"
	typeReview      = "Review"
	typeClaim       = "Claim"
	typeObservation = "Observation"
	typeSpeaker     = "Speaker"
	typeSource      = "Source"
	typeLineage     = "Lineage"
)

type fieldTypes map[string]*cel.Type

func listOf(name string) *cel.Type { return cel.ListType(cel.ObjectType(name)) }

// claimMap is the type of the variable claims.
func claimMap() *cel.Type { return cel.MapType(cel.StringType, cel.ObjectType(typeClaim)) }

// variables are what an expression can speak of.
func variables() fieldTypes {
	return fieldTypes{
		"manifest":     cel.ObjectType(typeManifest),
		"files":        listOf(typeFile),
		"weights":      listOf(typeFile),
		"loading":      cel.ObjectType(typeLoading),
		"claims":       claimMap(),
		"license":      cel.ObjectType(typeClaim),
		"findings":     listOf(typeFinding),
		"signatures":   listOf(typeSignature),
		"attestations": listOf(typeAttestation),
		"reviews":      listOf(typeReview),
		"lineage":      listOf(typeLineage),
		"at":           cel.TimestampType,
	}
}

// objects are the fields of the record's types. A name that is not here cannot
// be written.
func objects() map[string]fieldTypes {
	texts := cel.ListType(cel.StringType)
	words := cel.MapType(cel.StringType, cel.StringType)
	signature := func() fieldTypes {
		return fieldTypes{
			"signer": cel.StringType, "scheme": cel.StringType, "predicateType": cel.StringType,
			"relation": cel.StringType, "evidence": texts, "identity": cel.ObjectType(typeIdentity),
		}
	}
	return map[string]fieldTypes{
		typeManifest: {"subject": cel.StringType, "artifact": cel.ObjectType(typeArtifact), "files": listOf(typeFile), "findings": listOf(typeFinding), "claims": claimMap()},
		typeArtifact: {"kind": cel.StringType, "mediaType": cel.StringType, "contentIdentity": cel.StringType, "totalBytes": cel.IntType, "members": listOf(typeMember)},
		typeMember: {
			"digest": cel.StringType, "packaging": cel.StringType, "platform": cel.StringType, "artifactType": cel.StringType,
			"configMediaType": cel.StringType, "configDigest": cel.StringType, "contentIdentity": cel.StringType,
		},
		typeFile:        {"path": cel.StringType, "digest": cel.StringType, "size": cel.IntType, "role": cel.StringType, "format": cel.StringType, "class": cel.StringType, "layer": cel.StringType, "members": texts},
		typeLoading:     {"class": cel.StringType, "loaders": texts, "templates": texts},
		typeFinding:     {"id": cel.StringType, "subject": cel.StringType, "detail": cel.StringType, "digest": cel.StringType, "facts": words},
		typeIdentity:    {"keyFingerprint": cel.StringType, "subject": cel.StringType, "issuer": cel.StringType, "trustedRoot": cel.StringType, "extensions": words},
		typeSignature:   signature(),
		typeAttestation: signature(),
		typeReview:      {"reviewer": cel.StringType, "role": cel.StringType, "decision": cel.StringType, "time": cel.TimestampType, "expires": cel.TimestampType},
		typeClaim: {
			"id": cel.StringType, "state": cel.StringType, "grade": cel.IntType, "ceiling": cel.IntType, "absence": cel.StringType,
			"value": cel.DynType, "observations": listOf(typeObservation), "searched": texts, "unread": texts,
		},
		typeObservation: {
			"grade": cel.IntType, "value": cel.DynType, "absence": cel.StringType, "method": cel.StringType,
			"speaker": cel.ObjectType(typeSpeaker), "source": cel.ObjectType(typeSource),
		},
		typeLineage: {
			"relation": cel.StringType, "name": cel.StringType, "digest": cel.StringType, "license": cel.StringType,
			"licensor": cel.StringType, "claim": cel.StringType, "grade": cel.IntType,
		},
		typeSpeaker: {"name": cel.StringType, "relation": cel.StringType, "signer": cel.StringType},
		typeSource:  {"kind": cel.StringType, "path": cel.StringType, "digest": cel.StringType, "pointer": cel.StringType, "quote": cel.StringType},
	}
}

// A provider knows the record's types beside CEL's own. Their values are maps,
// in which every field stands.
type provider struct {
	types.Provider
	objects map[string]fieldTypes
}

func (p provider) FindStructType(name string) (*types.Type, bool) {
	if _, ok := p.objects[name]; ok {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return p.Provider.FindStructType(name)
}

func (p provider) FindStructFieldNames(name string) ([]string, bool) {
	if o, ok := p.objects[name]; ok {
		names := make([]string, 0, len(o))
		for field := range o {
			names = append(names, field)
		}
		return names, true
	}
	return p.Provider.FindStructFieldNames(name)
}

func (p provider) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	if o, ok := p.objects[name]; ok {
		t, ok := o[field]
		return &types.FieldType{Type: t}, ok
	}
	return p.Provider.FindStructFieldType(name, field)
}
