package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/render"
	"github.com/modelcheck/modelcheck/pkg/check"
)

// cacheFlags say where blobs are kept for the next time.
type cacheFlags struct {
	dir   string
	limit int64
}

func (c *cacheFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.dir, "cache", "", "keep blobs in the folder `DIR` and take them from there, hashed again each time")
	f.Var(sizeFlag{&c.limit}, "cache-limit", "remove the least recently used blobs of the cache beyond this size (default: never)")
	_ = cmd.MarkFlagDirname("cache")
}

// open opens the cache, nil where none is wanted. What done does is no part of
// the verdict: it warns.
func (c cacheFlags) open(s streams) (cache *check.Cache, done func(), err error) {
	if c.dir == "" {
		if c.limit != 0 {
			return nil, nil, usageError{errors.New("--cache-limit without --cache")}
		}
		return nil, func() {}, nil
	}
	if cache, err = check.OpenCache(c.dir); err != nil {
		return nil, nil, err
	}
	expectWriting()
	return cache, func() {
		var err error
		if c.limit > 0 {
			_, err = cache.Prune(c.limit)
		}
		if err := errors.Join(err, cache.Close()); err != nil {
			warn(s, "%v", err)
		}
	}, nil
}

const cacheLong = `cache looks after the folder that --cache of verify and pull names: an OCI image
layout of blobs by digest, which any number of processes may share. Nothing in it
is trusted: a blob is hashed again whenever it is used, and fetched again where
it is damaged.`

func newCache(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cache",
		Short: "List, prune or verify the blobs that --cache keeps",
		Long:  cacheLong,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usageError{hintError{errors.New("no command of cache"), "modelcheck cache --help lists them"}}
		},
	}
	cmd.AddCommand(newCacheList(s), newCachePrune(s), newCacheVerify(s))
	return cmd
}

// cacheVerb makes a command that opens a cache for run.
func cacheVerb(s streams, use, short, long, example string, run func(context.Context, *check.Cache, string) error) *cobra.Command {
	var dir, format string
	cmd := &cobra.Command{
		Use:     use,
		Short:   short,
		Long:    long,
		Example: "  " + example,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if dir == "" {
				return usageError{hintError{errors.New("no cache given"), "for example: " + example}}
			}
			cache, err := check.OpenCache(dir)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, cache.Close()) }()
			return run(cmd.Context(), cache, format)
		},
	}
	cmd.Flags().StringVar(&dir, "cache", "", "the cache's folder `DIR`")
	_ = cmd.MarkFlagDirname("cache")
	outputFlag(cmd, &format)
	return cmd
}

func newCacheList(s streams) *cobra.Command {
	return cacheVerb(s, "ls", "List the blobs of a cache, the least recently used first",
		"ls lists what is there, unverified. The time is that of the last use.",
		"modelcheck cache ls --cache ~/.cache/models",
		func(_ context.Context, c *check.Cache, format string) error {
			blobs, err := c.Blobs()
			if err != nil {
				return err
			}
			return writeCached(s.out, format, "blobs", blobs)
		})
}

func newCachePrune(s streams) *cobra.Command {
	limit := int64(-1)
	cmd := cacheVerb(s, "prune", "Remove the least recently used blobs of a cache",
		"prune removes blobs until the rest is at most --limit large, and what\ninterrupted processes left half written. It lists what it removed. Who is just\nreading a blob reads on.",
		"modelcheck cache prune --cache ~/.cache/models --limit 200GiB",
		func(_ context.Context, c *check.Cache, format string) error {
			if limit < 0 {
				return usageError{hintError{errors.New("no limit given"), "--limit 0 removes everything"}}
			}
			removed, err := c.Prune(limit)
			return errors.Join(err, writeCached(s.out, format, "removed", removed))
		})
	cmd.Flags().Var(sizeFlag{&limit}, "limit", "how much may stay")
	return cmd
}

func newCacheVerify(s streams) *cobra.Command {
	return cacheVerb(s, "verify", "Hash every blob of a cache and remove the damaged ones",
		"verify hashes everything and removes what is not what its name says. It lists\nwhat it removed, and fails where that was anything.",
		"modelcheck cache verify --cache ~/.cache/models",
		func(ctx context.Context, c *check.Cache, format string) error {
			well, removed, err := check.VerifyCache(ctx, c)
			if err == nil && len(removed) > 0 {
				err = fmt.Errorf("%d blobs of %d were damaged and are removed", len(removed), well+len(removed))
			}
			return errors.Join(err, writeCached(s.out, format, "removed", removed))
		})
}

func writeCached(w io.Writer, format, member string, blobs []check.Cached) error {
	type row struct {
		Digest string    `json:"digest"`
		Size   int64     `json:"size"`
		Used   time.Time `json:"used"`
	}
	rows := make([]row, 0, len(blobs))
	var total int64
	for _, b := range blobs {
		rows = append(rows, row{b.Digest.String(), b.Size, b.Used.UTC()})
		total += b.Size
	}
	if format == "json" {
		return json.NewEncoder(w).Encode(map[string]any{member: rows, "bytes": total})
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\t%s\n", r.Digest, render.Bytes(r.Size), r.Used.Format(time.RFC3339))
	}
	fmt.Fprintf(t, "%d blobs\t%s\t\n", len(rows), render.Bytes(total))
	return t.Flush()
}
