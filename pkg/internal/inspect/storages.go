package inspect

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"

	"github.com/modelcheck/modelcheck/pkg/internal/inspect/pickle"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// storages holds the tensors that torch's list rebuilds to the members that
// their data are in: torch trusted sizes and strides (CVE-2026-24747).
type storages struct {
	list  []byte
	over  bool               // the list is not examined
	calls bool               // the list rebuilds something: data alone are no tensors
	root  string             // the folder of the list
	sizes map[[16]byte]int64 // of members in a folder called data, by the hash of their names
}

// memberKey keeps a name in little room.
func memberKey(name string) [16]byte {
	sum := sha256.Sum256([]byte(name))
	return [16]byte(sum[:16])
}

// watch keeps the list as it passes to w.
func (s *storages) watch(name string, w io.Writer) io.Writer {
	if path.Base(name) != "data.pkl" {
		return w
	}
	s.over = s.over || s.list != nil // two lists: which one is loaded is not known
	s.list, s.root = []byte{}, path.Dir(name)
	return io.MultiWriter(w, writerFunc(func(p []byte) {
		if s.over = s.over || len(s.list)+len(p) > pickle.MaxStateDict; s.over {
			s.list = []byte{}
			return
		}
		s.list = append(s.list, p...)
	}))
}

// close notes how large a member is, and what the list does.
func (s *storages) close(name string, size int64, p pickle.Report) {
	if path.Base(name) == "data.pkl" {
		s.calls = s.calls || p.Calls
	}
	if path.Base(path.Dir(name)) != "data" {
		return
	}
	if s.sizes == nil {
		s.sizes = map[[16]byte]int64{}
	}
	s.sizes[memberKey(name)] = size
}

// wrong says what is wrong with the first tensor or storage that is not as the
// list says, and with how many; "" where nothing is. The error says why not all
// tensors were looked at.
func (s *storages) wrong() (string, error) {
	if s.list == nil || !s.calls {
		return "", nil
	}
	if s.over {
		return "", errors.New("the list of tensors is larger than is examined, or there are two")
	}
	var found []string
	list, sizes, err := pickle.Tensors(s.list)
	s.list = nil
	for _, t := range list {
		if t.Beyond {
			found = append(found, fmt.Sprintf("a tensor of shape %v reaches beyond storage %q of %d bytes", t.Shape, clip(t.Storage), t.StorageBytes))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(sizes)) {
		size, ok := s.sizes[memberKey(path.Join(s.root, "data", key))]
		if !ok {
			found = append(found, fmt.Sprintf("storage %q of %d bytes is missing", clip(key), sizes[key]))
		} else if uint64(size) != sizes[key] {
			found = append(found, fmt.Sprintf("storage %q has %d bytes, and the list of tensors says %d", clip(key), size, sizes[key]))
		}
	}
	first := ""
	if len(found) > 0 {
		first = found[0]
	}
	if len(found) > 1 {
		first += fmt.Sprintf("; %d more are like it", len(found)-1)
	}
	if err != nil {
		err = fmt.Errorf("the list of tensors was not followed to its end: %w", err)
	}
	return first, err
}

// storageFacts reports a torch zip whose tensors are not where its list says.
func (s *Sink) storageFacts(f *Facts, a *archive) {
	if !a.torch || a.script || f.Class == ClassCodeOnLoad {
		return // what it is then, is said; TorchScript has lists of its own
	}
	text, err := a.stores.wrong()
	if text != "" {
		f.Class = f.Class.Worse(ClassUnknown)
		s.finding(f, "MC-TORCH-STORAGE", provenance.CodeFormatMalformed, text, map[string]string{"loader": "torch.load"})
	}
	if err != nil {
		f.Class = f.Class.Worse(ClassUnknown)
		s.finding(f, "MC-FORMAT-LIMIT", provenance.CodeLimitExceeded, "not examined: "+err.Error(), nil)
	}
}
