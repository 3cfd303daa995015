package expression

import (
	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/parser"
)

// everyList holds the list of an every while it is looked at; no expression
// can write this name.
const everyList = "@every"

func macros() []cel.Macro {
	return []cel.Macro{
		cel.GlobalMacro("every", 3, expandEvery),
		cel.GlobalMacro("grade", 1, expandGrade),
		cel.GlobalMacro("grade", 2, expandGrade),
	}
}

// expandEvery makes of every(list, x, condition): the list has an element, and
// the condition holds of each.
func expandEvery(f cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
	if args[1].Kind() != ast.IdentKind {
		return nil, f.NewError(args[1].ID(), "every(list, x, condition): x must be a name")
	}
	all, err := parser.MakeAll(f, f.NewIdent(everyList), args[1:])
	if err != nil {
		return nil, err
	}
	filled := f.NewCall(operators.Greater, f.NewCall("size", f.NewIdent(everyList)), f.NewLiteral(types.Int(0)))
	return f.NewComprehension(
		f.NewList(), "@unused", everyList, args[0], // the list is the start of the loop, which ends at once
		f.NewLiteral(types.False), f.NewIdent(everyList),
		f.NewCall(operators.LogicalAnd, filled, all),
	), nil
}

// expandGrade makes of grade(id): claims.grade(id).
func expandGrade(f cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
	return f.NewMemberCall("grade", f.NewIdent("claims"), args...), nil
}
