// Package check tells the story of verifying a model: resolve, collect,
// verify signatures, stream every byte, inspect, record, judge.
//
// It knows the order and nothing else: no wire protocol, no file format, no
// flags, no printing. Whether a model is acceptable is decided in package
// policy from the record that is assembled here.
package check
