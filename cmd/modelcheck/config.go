package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"github.com/modelcheck/modelcheck/pkg/check"
)

// configFileName is looked for in the user's configuration folder and nowhere
// else: a file in the working directory is written by whoever wrote what is to
// be checked.
const configFileName = "config.yaml"

// A configFile holds values for flags: for every verb, and for one verb.
type configFile struct {
	name   string
	values map[string]map[string]configValue // by verb, "" for every verb; by flag
}

type configValue struct {
	texts        []string
	line, column int
}

func (c *configFile) fail(line, column int, format string, args ...any) error {
	return usageError{fmt.Errorf("%s:%d:%d: %s", c.name, max(line, 1), max(column, 1), fmt.Sprintf(format, args...))}
}

// openConfig reads the file that --config or MODELCHECK_CONFIG names, else the
// user's own, if there is one.
func openConfig(s streams, cmd *cobra.Command) (*configFile, error) {
	name, _ := cmd.Flags().GetString("config")
	if name == "" {
		name = s.env("MODELCHECK_CONFIG")
	}
	named := name != ""
	if !named {
		dir, err := configFolder(s)
		if err != nil {
			return nil, nil // no home, no file
		}
		name = filepath.Join(dir, configFileName)
	}
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) && !named {
		return nil, nil
	}
	data, err := readSmall(name)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	c := &configFile{name: name, values: map[string]map[string]configValue{}}
	return c, c.parse(newRoot(s), data) // it may speak of every verb
}

// parse reads strict YAML: apiVersion, kind, and flags by their names; under
// verbs the same for one verb.
func (c *configFile) parse(root *cobra.Command, data []byte) error {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); err != nil {
		return c.yamlError(err)
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		return c.fail(second.Line, second.Column, "a second document")
	}
	known := flagsByVerb(root)
	fields, err := c.mapping(doc.Content[0], "the configuration")
	if err != nil {
		return err
	}
	for _, head := range [][2]string{{"apiVersion", "modelcheck/v1"}, {"kind", "Config"}} {
		if f := fields[head[0]]; f == nil || f.Value != head[1] {
			return c.fail(doc.Line, doc.Column, "want %s: %s", head[0], head[1])
		}
	}
	for name, n := range fields {
		switch name {
		case "apiVersion", "kind":
		case "flags":
			err = c.flags("", n, known[""])
		case "verbs":
			err = c.verbs(n, known)
		default:
			err = c.fail(n.Line, n.Column, "unknown key %q (known: apiVersion, kind, flags, verbs)", name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// yamlError gives the place in the form of the others: the reader says "line N".
func (c *configFile) yamlError(err error) error {
	line := 1
	if _, rest, ok := strings.Cut(err.Error(), "line "); ok {
		_, _ = fmt.Sscanf(rest, "%d", &line)
	}
	return c.fail(line, 1, "%v", err)
}

func (c *configFile) mapping(n *yaml.Node, what string) (map[string]*yaml.Node, error) {
	if n.Kind != yaml.MappingNode || n.Anchor != "" {
		return nil, c.fail(n.Line, n.Column, "%s: want a plain mapping", what)
	}
	out := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind != yaml.ScalarNode || k.Tag != "!!str" {
			return nil, c.fail(k.Line, k.Column, "%s: want names for keys", what)
		}
		if out[k.Value] != nil {
			return nil, c.fail(k.Line, k.Column, "%s: %q stands twice", what, k.Value)
		}
		out[k.Value] = n.Content[i+1]
	}
	return out, nil
}

func (c *configFile) verbs(n *yaml.Node, known map[string][]string) error {
	fields, err := c.mapping(n, "verbs")
	if err != nil {
		return err
	}
	for verb, flags := range fields {
		if _, ok := known[verb]; verb == "" || !ok {
			return c.fail(flags.Line, flags.Column, "there is no verb %q", verb)
		}
		if err := c.flags(verb, flags, known[verb]); err != nil {
			return err
		}
	}
	return nil
}

func (c *configFile) flags(verb string, n *yaml.Node, known []string) error {
	fields, err := c.mapping(n, "flags")
	if err != nil {
		return err
	}
	c.values[verb] = map[string]configValue{}
	for name, v := range fields {
		value := configValue{line: v.Line, column: v.Column}
		switch {
		case !slices.Contains(known, name):
			return c.fail(v.Line, v.Column, "there is no flag --%s", name)
		case slices.Contains(secretFlags, name):
			return c.fail(v.Line, v.Column, "--%s is a secret, and no file may hold it: set it in the environment", name)
		}
		items := []*yaml.Node{v}
		if v.Kind == yaml.SequenceNode {
			items = v.Content
		}
		for _, item := range items {
			if item.Kind != yaml.ScalarNode || item.Anchor != "" || item.Tag == "!!null" {
				return c.fail(item.Line, item.Column, "--%s: want a value, or a list of them", name)
			}
			value.texts = append(value.texts, item.Value)
			if loosens(name, item.Value) {
				return c.fail(item.Line, item.Column, "--%s %s loosens the check, and may stand only on the command line or in the environment, where it is seen", name, item.Value)
			}
		}
		c.values[verb][name] = value
	}
	return nil
}

// find returns the value for a verb, else that for every verb.
func (c *configFile) find(verb, flag string) (configValue, bool) {
	if c == nil {
		return configValue{}, false
	}
	for _, v := range []string{verb, ""} {
		if value, ok := c.values[v][flag]; ok && len(value.texts) > 0 {
			return value, true
		}
	}
	return configValue{}, false
}

// apply sets the flag. Paths are relative to the file.
func (c *configFile) apply(cmd *cobra.Command, f *pflag.Flag, v configValue) error {
	texts := slices.Clone(v.texts)
	if _, isFile := f.Annotations[cobra.BashCompFilenameExt]; isFile {
		for i, t := range texts {
			installed := strings.HasSuffix(f.Name, "trusted-root") && check.IsTrustName(t)
			if t != "-" && !filepath.IsAbs(t) && !installed && !pluginKey.MatchString(t) {
				texts[i] = filepath.Join(filepath.Dir(c.name), t)
			}
		}
	}
	if err := setFlag(cmd, f, texts); err != nil {
		return c.fail(v.line, v.column, "--%s: %v", f.Name, err)
	}
	return nil
}

// flagsByVerb lists the flags of every verb, and under "" all of them.
func flagsByVerb(root *cobra.Command) map[string][]string {
	out := map[string][]string{"": nil}
	var walk func(*cobra.Command, string)
	walk = func(cmd *cobra.Command, verb string) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			out[verb] = append(out[verb], f.Name)
			out[""] = append(out[""], f.Name)
		})
		for _, sub := range cmd.Commands() {
			walk(sub, strings.TrimPrefix(verb+"-"+sub.Name(), "-"))
		}
	}
	walk(root, "")
	return out
}
