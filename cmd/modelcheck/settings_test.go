package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestEnvironment: flags that may be repeated take one value a line, and others
// refuse a second; a secret is not shown.
func TestEnvironment(t *testing.T) {
	verify := []string{"verify", "oci-layout:../../testdata/demo/layout:v1", "--quiet"}
	for _, c := range []struct {
		env  map[string]string
		args []string
		want int
	}{
		{map[string]string{"MODELCHECK_KEY": "../../testdata/keys/other.pub\n../../testdata/keys/demo.pub\n"}, verify, exitAllow},
		{map[string]string{"MODELCHECK_KEY": "../../testdata/keys/other.pub"}, verify, exitDeny},
		{map[string]string{"MODELCHECK_JOBS": "1\n2"}, verify, exitUsage},
		{map[string]string{"MODELCHECK_IDENTITY_TOKEN": "s3cret"}, []string{"sign", "oci-layout:../../testdata/demo/layout:v1", "--key", "x"}, exitUsage},
	} {
		var out, stderr bytes.Buffer
		env := func(name string) string {
			if name == configVar {
				return t.TempDir()
			}
			return c.env[name]
		}
		if got := run(t.Context(), c.args, streams{out: &out, err: &stderr, env: env}); got != c.want {
			t.Errorf("%v: exit %d, want %d\n%s", c.env, got, c.want, &stderr)
		}
		if strings.Contains(stderr.String(), "s3cret") {
			t.Errorf("a secret is shown: %s", &stderr)
		}
	}
}

// TestLoosens: every flag whose name promises to loosen is known to.
func TestLoosens(t *testing.T) {
	for _, name := range flagsByVerb(newRoot(streams{env: func(string) string { return "" }}))[""] {
		suspicious := strings.HasPrefix(name, "allow-") || strings.HasPrefix(name, "accept-") || strings.HasPrefix(name, "skip-") ||
			strings.HasPrefix(name, "insecure") || strings.HasPrefix(name, "plain") || strings.HasPrefix(name, "no-verify") || name == "force"
		if suspicious && !loosens(name, "true") {
			t.Errorf("--%s may stand in a configuration file", name)
		}
	}
}

// TestVerbsAlone: a verb is the same whether it is built alone or with all.
func TestVerbsAlone(t *testing.T) {
	s := streams{env: func(string) string { return "" }}
	all := newRoot(s)
	if len(all.Commands()) != len(verbs) || len(verbs) < 20 {
		t.Fatalf("%d verbs, %d built", len(verbs), len(all.Commands()))
	}
	for _, v := range verbs {
		root := newRoot(s, v.name, "--help")
		alone, _, err := root.Find([]string{v.name})
		together, _, found := all.Find([]string{v.name})
		if err != nil || found != nil || len(root.Commands()) != 1 || alone.Name() != v.name || together.Name() != v.name {
			t.Fatalf("%s: %v, %v, with %d others", v.name, err, found, len(root.Commands())-1)
		}
		if got, want := helpOf(alone), helpOf(together); got != want || len(want) < 200 {
			t.Errorf("alone:\n%s\ntogether:\n%s", got, want)
		}
	}
	for _, args := range [][]string{{}, {"help", "verify"}, {"--config", "f", "verify"}, {"verfy"}, {"__complete", "ver"}, {"completion", "bash"}} {
		if n := len(newRoot(s, args...).Commands()); n != len(verbs) {
			t.Errorf("%q: %d verbs", args, n)
		}
	}
}

// helpOf is the help of a command and of those below it.
func helpOf(cmd *cobra.Command) string {
	out := cmd.Long + "\n" + cmd.UsageString()
	for _, sub := range cmd.Commands() {
		out += helpOf(sub)
	}
	return out
}

// TestNoVerbHidesSettings: a verb with its own PersistentPreRun would not take
// them.
func TestNoVerbHidesSettings(t *testing.T) {
	root := newRoot(streams{env: func(string) string { return "" }})
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			if sub.PersistentPreRun != nil || sub.PersistentPreRunE != nil {
				t.Errorf("%s has a PersistentPreRun", sub.CommandPath())
			}
			sub.Flags().VisitAll(func(f *pflag.Flag) {
				if strings.Contains(f.Name, "password") || strings.Contains(f.Name, "secret") {
					t.Errorf("%s --%s is a secret on the command line", sub.CommandPath(), f.Name)
				}
			})
			walk(sub)
		}
	}
	walk(root)
}
