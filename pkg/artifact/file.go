package artifact

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A Descriptor is what a manifest says about a blob: a claim until the bytes
// were hashed. Size is in bytes.
type Descriptor struct {
	MediaType    string
	ArtifactType string
	Digest       Digest
	Size         int64
	Annotations  map[string]string
}

// A Role says what a file is for, judged by its content and name, not by its
// media type. The zero value is unknown.
type Role uint8

// The roles.
const (
	RoleUnknown Role = iota
	RoleWeights
	RoleIndex     // maps tensors to shards
	RoleConfig    // read by loaders
	RoleTokenizer // vocabularies, merges, tokenizer configuration
	RoleTemplate  // prompt templates
	RoleCode      // programs
	RoleCard      // model card, README
	RoleLicense   // licence texts and usage policies
	RoleDocument  // other text for people, pictures
	RoleDataset
	RoleSignature // a detached signature travelling as a file
	RoleSystem    // an operating system's file in a base layer, not the model's
)

var roleNames = [...]string{"unknown", "weights", "index", "config", "tokenizer", "template", "code", "card", "license", "document", "dataset", "signature", "system"}

// String returns the word used in manifests and reports.
func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return roleNames[RoleUnknown]
}

// MarshalText writes the word of String.
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads a word of String and refuses others.
func (r *Role) UnmarshalText(b []byte) error {
	i := slices.Index(roleNames[:], string(b))
	if i < 0 {
		return fmt.Errorf("unknown role %q", b)
	}
	*r = Role(i)
	return nil
}

// A File is one file of a model after its bytes were hashed, whatever it was
// packed in.
type File struct {
	Path   string // slash-separated, relative, clean; as in the artifact
	Digest Digest // of the file's own bytes
	Size   int64  // bytes
	Role   Role
	Format string // what the bytes are: "safetensors", "gguf", "json", …; "" unknown
	Layer  Digest // the blob that holds it; zero in a plain tree
}

// errEmptyContent: an empty set never passes for "all files verified".
var errEmptyContent = errors.New("no model files")

// ContentIdentity returns the packaging-independent identity of a model: the
// SHA-256 over a header line and one line per file, sorted by path,
//
//	modelcheck content identity v1\n
//	HEX-OF-SHA256 SPACE SIZE SPACE QUOTED-PATH \n
//
// where paths are relative to the deepest directory that holds every file, so
// that the same model below models/, below models/tiny/ and at the top has the
// same identity. Files with RoleSystem are left out. The path is quoted by
// strconv.Quote. Files must carry SHA-256 digests; the set must not be empty
// and no path may stand twice.
func ContentIdentity(files []File) (Digest, error) {
	var own []File
	for _, f := range files {
		if f.Role != RoleSystem {
			own = append(own, f)
		}
	}
	if len(own) == 0 {
		return Digest{}, errEmptyContent
	}
	slices.SortFunc(own, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	root := commonDirectory(own)
	h := SHA256.New()
	fmt.Fprint(h, "modelcheck content identity v1\n")
	for i, f := range own {
		if f.Digest.Algorithm() != SHA256 {
			return Digest{}, fmt.Errorf("%q: digest is %v, want sha256", f.Path, f.Digest.Algorithm())
		}
		if i > 0 && own[i-1].Path == f.Path {
			return Digest{}, fmt.Errorf("%q stands twice", f.Path)
		}
		fmt.Fprintf(h, "%s %d %s\n", f.Digest.Hex(), f.Size, strconv.Quote(strings.TrimPrefix(f.Path, root)))
	}
	return DigestOf(SHA256, h.Sum(nil)), nil
}

// ModelRoot returns the deepest directory that holds every file of the model,
// with a slash at its end, or "" for the top.
func ModelRoot(files []File) string {
	own := slices.DeleteFunc(slices.Clone(files), func(f File) bool { return f.Role == RoleSystem })
	if len(own) == 0 {
		return ""
	}
	return commonDirectory(own)
}

func commonDirectory(files []File) string {
	dir := path.Dir(files[0].Path)
	for _, f := range files[1:] {
		for dir != "." && dir != "/" && !strings.HasPrefix(f.Path, dir+"/") {
			dir = path.Dir(dir)
		}
	}
	if dir == "." || dir == "/" { // path.Dir of what is absolute ends at "/"
		return ""
	}
	return dir + "/"
}
