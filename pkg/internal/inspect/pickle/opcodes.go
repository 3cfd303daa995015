package pickle

// An argument says what follows an opcode.
type argument uint8

const (
	invalid argument = iota
	none
	fixed1
	fixed2
	fixed4
	fixed8
	line
	twoLines
	counted1 // a length of one byte, then so many bytes
	counted4
	counted4signed // a negative length is an error
	counted8
)

// An opcode is its argument, whether it pushes a text that may become a name,
// whether the weights_only unpickler knows it, and whether it can import,
// call, or hand control to the application.
type opcode struct {
	arg     argument
	text    bool
	profile bool
	active  bool
}

// describe knows all opcodes up to protocol 5 (CPython, Lib/pickle.py).
func describe(op byte) opcode {
	switch op {
	// The profile without what imports or calls.
	case '(', 't', 'N', 'a', 'e', 's', 'u', '}', ']', ')', '.', 0x85, 0x86, 0x87, 0x88, 0x89, 0x8f:
		return opcode{arg: none, profile: true}
	case 'K', 'h', 'q', 0x80:
		return opcode{arg: fixed1, profile: true}
	case 'M':
		return opcode{arg: fixed2, profile: true}
	case 'J', 'j', 'r':
		return opcode{arg: fixed4, profile: true}
	case 'G':
		return opcode{arg: fixed8, profile: true}
	case 'X':
		return opcode{arg: counted4, text: true, profile: true}
	case 'U':
		return opcode{arg: counted1, text: true, profile: true}
	case 0x8a:
		return opcode{arg: counted1, profile: true}
	// The profile's imports and calls.
	case 'R', 'b', 0x81, 'Q':
		return opcode{arg: none, profile: true, active: true}
	case 'c':
		return opcode{arg: twoLines, profile: true, active: true}
	}
	return describeOthers(op)
}

// describeOthers knows the opcodes outside the profile.
func describeOthers(op byte) opcode {
	switch op {
	case '0', '1', '2', 'l', 'd', 0x90, 0x91, 0x94, 0x98:
		return opcode{arg: none}
	case 'F', 'I', 'L', 'g', 'p':
		return opcode{arg: line}
	case 'S', 'V':
		return opcode{arg: line, text: true}
	case 'T':
		return opcode{arg: counted4signed, text: true}
	case 'B':
		return opcode{arg: counted4}
	case 'C':
		return opcode{arg: counted1}
	case 0x8b:
		return opcode{arg: counted4signed}
	case 0x8c:
		return opcode{arg: counted1, text: true}
	case 0x8d:
		return opcode{arg: counted8, text: true}
	case 0x8e, 0x96:
		return opcode{arg: counted8}
	case 0x95:
		return opcode{arg: fixed8}
	case 'o', 0x92, 0x93, 0x97:
		return opcode{arg: none, active: true}
	case 'i':
		return opcode{arg: twoLines, active: true}
	case 'P':
		return opcode{arg: line, active: true}
	case 0x82:
		return opcode{arg: fixed1, active: true}
	case 0x83:
		return opcode{arg: fixed2, active: true}
	case 0x84:
		return opcode{arg: fixed4, active: true}
	}
	return opcode{}
}
