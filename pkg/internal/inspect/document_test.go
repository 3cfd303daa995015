package inspect

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect/jinja"
	"github.com/modelcheck/modelcheck/pkg/internal/inspect/rule"
)

func TestDocuments(t *testing.T) {
	tests := []struct {
		name, body string
		class      Class
		rules      []string
		facts      string // "name=value" that the first finding has
	}{
		{"a.py", "import os\n", ClassCode, nil, ""},
		{"handler.py", "import socket\n", ClassCodeOnLoad, []string{"MC-CODE-BY-NAME"}, "network=socket:1"},
		{"m/1/model.py", "x = 1\n", ClassCodeOnLoad, []string{"MC-CODE-BY-NAME"}, ""},
		{"m/model.py", "x = 1\n", ClassCode, nil, ""},
		{"custom_generate/generate.py", "x = 1\n", ClassCodeOnLoad, []string{"MC-CODE-BY-NAME"}, "loader=transformers"},
		{"hubconf.py", "x = 1\n", ClassCodeOnLoad, []string{"MC-CODE-BY-NAME"}, "loader=torch.hub"},
		{"setup.py", "import subprocess as s\ns.run('x')\n", ClassCode, []string{"MC-CODE-BUILD"}, "process=subprocess:1 subprocess.run:2"},
		{"a.py", "# coding: rot13\n", ClassUnknown, []string{"MC-CODE-UNREADABLE"}, ""},
		{"a.py", "x = '", ClassUnknown, []string{"MC-CODE-UNREADABLE"}, ""},
		{"run", "#!/usr/bin/env python3\nimport ctypes\n", ClassCode, nil, ""},
		{"run.sh", "curl x | sh\n", ClassCode, []string{"MC-CODE-BUILD"}, ""},
		{"requirements.txt", "torch\n", ClassCode, []string{"MC-CODE-BUILD"}, ""},
		{"requirements.txt", "--index-url https://pypi.example/x\n-e git+ssh://a.example/b.git#egg=c torch\n", ClassCode, []string{"MC-CODE-BUILD"}, "addresses=https://pypi.example/x ssh://a.example/b.git#egg=c"},
		{"get.sh", "curl 'https://a.example/x' | sh # see http://b.example\n", ClassCode, []string{"MC-CODE-BUILD"}, "addresses=https://a.example/x http://b.example"},
		{"requirements.md", "torch\n", ClassInert, nil, ""},
		{"Dockerfile", "FROM x\n", ClassCode, []string{"MC-CODE-BUILD"}, ""},
		{"n.ipynb", `{"cells":[{"cell_type":"code","source":["!pip install x\n","import os\n","os.system('x')"]},{"cell_type":"markdown","source":"import ctypes"}]}`, ClassCode, []string{"MC-CODE-BUILD"}, "process=pip:1 os.system:3"},
		{"n.ipynb", `{"cells":[{"cell_type":"code","source":"import os"}]}`, ClassCode, []string{"MC-CODE-BUILD"}, "imports=os"},
		{"n.ipynb", `{"cells":[{"cell_type":"code","source":"import os\nx = (1\n% os.system('x'))"}]}`, ClassCode, []string{"MC-CODE-BUILD"}, "process=os.system:3"},
		{"n.ipynb", `{"cells":[{"cell_type":"code","source":1}]}`, ClassUnknown, []string{"MC-CODE-UNREADABLE"}, ""},
		{"n.ipynb", `{"cells":[],"cells":[]}`, ClassUnknown, []string{"MC-CODE-UNREADABLE"}, ""},
		{"chat_template.jinja", "{{ messages }}", ClassTemplate, nil, ""},
		{"additional_chat_templates/x.jinja", "{{ x.__class__ }}", ClassTemplate, []string{"MC-TEMPLATE-ESCAPE"}, "names=.__class__"},
		{"chat_template.j2", "{{ x.weird }}", ClassTemplate, []string{"MC-TEMPLATE-NAME"}, "names=.weird"},
		{"x.template", "{% include 'a' %}", ClassFileRead, []string{"MC-TEMPLATE-INCLUDE"}, ""},
		{"x.jinja", "{{ open", ClassUnknown, []string{"MC-TEMPLATE-UNREADABLE"}, ""},
		{"template.tmpl", "{{ if .System }}{{ .System }}{{ end }}", ClassTemplate, nil, ""},
		{"README.md", "use `{{ x.__class__ }}`", ClassTemplate, nil, ""},
		{"x.jinja", strings.Repeat("x", jinja.MaxTemplate+1), ClassUnknown, []string{"MC-CODE-LIMIT"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, piece := range []int{11, 1 << 20} {
				f := look(tt.name, []byte(tt.body), piece)
				if f.Class != tt.class || !slices.Equal(rules(f), tt.rules) {
					t.Fatalf("pieces of %d: %q %v %v", piece, f.Format, f.Class, f.Findings)
				}
				if k, v, ok := strings.Cut(tt.facts, "="); ok && f.Findings[0].Facts[k] != v {
					t.Errorf("%v", f.Findings[0].Facts)
				}
			}
		})
	}
}

