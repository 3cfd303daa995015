package expression

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/checker"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"
)

// An Error says what is wrong with an expression, and where in it: line and
// column count from 1, in characters.
type Error struct {
	Line, Column int
	Problem      string
}

func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Problem)
}

// An Expression is CEL that was checked against the record's types. It is safe
// for concurrent use.
type Expression struct {
	source  string
	checked *cel.Ast
	program cel.Program
}

// Condition compiles an expression that is true or false.
func Condition(source string) (*Expression, error) { return compile(source, cel.BoolType) }

// Text compiles an expression that is written into a message.
func Text(source string) (*Expression, error) { return compile(source, nil) }

func compile(source string, want *cel.Type) (*Expression, error) {
	env, err := environment()
	if err != nil {
		return nil, err
	}
	if len(source) > maxSource {
		return nil, &Error{1, 1, fmt.Sprintf("the expression has %d bytes, over the limit of %d", len(source), maxSource)}
	}
	checked, issues := env.Compile(source)
	if err := issues.Err(); err != nil {
		return nil, first(issues)
	}
	if want != nil && !checked.OutputType().IsExactType(want) {
		return nil, &Error{1, 1, fmt.Sprintf("the expression is %s, want %s: say what must hold", cel.FormatCELType(checked.OutputType()), cel.FormatCELType(want))}
	}
	if built := construction(checked); built != nil {
		return nil, built
	}
	estimate, err := env.EstimateCost(checked, sizes{})
	if err != nil {
		return nil, err
	}
	if estimate.Max > maxEstimate {
		return nil, &Error{1, 1, fmt.Sprintf("the expression may cost %d steps, over the limit of %d: does a loop stand within a loop over all files?", estimate.Max, maxEstimate)}
	}
	program, err := env.Program(checked, cel.InterruptCheckFrequency(maxRounds), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, &Error{1, 1, err.Error()}
	}
	return &Expression{source: source, checked: checked, program: program}, nil
}

// first makes an Error of what CEL complains of first.
func first(issues *cel.Issues) error {
	for _, e := range issues.Errors() {
		problem, _, _ := strings.Cut(e.Message, "\n")
		problem = strings.TrimPrefix(problem, "Syntax error: ")
		return &Error{Line: max(e.Location.Line(), 1), Column: e.Location.Column() + 1, Problem: hinted(problem)}
	}
	return errors.New(issues.String())
}

// hinted adds what the writer may have meant.
func hinted(problem string) string {
	switch {
	case strings.Contains(problem, "undeclared reference to"):
		return problem + " (known: manifest, files, weights, claims, license, findings, signatures, attestations, reviews, loading, lineage, at)"
	case strings.Contains(problem, "undefined field"):
		return problem + ` (of a claim, write claims["license.weights"].state)`
	case strings.Contains(problem, "'.in'"):
		return problem + ` (in is a word of CEL; write license.within(["MIT"]))`
	case strings.Contains(problem, "token recognition error at: '='"):
		return problem + " (to compare, write ==)"
	default:
		return problem
	}
}

// construction refuses to make objects of the record's types: a rule judges
// the record, and makes none.
func construction(checked *cel.Ast) error {
	var found *Error
	info := checked.NativeRep().SourceInfo()
	ast.PostOrderVisit(checked.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.StructKind && found == nil {
			at := info.GetStartLocation(e.ID())
			found = &Error{at.Line(), at.Column() + 1, "a rule makes no objects"}
		}
	}))
	if found == nil {
		return nil
	}
	return found
}

// sizes are those of a large record, for the estimate of what an expression
// may cost: ten times DeepSeek-V3.
type sizes struct{}

func (sizes) EstimateSize(n checker.AstNode) *checker.SizeEstimate {
	bound := uint64(100)
	switch path := n.Path(); {
	case n.Type().Kind() == cel.StringKind:
		bound = 200
	case len(path) == 0:
	case path[len(path)-1] == "files", path[len(path)-1] == "weights", path[len(path)-1] == "findings":
		bound = 2000
	case path[len(path)-1] == "claims":
		bound = 500
	}
	return &checker.SizeEstimate{Min: 0, Max: bound}
}

func (sizes) EstimateCallCost(string, string, *checker.AstNode, []checker.AstNode) *checker.CallEstimate {
	return nil
}

// Names says whether a string in the expression is one that is asked for.
func (e *Expression) Names(asked func(string) bool) bool {
	found := false
	ast.PostOrderVisit(e.checked.NativeRep().Expr(), ast.NewExprVisitor(func(x ast.Expr) {
		if x.Kind() == ast.LiteralKind {
			if s, ok := x.AsLiteral().(types.String); ok && asked(string(s)) {
				found = true
			}
		}
	}))
	return found
}
