package expression

import (
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// Bounds of one expression. The longest of the shipped rules has 400 bytes and
// nests 6 deep.
const (
	maxSource = 8 << 10
	maxNested = 48
	// maxRounds bounds the rounds of all loops of one evaluation, which takes
	// about half a microsecond a round: a tenth of a second. A rule that visits
	// every file of DeepSeek-V3 takes 180.
	maxRounds = 200_000
	// maxEstimate bounds the worst case for a large record, in CEL's units of
	// cost, before anything is evaluated: three loops over files within one
	// another are refused when they are written.
	maxEstimate = 1_000_000_000
)

// environment is made once: it depends on nothing.
var environment = sync.OnceValues(newEnvironment)

func newEnvironment() (*cel.Env, error) {
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, err
	}
	options := []cel.EnvOption{
		cel.CustomTypeAdapter(registry),
		cel.CustomTypeProvider(provider{registry, objects()}),
		cel.EnableMacroCallTracking(),
		cel.CrossTypeNumericComparisons(true),
		cel.DefaultUTCTimeZone(true),
		cel.ParserRecursionLimit(maxNested),
		cel.ParserExpressionSizeLimit(maxSource),
		cel.Macros(macros()...),
	}
	for name, t := range variables() {
		options = append(options, cel.Variable(name, t))
	}
	for _, g := range []provenance.Grade{provenance.Inferred, provenance.Declared, provenance.Attested, provenance.Verified} {
		options = append(options, cel.Constant(g.String(), cel.IntType, types.Int(g)))
	}
	return cel.NewEnv(append(options, functions()...)...)
}
