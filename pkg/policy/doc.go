// Package policy is the judge: it reads what an organisation trusts and
// demands, and turns a record of what was found into a verdict with all its
// reasons.
//
// It touches neither network nor disk nor clock: key files and trusted roots
// are handed in through Resolve, the time through Case.At. The same policy and
// the same record give the same verdict, in any order, in three years.
//
// Silence denies: the zero Policy decides nothing, the zero Verdict allows
// nothing, an unknown finding denies.
package policy
