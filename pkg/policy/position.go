package policy

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/modelcheck/modelcheck/pkg/policy/internal/expression"
)

// placed turns an error in an expression into one in the policy file. YAML
// folds and indents what it quotes, so the expression is followed through the
// file, character by character, without regard to white space.
func placed(err error, n *yaml.Node, source string, data []byte, what string) error {
	var e *expression.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("%w: %s%w", ErrInvalid, what, err)
	}
	line, column := follow(data, n, solid(source, e.Line, e.Column))
	return &Error{Line: line, Column: column, Problem: what + e.Problem}
}

// solid counts the characters of text, without white space, ahead of a line
// and column.
func solid(text string, line, column int) int {
	count := 0
	for i, l := range strings.Split(text, "\n") {
		for j, r := range []rune(l) {
			if i+1 > line || i+1 == line && j+1 >= column {
				return count
			}
			if !unicode.IsSpace(r) {
				count++
			}
		}
	}
	return count
}

// follow finds the place of a scalar's character, counted without white space.
func follow(data []byte, n *yaml.Node, skip int) (line, column int) {
	line, column = n.Line, n.Column
	lines := strings.Split(string(data), "\n")
	if line < 1 || line > len(lines) {
		return max(line, 1), max(column, 1)
	}
	start := column - 1 // the first column of the scalar's text on its first line
	switch n.Style &^ yaml.FlowStyle {
	case yaml.LiteralStyle, yaml.FoldedStyle:
		line, start = line+1, 0
	case yaml.SingleQuotedStyle, yaml.DoubleQuotedStyle:
		start++
	}
	for ; line <= len(lines); line++ {
		runes := []rune(lines[line-1])
		for i := start; i < len(runes); i++ {
			if unicode.IsSpace(runes[i]) {
				continue
			}
			if skip == 0 {
				return line, i + 1
			}
			if i+1 < len(runes) && escaped(n.Style, runes[i], runes[i+1]) {
				i++
			}
			skip--
		}
		start = 0
	}
	return n.Line, n.Column
}

// escaped says whether two characters of a quoted scalar stand for one.
func escaped(style yaml.Style, a, b rune) bool {
	return style&yaml.SingleQuotedStyle != 0 && a == '\'' && b == '\'' || style&yaml.DoubleQuotedStyle != 0 && a == '\\'
}
