package expression

import (
	"fmt"
	"sort"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/parser"
)

// A Step is a part of an expression and its value.
type Step struct {
	Text  string `json:"text"`
	Value string `json:"value"`
}

// maxStep bounds the text of a value in a trace, in bytes.
const maxStep = 200

// Trace evaluates the expression once more, and gives the values of its parts
// from the outside in. Within loops only what the loop is over is given.
func (e *Expression) Trace(r *Record) []Step {
	env, err := environment()
	if err != nil {
		return nil
	}
	program, err := env.Program(e.checked, cel.InterruptCheckFrequency(maxRounds), cel.EvalOptions(cel.OptTrackState))
	if err != nil {
		return nil
	}
	_, details, _ := program.ContextEval(over, r)
	if details == nil {
		return nil
	}
	t := tracer{info: e.checked.NativeRep().SourceInfo(), seen: map[string]bool{}}
	t.value = func(id int64) (string, bool) {
		v, ok := details.State().Value(id)
		if !ok {
			return "", false
		}
		if err, failed := v.(*types.Err); failed {
			return "fails: " + err.Error(), true
		}
		return spell(v), true
	}
	t.visit(e.checked.NativeRep().Expr())
	return t.steps
}

type tracer struct {
	info  *ast.SourceInfo
	value func(id int64) (string, bool)
	seen  map[string]bool
	steps []Step
}

// visit adds what e is and what it is made of, each text once.
func (t *tracer) visit(e ast.Expr) {
	if e == nil || e.Kind() == ast.LiteralKind || e.Kind() == ast.UnspecifiedExprKind {
		return
	}
	if e.Kind() != ast.ListKind {
		t.add(e)
	}
	switch e.Kind() {
	case ast.CallKind:
		call := e.AsCall()
		if call.IsMemberFunction() {
			t.visit(call.Target())
		}
		for _, arg := range call.Args() {
			t.visit(arg)
		}
	case ast.SelectKind:
		t.visit(e.AsSelect().Operand())
	case ast.ListKind:
		for _, item := range e.AsList().Elements() {
			t.visit(item)
		}
	case ast.ComprehensionKind:
		loop := e.AsComprehension()
		t.visit(loop.IterRange())
		if loop.AccuVar() == everyList {
			t.visit(loop.AccuInit())
		}
	}
}

func (t *tracer) add(e ast.Expr) {
	text, err := parser.Unparse(e, t.info)
	if err != nil || t.seen[text] {
		return
	}
	value, ok := t.value(e.ID())
	if !ok {
		value = "(not needed)"
	}
	t.seen[text] = true
	if e.Kind() == ast.IdentKind && text != "at" {
		return
	}
	if len(value) > maxStep {
		value = strings.ToValidUTF8(value[:maxStep], "") + "…"
	}
	t.steps = append(t.steps, Step{Text: strings.Join(strings.Fields(text), " "), Value: value})
}

// A Pitfall is something in an expression that says less than it seems to.
type Pitfall struct {
	Line, Column int
	Problem      string
}

// Pitfalls finds what a writer may not have meant.
func (e *Expression) Pitfalls() []Pitfall {
	info := e.checked.NativeRep().SourceInfo()
	var out []Pitfall
	ids := make([]int64, 0, len(info.MacroCalls()))
	for id := range info.MacroCalls() {
		ids = append(ids, id)
	}
	sort.Slice(ids, func(i, j int) bool { return ids[i] < ids[j] })
	for _, id := range ids {
		macro := info.MacroCalls()[id]
		if macro.Kind() != ast.CallKind || macro.AsCall().FunctionName() != "all" || !macro.AsCall().IsMemberFunction() {
			continue
		}
		list := macro.AsCall().Target()
		if list.Kind() == ast.ListKind && list.AsList().Size() > 0 {
			continue
		}
		at := info.GetStartLocation(id)
		name := "list"
		if text, err := parser.Unparse(list, info); err == nil {
			name = text
		}
		out = append(out, Pitfall{max(at.Line(), 1), at.Column() + 1, fmt.Sprintf("all() holds of an empty list, so that this is true where %s has nothing in it: write every(%s, …), or !….exists(…) where nothing is as it should be", name, name)})
	}
	return out
}

// Texts are the strings that the expression holds.
func (e *Expression) Texts() []string {
	var out []string
	e.Names(func(s string) bool { out = append(out, s); return false })
	return out
}
