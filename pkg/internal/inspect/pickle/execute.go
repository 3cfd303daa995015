package pickle

import (
	"errors"
	"fmt"
	"math"
)

// execute moves the abstract stack as the opcode does.
func (p *Parser) execute(b []byte) error {
	m := &p.m
	switch p.op {
	case 0x80: // PROTO
		if b[0] > 5 {
			return fmt.Errorf("protocol %d", b[0])
		}
		return nil
	case 0x95: // FRAME
		n := number(b)
		if n > math.MaxInt64-uint64(p.feed.Offset()) {
			return errors.New("frame over all bounds")
		}
		p.frame = p.feed.Offset() + int64(n)
		return nil
	case '.':
		_, err := m.pop()
		return err
	case '(':
		if len(m.marks) == maxStack {
			return errFull
		}
		m.marks = append(m.marks, len(m.stack))
		return nil
	case '0': // POP takes a mark where one is on top
		if n := len(m.marks); n > 0 && m.marks[n-1] == len(m.stack) {
			m.marks = m.marks[:n-1]
			return nil
		}
		_, err := m.pop()
		return err
	case '2':
		v, err := m.pop()
		if err != nil {
			return err
		}
		return errors.Join(m.push(v), m.push(v))
	case 0x98: // READONLY_BUFFER
		return nil
	}
	if p.desc.active {
		return p.executeActive(b)
	}
	return p.executeData(b)
}

func (p *Parser) executeData(b []byte) error {
	m := &p.m
	switch p.op {
	case '1': // POP_MARK
		_, _, err := m.popMark()
		return err
	case 'a': // APPEND
		return m.popN(1)
	case 's': // SETITEM
		return m.popN(2)
	case 'e', 'u', 0x90: // APPENDS, SETITEMS, ADDITEMS
		_, _, err := m.popMark()
		return err
	case 't', 'l', 'd', 0x91: // to the mark, into one
		if _, _, err := m.popMark(); err != nil {
			return err
		}
		return m.push(value{})
	case 0x85, 0x86, 0x87: // TUPLE1 to TUPLE3
		if err := m.popN(int(p.op) - 0x84); err != nil {
			return err
		}
		return m.push(value{})
	case 'h', 'j': // BINGET, LONG_BINGET
		return m.get(number(b))
	case 'q', 'r':
		return m.put(number(b))
	case 0x94: // MEMOIZE
		return m.put(m.memoised)
	case 'g', 'p':
		i, err := index(b)
		if err != nil {
			return err
		}
		if p.op == 'g' {
			return m.get(i)
		}
		return m.put(i)
	}
	return p.pushData(b)
}

func (p *Parser) pushData(b []byte) error {
	switch {
	case !p.desc.text:
		return p.m.push(value{})
	case p.op == 'S':
		if len(b) < 2 || b[0] != b[len(b)-1] || b[0] != '\'' && b[0] != '"' {
			if !p.cut {
				return errors.New("string without quotation marks")
			}
			return p.m.push(value{})
		}
		return p.m.pushText(string(b[1 : len(b)-1]))
	case p.cut && p.desc.arg == line, p.desc.arg != line && p.size > maxName:
		return p.m.push(value{})
	}
	return p.m.pushText(string(b))
}

// executeActive moves the stack at opcodes that import or call.
func (p *Parser) executeActive(b []byte) error {
	m := &p.m
	switch p.op {
	case 'c': // GLOBAL
		return p.imports(p.dotted(p.module, b))
	case 0x93: // STACK_GLOBAL
		name, err := m.pop()
		if err != nil {
			return err
		}
		module, err := m.pop()
		if err != nil {
			return err
		}
		return p.imports(m.text(module) + "." + m.text(name))
	case 'i': // INST
		if err := p.imports(p.dotted(p.module, b)); err != nil {
			return err
		}
		class, err := m.pop()
		if err != nil {
			return err
		}
		if _, _, err := m.popMark(); err != nil {
			return err
		}
		return p.calls(class)
	case 'o': // OBJ
		class, ok, err := m.popMark()
		if err != nil || !ok {
			return errors.Join(err, errUnderflow)
		}
		return p.calls(class)
	case 'R', 0x81: // REDUCE, NEWOBJ
		return p.callsBelow(1)
	case 0x92: // NEWOBJ_EX
		return p.callsBelow(2)
	case 'b':
		return p.builds()
	case 'Q': // BINPERSID: what it loads is the application's business
		if _, err := m.pop(); err != nil {
			return err
		}
	case 0x82, 0x83, 0x84: // EXT: a name that only the reading process knows
		return p.imports("extension registry")
	}
	return m.push(value{}) // PERSID, NEXT_BUFFER, BINPERSID
}

func (p *Parser) imports(name string) error {
	allowed := allowedGlobal(name)
	if !allowed {
		p.leave("imports %q, which is outside the weights_only profile,", name)
	}
	id, err := p.m.globalID(name)
	switch {
	case p.listed(name):
	case len(p.report.Imports) < maxImports:
		p.report.Imports = append(p.report.Imports, Import{Name: name, Offset: p.at, Allowed: allowed})
	default:
		p.report.More++
	}
	if err != nil {
		return err
	}
	return p.m.push(value{global, id})
}

func (p *Parser) listed(name string) bool {
	for _, i := range p.report.Imports {
		if i.Name == name {
			return true
		}
	}
	return false
}

func (p *Parser) callsBelow(arguments int) error {
	if err := p.m.popN(arguments); err != nil {
		return err
	}
	callable, err := p.m.pop()
	if err != nil {
		return err
	}
	return p.calls(callable)
}

func (p *Parser) calls(callable value) error {
	p.report.Calls = true
	if callable.kind != global {
		p.leave("calls what is no imported name")
		return p.m.push(value{})
	}
	return p.m.push(value{instance, callable.id})
}

// builds sets the state of an object, which runs its __setstate__.
func (p *Parser) builds() error {
	if _, err := p.m.pop(); err != nil {
		return err
	}
	target, err := p.m.pop()
	if err != nil {
		return err
	}
	p.report.Calls = true
	if target.kind != instance || !buildable(p.m.globals[target.id]) {
		p.leave("sets the state of what is no tensor")
	}
	return p.m.push(target)
}

// name is how CPython calls an opcode that is outside the profile, or its
// number.
func name(op byte) string {
	switch op {
	case 'i':
		return "INST"
	case 'o':
		return "OBJ"
	case 0x92:
		return "NEWOBJ_EX"
	case 0x93:
		return "STACK_GLOBAL"
	case 0x95:
		return "FRAME"
	case 0x94:
		return "MEMOIZE"
	case 0x8c:
		return "SHORT_BINUNICODE"
	case 'P':
		return "PERSID"
	}
	return fmt.Sprintf("0x%02x", op)
}
