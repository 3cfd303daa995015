package pickle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A value stands for an object on the unpickler's stack. Only what can become
// a name or a callable is told apart.
type value struct {
	kind valueKind
	id   uint32 // into texts, or into globals
}

type valueKind uint8

const (
	other    valueKind = iota
	textual            // a text that is kept
	global             // an imported name
	instance           // made by calling an imported name
)

// machine is the abstract state of one unpickler: what lies where, without the
// objects.
type machine struct {
	stack []value
	marks []int
	memo  []*memoPage // by pages: an index far out makes no room for those before it
	// memoised counts the set entries: MEMOIZE stores at that index.
	memoised uint64
	texts    []string
	globals  []string
	ids      map[string]uint32
}

// A memoPage is a part of the memo.
type memoPage [512]memoEntry

type memoEntry struct {
	value
	set bool
}

var (
	errUnderflow = errors.New("stack underflow")
	errNoMark    = errors.New("no mark")
	errMemo      = errors.New("memo entry that is not there")
	errFull      = errors.New("over the limit of what is followed")
)

func (m *machine) push(v value) error {
	if len(m.stack) == maxStack {
		return errFull
	}
	m.stack = append(m.stack, v)
	return nil
}

// fence is the lowest entry that may be popped: marks protect what is below
// them (_pickle.c, Pdata.fence).
func (m *machine) fence() int {
	if n := len(m.marks); n > 0 {
		return m.marks[n-1]
	}
	return 0
}

func (m *machine) pop() (value, error) {
	n := len(m.stack)
	if n <= m.fence() {
		return value{}, errUnderflow
	}
	v := m.stack[n-1]
	m.stack = m.stack[:n-1]
	return v, nil
}

func (m *machine) popN(n int) error {
	for range n {
		if _, err := m.pop(); err != nil {
			return err
		}
	}
	return nil
}

// popMark drops everything above the last mark and returns the first of it.
func (m *machine) popMark() (first value, any bool, err error) {
	n := len(m.marks)
	if n == 0 {
		return value{}, false, errNoMark
	}
	at := m.marks[n-1]
	m.marks = m.marks[:n-1]
	if at < len(m.stack) {
		first, any = m.stack[at], true
	}
	m.stack = m.stack[:at]
	return first, any, nil
}

func (m *machine) put(i uint64) error {
	n := len(m.stack)
	if n <= m.fence() {
		return errUnderflow
	}
	if i >= maxMemo {
		return errFull
	}
	if page := int(i / uint64(len(memoPage{}))); page >= len(m.memo) {
		m.memo = append(m.memo, make([]*memoPage, page+1-len(m.memo))...)
	}
	e := m.entry(i)
	if !e.set {
		m.memoised++
	}
	*e = memoEntry{m.stack[n-1], true}
	return nil
}

// entry returns the memo's entry at i, for which there is a page.
func (m *machine) entry(i uint64) *memoEntry {
	page := &m.memo[i/uint64(len(memoPage{}))]
	if *page == nil {
		*page = new(memoPage)
	}
	return &(*page)[i%uint64(len(memoPage{}))]
}

func (m *machine) get(i uint64) error {
	if i/uint64(len(memoPage{})) >= uint64(len(m.memo)) || !m.entry(i).set {
		return errMemo
	}
	return m.push(m.entry(i).value)
}

func (m *machine) pushText(s string) error {
	if len(s) > maxName || len(m.texts) == maxTexts {
		return m.push(value{})
	}
	m.texts = append(m.texts, s)
	return m.push(value{textual, uint32(len(m.texts) - 1)})
}

func (m *machine) text(v value) string {
	if v.kind != textual {
		return "?"
	}
	return m.texts[v.id]
}

// globalID finds or adds a name.
func (m *machine) globalID(name string) (uint32, error) {
	if id, ok := m.ids[name]; ok {
		return id, nil
	}
	if len(m.globals) == maxGlobals {
		return 0, errFull
	}
	if m.ids == nil {
		m.ids = map[string]uint32{}
	}
	m.ids[name] = uint32(len(m.globals))
	m.globals = append(m.globals, name)
	return uint32(len(m.globals) - 1), nil
}

// index reads the memo index of PUT and GET as text.
func index(b []byte) (uint64, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 32)
	if err != nil {
		return 0, fmt.Errorf("memo index %q", b)
	}
	return n, nil
}

// number reads a little-endian number of 1, 2, 4 or 8 bytes.
func number(b []byte) uint64 {
	var wide [8]byte
	copy(wide[:], b)
	return binary.LittleEndian.Uint64(wide[:])
}
