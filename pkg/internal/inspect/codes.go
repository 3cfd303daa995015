package inspect

import "github.com/modelcheck/modelcheck/pkg/provenance"

// Reason codes for which provenance has no word of its own; each stands under
// the nearest one, and the rule id tells them apart.
const (
	codeSource       = provenance.CodeCodeOnLoad    // source code that nothing names
	codeTemplate     = provenance.CodeReachesSystem // a template that leads to the interpreter
	codeTemplateName = provenance.CodeCodeOnLoad    // a template with a name to look at
	codeFileRead     = provenance.CodeNetworkOnLoad // loading takes in more than was verified
	codeDiffers      = provenance.CodeClaimConflict // two files of the model disagree
)
