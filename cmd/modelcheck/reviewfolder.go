package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

// Bounds of a folder of reviews.
const (
	maxFolderReviews = 1000 // of one artifact, as many as referrers
	reviewExtension  = ".sigstore.json"
)

// reviewFlags say where reviews lie beside those that are attached, and what
// the model is wanted for.
type reviewFlags struct {
	folder string
	wanted map[string]string
}

func (f *reviewFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.folder, "reviews", "", "also read reviews from this `FOLDER` (model-reviews/sha256/HEX/*.sigstore.json), for example one kept in git")
	cmd.Flags().StringToStringVar(&f.wanted, "for", nil, "what the model is wanted for: `environment=NAME,use=NAME`; reviews have scopes")
	_ = cmd.MarkFlagDirname("reviews")
}

// configure tells a checker.
func (f *reviewFlags) configure(cfg *check.Config) error {
	for name, value := range f.wanted {
		switch name {
		case "environment":
			cfg.For.Environment = value
		case "use":
			cfg.For.Use = value
		default:
			return usageError{hintError{fmt.Errorf("--for: unknown key %q", name), "for example: --for environment=prod,use=customer-facing"}}
		}
	}
	if f.folder != "" {
		cfg.Reviews = reviewsIn(f.folder)
	}
	return nil
}

// reviewFolder is where the reviews of an artifact lie below a folder.
func reviewFolder(folder string, subject artifact.Digest) string {
	return filepath.Join(folder, subject.Algorithm().String(), subject.Hex())
}

// reviewsIn reads the bundles that lie in a folder of reviews. A folder that is
// not there at all is a mistake; one without reviews of the artifact is none.
func reviewsIn(folder string) func(artifact.Digest) ([][]byte, error) {
	return func(subject artifact.Digest) ([][]byte, error) {
		if _, err := os.Stat(folder); err != nil {
			return nil, err
		}
		entries, err := os.ReadDir(reviewFolder(folder, subject))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		var out [][]byte
		for _, e := range entries {
			if !strings.HasSuffix(e.Name(), reviewExtension) {
				continue
			}
			if len(out) == maxFolderReviews {
				return nil, fmt.Errorf("%s holds more than %d reviews", reviewFolder(folder, subject), maxFolderReviews)
			}
			data, err := readSmall(filepath.Join(reviewFolder(folder, subject), e.Name()))
			if err != nil {
				return nil, err
			}
			out = append(out, data)
		}
		return out, nil
	}
}

// keepReview writes a signed statement into a folder of reviews, whole or not
// at all, under the name of its digest.
func keepReview(folder string, subject, statement artifact.Digest, bundle []byte) (string, error) {
	dir := reviewFolder(folder, subject)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	name := filepath.Join(dir, statement.Hex()+reviewExtension)
	return name, writeWhole(name, bundle)
}

// criteriaTexts reads the texts of the policy's criteria, and refuses those that
// are not the policy's: a reviewer certifies words, not ids.
func criteriaTexts(file string, pol *policy.Policy) ([]policy.Criterion, error) {
	data := policy.StarterCriteria()
	if file != "" {
		var err error
		if data, err = readSmall(file); err != nil {
			return nil, fmt.Errorf("reading the criteria: %w", err)
		}
	}
	list, err := policy.ParseCriteria(data)
	if err != nil {
		return nil, usageError{fmt.Errorf("criteria %q: %w", file, err)}
	}
	texts := map[string]policy.Criterion{}
	for _, c := range list {
		texts[c.ID] = c
	}
	var out []policy.Criterion
	for _, id := range sortedIDs(pol.Criteria()) {
		c, ok := texts[id]
		switch {
		case !ok:
			return nil, usageError{hintError{fmt.Errorf("the policy's criterion %q has no text", id), "give the file that holds it: --criteria FILE"}}
		case c.Digest != pol.Criteria()[id]:
			return nil, usageError{hintError{fmt.Errorf("the text of criterion %q is not the policy's: it has the digest %v, and the policy wants %v", id, c.Digest, pol.Criteria()[id]), "give the file that the policy was made with: --criteria FILE"}}
		}
		out = append(out, c)
	}
	return out, nil
}
