package main

import (
	"errors"
	"os"
	"path/filepath"
)

// writeWhole puts data under name, whole or not at all, readable by everybody.
func writeWhole(name string, data []byte) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(name), ".modelcheck-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp.Name()))
		}
	}()
	if _, err := tmp.Write(data); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err := errors.Join(tmp.Chmod(0o644), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), name)
}
