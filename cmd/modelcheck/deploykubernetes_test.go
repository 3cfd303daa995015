package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestDeployKubernetes: the API server asks about every kind in which models
// are found, and both webhooks, by kustomize and by Helm, about the same.
func TestDeployKubernetes(t *testing.T) {
	const dir = "../../deploy/kubernetes/"
	read := func(name string) string {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	rules := func(name string) string {
		_, rules, ok := strings.Cut(read(dir+name), "\n    rules:\n")
		if !ok {
			t.Fatalf("%s has no rules", name)
		}
		rules, _, _ = strings.Cut(rules, "{{- end }}")
		return strings.TrimRight(rules, "\n")
	}
	asked := rules("base/webhook.yaml")
	for _, name := range []string{"components/mutate/webhook.yaml", "chart/templates/_helpers.tpl"} {
		if rules(name) != asked {
			t.Errorf("the rules of %s differ from those of base/webhook.yaml", name)
		}
	}
	var list []struct {
		APIGroups []string `yaml:"apiGroups"`
		Resources []string
	}
	if err := yaml.Unmarshal([]byte(asked), &list); err != nil {
		t.Fatal(err)
	}
	in := map[string][]string{}
	for _, r := range list {
		for _, group := range r.APIGroups {
			in[group] = append(in[group], r.Resources...)
		}
	}
	// The table of kinds says GROUP/Kind; a resource is the kind in the plural.
	tables, err := filepath.Glob("../../pkg/admission/kinds_*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, table := range tables {
		if strings.HasSuffix(table, "kinds_without.go") {
			continue
		}
		for _, m := range regexp.MustCompile(`"([a-z0-9.-]*)/([A-Z][A-Za-z]+)"`).FindAllStringSubmatch(read(table), -1) {
			found++
			group, resource := m[1], strings.ToLower(m[2])+"s"
			if !slices.Contains(in[group], resource) {
				t.Errorf("%s: nobody asks about %s of %q", filepath.Base(table), resource, group)
			}
		}
	}
	if found < 50 {
		t.Errorf("%d kinds are known", found)
	}
}
