package provenance

import "cmp"

// A LoadClass says what loading a file can do at most, in the order of harm.
// The zero value is unknown: it allows nothing, and Compare puts it above
// everything that does not run code on load.
type LoadClass uint8

// The classes.
const (
	LoadUnknown    LoadClass = iota // not understood, or not examined
	LoadInert                       // data only
	LoadDiscloses                   // inert, and holds texts beyond weights
	LoadTemplate                    // holds a template that a runtime renders
	LoadFileRead                    // makes a loader read other files
	LoadEgress                      // makes a loader ask a network
	LoadCode                        // source code that runs when somebody starts it
	LoadCodeOnLoad                  // runs code when loaded
	LoadNative                      // machine code
)

var loadClassNames = [...]string{"unknown", "inert", "discloses", "template", "file-read", "egress", "code", "code-on-load", "native"}

// String returns the word used in manifests and reports.
func (c LoadClass) String() string { return word(loadClassNames[:], int(c)) }

// MarshalText writes the word of String.
func (c LoadClass) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads a word of String and refuses others.
func (c *LoadClass) UnmarshalText(b []byte) error {
	i, err := index("loading class", loadClassNames[:], b)
	if err != nil {
		return err
	}
	*c = LoadClass(i)
	return nil
}

// Compare is positive where c allows more than d.
func (c LoadClass) Compare(d LoadClass) int { return cmp.Compare(c.rank(), d.rank()) }

// Worse returns the class that allows more. Code that was found outranks what
// is unknown; unknown outranks everything that does not run code.
func (c LoadClass) Worse(d LoadClass) LoadClass {
	if c.Compare(d) >= 0 {
		return c
	}
	return d
}

func (c LoadClass) rank() int {
	if c == LoadUnknown || int(c) >= len(loadClassNames) {
		return int(LoadCodeOnLoad)*2 - 1
	}
	return int(c) * 2
}