func TestTemplatesOfConfigurations(t *testing.T) {
	text := []byte(`{"chat_template":[{"name":"default","template":"{% if a %}Say only this, always.{% endif %}"},{"name":"../x","template":"{{ x.mro }}"}]}`)
	f := Config("tokenizer_config.json", artifact.SumSHA256(text), text)
	if len(f.Templates) != 4 || f.Templates[1].Where != "/chat_template/0/template" || len(f.Templates[1].Conditional) != 1 {
		t.Errorf("%+v", f.Templates)
	}
	if want := []string{"MC-TEMPLATE-ESCAPE", "MC-CONFIG-TEMPLATE-NAME"}; !slices.Equal(rules(f), want) || f.Class != ClassFileRead {
		t.Errorf("%v %v", f.Class, f.Findings)
	}
	if f.Templates[1].Digest != artifact.SumSHA256([]byte("{% if a %}Say only this, always.{% endif %}")) {
		t.Errorf("%v", f.Templates[1].Digest)
	}
}

func TestAddresses(t *testing.T) {
	for text, want := range map[string]Class{
		`{"vocab_file":"https://a/x"}`: ClassEgress, `{"weights":"s3://a/x"}`: ClassEgress, `{"pretrained_cfg":{"url":"https://a"}}`: ClassEgress, `{"tokenizer":"HTTPS://a"}`: ClassEgress,
		`{"license_link":"https://a"}`: ClassInert, `{"vocab_file":"x"}`: ClassInert, `{"url":"https://a"}`: ClassInert, `{"homepage":"https://a/x"}`: ClassInert,
	} {
		if f := Config("config.json", artifact.SumSHA256(nil), []byte(text)); f.Class != want {
			t.Errorf("%s: %v %v", text, f.Class, f.Findings)
		}
	}
}

// TestRulesAreUsed holds the catalogue and the code to each other: every id
// that the code writes is a rule, and every rule is written somewhere.
func TestRulesAreUsed(t *testing.T) {
	id := regexp.MustCompile(`"(MC(?:-[A-Z]+)+)"`)
	used := map[string]bool{}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.IsDir() || !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		b, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range id.FindAllStringSubmatch(string(b), -1) {
			used[m[1]] = true
			if _, ok := FindRule(m[1]); !ok {
				t.Errorf("%s writes %s, which is no rule", f.Name(), m[1])
			}
		}
	}
	for _, r := range rule.All() {
		if !used[r.ID] {
			t.Errorf("%s is never written", r.ID)
		}
	}
	if RulesDigest().IsZero() || len(Rules()) != len(rule.All()) {
		t.Error("catalogue without digest")
	}
}
