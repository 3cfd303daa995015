// Package expression evaluates CEL over a provenance manifest: with types, a
// bound on what it may cost, and neither clock nor network.
//
// It decides nothing. What an expression that is false, or that fails, means
// for a model is the business of who asks.
package expression
