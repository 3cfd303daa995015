package blob

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// A Stored is a whole file in the quarantine.
type Stored struct {
	name string
	size int64 // bytes
}

// Name is the file's name in the quarantine.
func (s Stored) Name() string { return s.name }

// Size is the file's size in bytes.
func (s Stored) Size() int64 { return s.size }

// A Member is a file out of an archive on its way to the disk. Its size is
// what the archive says; it is whole after as many bytes.
type Member struct {
	q      *Quarantine
	name   string
	size   int64
	seen   int64
	file   *os.File
	writer *writer
	whole  bool
}

// Member makes the file for one entry of an archive.
func (q *Quarantine) Member(size int64) (*Member, error) {
	if free, known := freeSpace(q.lock); known && size > free {
		return nil, fmt.Errorf("making the file of an archive's entry: %w: %w: %d bytes are needed and %d are free", ErrStore, syscall.ENOSPC, size, free)
	}
	m := &Member{q: q, size: size, name: fmt.Sprintf("member-%06d", q.members.Add(1))}
	flags := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	var err error
	direct := size >= smallFile && directFlag != 0
	if direct {
		m.file, err = q.root.OpenFile(m.name, flags|directFlag, 0o600)
	}
	if !direct || errors.Is(err, syscall.EINVAL) {
		direct = false
		m.file, err = q.root.OpenFile(m.name, flags, 0o600)
	}
	if err == nil && size >= smallFile {
		// The size is the archive's word. An archive that says more than it
		// holds costs no space before it is seen to.
		m.writer = newWriter(m.file, direct, q.pool)
	}
	if err == nil && size == 0 {
		err = m.finish()
	}
	if err != nil {
		return nil, fmt.Errorf("making the file of an archive's entry: %w: %w", ErrStore, err)
	}
	return m, nil
}

// Write takes the file's next bytes.
func (m *Member) Write(b []byte) (int, error) {
	if m.file == nil {
		return 0, fmt.Errorf("%w: more than %d bytes", ErrStore, m.size)
	}
	var err error
	if m.writer != nil {
		_, err = m.writer.Write(b)
	} else {
		_, err = m.file.Write(b)
	}
	if m.seen += int64(len(b)); err == nil && m.seen >= m.size {
		err = m.finish()
	}
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrStore, err)
	}
	return len(b), nil
}

// finish closes the file after its last byte.
func (m *Member) finish() error {
	err := m.end()
	if err == nil {
		err = m.file.Chmod(0o644)
	}
	if m.size < smallFile {
		m.q.postpone(m.file)
	} else if err == nil {
		err = syncData(m.file)
	}
	err = errors.Join(err, m.file.Close())
	m.file, m.whole = nil, err == nil && m.seen == m.size
	return err
}

func (m *Member) end() error {
	if m.writer == nil {
		return nil
	}
	w := m.writer
	m.writer = nil
	return w.finish()
}

// Close ends the writing, also of a file that never became whole.
func (m *Member) Close() error {
	if m.file == nil {
		return nil
	}
	err := errors.Join(m.end(), m.file.Close())
	m.file = nil
	if err != nil {
		return fmt.Errorf("%w: %w", ErrStore, err)
	}
	return nil
}

// Stored names the file for Place, false where it is not whole.
func (m *Member) Stored() (Stored, bool) { return Stored{name: m.name, size: m.size}, m.whole }
