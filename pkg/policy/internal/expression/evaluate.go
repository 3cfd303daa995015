package expression

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/interpreter"
)

// Source is what was compiled.
func (e *Expression) Source() string { return e.source }

// Holds evaluates a condition. With an error it says nothing, and whoever
// reads silence as consent is wrong.
func (e *Expression) Holds(r *Record) (bool, error) {
	v, err := e.evaluate(r)
	if err != nil {
		return false, err
	}
	b, ok := v.(types.Bool)
	if !ok {
		return false, fmt.Errorf("it yields no answer, but %s", v.Type().TypeName())
	}
	return bool(b), nil
}

// Write evaluates an expression for a message; what fails is written as such.
func (e *Expression) Write(r *Record) string {
	v, err := e.evaluate(r)
	if err != nil {
		return "(" + err.Error() + ")"
	}
	return spell(v)
}

// over is a context that has ended. CEL looks whether it has every maxRounds
// rounds of its loops, which makes a bound that knows no clock: the same rule
// over the same record always ends in the same way.
var over = func() context.Context {
	ctx, end := context.WithCancel(context.Background())
	end()
	return ctx
}()

func (e *Expression) evaluate(r *Record) (ref.Val, error) {
	v, _, err := e.program.ContextEval(over, r)
	switch {
	case err != nil:
		return nil, errors.New(clean(err))
	case v == nil || types.IsUnknownOrError(v):
		return nil, errors.New("it yields nothing")
	}
	return v, nil
}

// clean takes away where CEL's library says that it failed.
func clean(err error) string {
	if errors.Is(err, interpreter.InterruptError{}) {
		return fmt.Sprintf("its loops took more than %d rounds", maxRounds)
	}
	return err.Error()
}

// maxSpelled bounds the elements of a list that a message shows.
const maxSpelled = 8

// spell writes a value for a person.
func spell(v ref.Val) string {
	switch v := v.(type) {
	case types.String:
		return string(v)
	case types.Null:
		return "nothing"
	case traits.Lister:
		var parts []string
		more := 0
		for it := v.Iterator(); it.HasNext() == types.True; {
			if item := it.Next(); len(parts) < maxSpelled {
				parts = append(parts, spell(item))
			} else {
				more++
			}
		}
		switch {
		case len(parts) == 0:
			return "none"
		case more > 0:
			return fmt.Sprintf("%s and %d more", strings.Join(parts, ", "), more)
		}
		return strings.Join(parts, ", ")
	case traits.Mapper:
		return named(v)
	case types.Timestamp:
		return v.Format("2006-01-02T15:04:05Z07:00")
	default:
		return fmt.Sprint(v.Value())
	}
}

// named writes an object by what identifies it.
func named(m traits.Mapper) string {
	for _, key := range []string{"path", "id", "signer", "text"} {
		if v, ok := m.Find(types.String(key)); ok {
			return spell(v)
		}
	}
	return fmt.Sprintf("an object of %v fields", m.Size().Value())
}
