package check

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/attest/oms"
	"github.com/modelcheck/modelcheck/pkg/internal/packaging"
	"github.com/modelcheck/modelcheck/pkg/internal/registry"
)

// SignModel asks for a signature over the model's files (OpenSSF Model Signing
// v1.0) instead of one over a manifest's digest.
type SignModel struct {
	Ignore []string // paths to leave out, with what is below them; they are recorded
	// Signature is the path that the signature's own file will have among the
	// model's files, "" where it will be none of them.
	Signature string
}

// ErrNotRaw is wrapped where an artifact's files cannot be listed without
// reading it.
var ErrNotRaw = errors.New("the artifact's layers are not its files")

// stateFiles lists what the manifest says the files are. Nothing is read: who
// signs answers for the digests, as he does who signs the manifest's own.
func (g *signature) stateFiles(ref artifact.Reference) error {
	if g.image == nil {
		return fmt.Errorf("listing the files: %w: it is an index of several artifacts", ErrNotRaw)
	}
	var files []artifact.File
	for _, l := range g.image.Layers {
		if l.Encoding != packaging.Raw || l.Digest.Algorithm() != artifact.SHA256 {
			return fmt.Errorf("listing the files: %w: layer %v is an archive, or not named by its SHA-256", ErrNotRaw, l.Digest)
		}
		files = append(files, artifact.File{Path: l.Path, Size: l.Size, Digest: l.Digest, Layer: l.Digest})
	}
	root := artifact.ModelRoot(files)
	g.files = &oms.Model{Config: g.image.Config.Digest, Signature: g.cfg.Model.Signature}
	for _, f := range files {
		g.files.Files = append(g.files.Files, oms.File{Path: strings.TrimPrefix(f.Path, root), Size: f.Size, SHA256: f.Digest})
	}
	name := path.Base(ref.Repository())
	if ref.Place() == artifact.Layout {
		name = path.Base(filepath.ToSlash(ref.Path()))
	}
	return g.list(name)
}

func (g *signature) list(name string) error {
	g.report.Files = len(g.files.Files)
	payload, err := oms.New(g.files.Files, oms.Options{Name: name, Ignore: g.cfg.Model.Ignore, Signature: g.cfg.Model.Signature})
	g.report.Statement = payload
	return err
}

// makeForTree signs the files of a plain folder, which is read once.
func (g *signature) makeForTree(ctx context.Context, ref artifact.Reference) (err error) {
	if g.cfg.Model == nil {
		return fmt.Errorf("signing %q: %w: a plain folder has no manifest", ref, ErrNotRaw)
	}
	var nonce [sha256.Size]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return err
	}
	g.subject.Digest = artifact.SumSHA256(nonce[:]) // a digest that no other statement can be about
	tree, err := registry.OpenTree(ref.Path())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tree.Close()) }()
	listed, err := tree.Files(ctx)
	if err != nil {
		return err
	}
	g.files = &oms.Model{Signature: g.cfg.Model.Signature}
	for _, f := range listed {
		file, err := hashFile(ctx, tree, f)
		if err != nil {
			return fmt.Errorf("hashing %q: %w", f.Path, err)
		}
		g.files.Files = append(g.files.Files, file)
	}
	folder, err := filepath.Abs(ref.Path())
	if err != nil {
		return err
	}
	if err := g.list(filepath.Base(folder)); err != nil {
		return err
	}
	_, err = g.seal(ctx)
	return err
}

// hashFile reads a file. A link is listed as one, and nothing else is signed
// that is no file: it has no bytes.
func hashFile(ctx context.Context, tree *registry.Tree, f registry.TreeFile) (out oms.File, err error) {
	switch f.Irregular {
	case "":
	case "symlink":
		return oms.File{Path: f.Path, Symlink: true}, nil
	default:
		return out, fmt.Errorf("it is a %s", f.Irregular)
	}
	r, err := tree.Open(f.Path)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	const step = 4 << 20 // bytes between looks at ctx
	sum, size := sha256.New(), int64(0)
	for err == nil {
		if err := context.Cause(ctx); err != nil {
			return out, err
		}
		var n int64
		n, err = io.CopyN(sum, r, step)
		size += n
	}
	if !errors.Is(err, io.EOF) {
		return out, err
	}
	return oms.File{Path: f.Path, Size: size, SHA256: artifact.DigestOf(artifact.SHA256, sum.Sum(nil))}, nil
}
