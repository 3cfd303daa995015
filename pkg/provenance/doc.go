// Package provenance is the record: what was found in an artifact, who says
// what about it, and with what evidence, in a form that outlives the program.
//
// It judges nothing and reads nothing: no clock, no host, no path of this
// machine, no random order. The same artifact, trusted signers and catalogues
// give the same bytes.
package provenance
