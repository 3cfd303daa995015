//go:build !unix || aix || solaris || illumos

package registry

import (
	"errors"
	"os"
)

// flock says that there is no such lock.
func flock(*os.File) error { return errors.ErrUnsupported }

// syncFolder does nothing: here folders cannot be synced, or need not be.
func syncFolder(*os.File) error { return nil }
