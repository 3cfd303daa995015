package main

import (
	"errors"
	"io/fs"

	"github.com/modelcheck/modelcheck/pkg/check"
)

// A trustHint says what a person can do about a failure with trusted roots.
type trustHint struct {
	err   error
	usage bool
	hint  string
}

// trustHints is searched in order.
func trustHints() []trustHint {
	return []trustHint{
		{check.ErrTrustName, true, "for example --name corp; the path of a file holds a dot or a slash"},
		{check.ErrTrustMirror, true, "for example --mirror https://tuf.corp.example --root root.json"},
		{check.ErrTrustConflict, false, "choose another --name, or say --replace if the new source is meant to take its place"},
		{check.ErrTrustExpired, false, "is this computer's clock right? if it is, the repository was not renewed in time, or the mirror holds newer metadata back: try another --mirror; nothing was installed"},
		{check.ErrTrustRollback, false, "the mirror is behind or was tampered with: try another --mirror; nothing was installed"},
		{check.ErrTrustUnverified, false, "is --root the root of this repository, and is this URL one? a proxy or login page may answer in its place; nothing was installed"},
		{check.ErrTrustUnreachable, false, "is the URL right and reachable from here? without a way out, fetch the root elsewhere and use modelcheck trust import FILE"},
		{check.ErrTrustState, false, "say --replace, with --mirror and --root for an instance of one's own, to begin anew"},
		{check.ErrTrustUnusable, false, "want a trusted_root.json, as Sigstore's TUF repository holds it or cosign trusted-root create writes it"},
		{check.ErrTrustNotInstalled, false, "modelcheck trust update fetches the public instance's root, modelcheck trust import FILE installs any other"},
		{fs.ErrPermission, false, "set " + configVar + " to a folder that can be written"},
	}
}

// explainTrust adds the hint.
func explainTrust(err error) error {
	var hinted hintError
	if err == nil || errors.As(err, &hinted) {
		return err
	}
	for _, h := range trustHints() {
		switch {
		case !errors.Is(err, h.err):
		case h.usage:
			return usageError{hintError{err, h.hint}}
		default:
			return hintError{err, h.hint}
		}
	}
	return err
}
