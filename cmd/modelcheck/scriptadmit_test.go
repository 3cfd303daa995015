package main

import (
	"context"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/oci"
	"oras.land/oras-go/v2/registry/remote"
)

// pushLayout copies what a layout calls v1 with all that is attached to it:
// pushlayout LAYOUT HOST/REPOSITORY.
func pushLayout(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: pushlayout layout host/repository")
	}
	ctx := context.Background()
	src, err := oci.NewFromFS(ctx, os.DirFS(ts.MkAbs(args[0])))
	ts.Check(err)
	repo, err := remote.NewRepository(args[1])
	ts.Check(err)
	repo.PlainHTTP = true
	_, err = oras.ExtendedCopy(ctx, src, "v1", repo, "v1", oras.DefaultExtendedCopyOptions)
	ts.Check(err)
}

// retag lets a tag point to what is there under a digest: retag REFERENCE TAG.
func retag(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: retag host/repository@digest tag")
	}
	repo, err := remote.NewRepository(args[0])
	ts.Check(err)
	repo.PlainHTTP = true
	_, digest, _ := strings.Cut(args[0], "@")
	_, err = oras.Tag(context.Background(), repo, digest, args[1])
	ts.Check(err)
}

// fill writes files with the variables in them replaced: fill FILE….
func fill(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o644))
	}
}
