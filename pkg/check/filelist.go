package check

import (
	"cmp"
	"slices"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A fileList merges the files of the members of an index: what all of them
// hold stands once.
type fileList struct {
	files   map[fileKey]*provenance.File
	members map[fileKey][]artifact.Digest
}

type fileKey struct {
	path   string
	digest artifact.Digest
	size   int64
}

func newFileList() *fileList {
	return &fileList{files: map[fileKey]*provenance.File{}, members: map[fileKey][]artifact.Digest{}}
}

func (l *fileList) add(member artifact.Digest, files []artifact.File) {
	for _, f := range files {
		key := fileKey{f.Path, f.Digest, f.Size}
		l.members[key] = append(l.members[key], member)
		if before := l.files[key]; before != nil {
			// The same file in another layer: the first by digest stands for
			// both, whatever the order of the members.
			if f.Layer.Compare(before.Layer) < 0 {
				before.Layer = f.Layer
			}
			continue
		}
		l.files[key] = &provenance.File{Path: f.Path, Digest: f.Digest, Size: f.Size, Role: f.Role, Format: f.Format, Layer: f.Layer}
	}
}

// list returns the files, naming the members only of those that not all of the
// given number of members hold.
func (l *fileList) list(members int) []provenance.File {
	out := make([]provenance.File, 0, len(l.files))
	for key, f := range l.files {
		if len(l.members[key]) < members {
			f.Members = l.members[key]
		}
		out = append(out, *f)
	}
	slices.SortFunc(out, func(a, b provenance.File) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), a.Digest.Compare(b.Digest))
	})
	return out
}
