package render

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

// An Object is what was decided on an object of a file of manifests.
type Object struct {
	File     string // as given; untrusted, as all texts here
	Line     int    // from 1
	Name     string // kind, namespace and name
	Outcome  policy.Outcome
	Admitted bool   // what the cluster would do: also where nothing is enforced
	Message  string // the sentence of the webhook
	Reasons  []policy.Reason
	Warnings []string
	Models   []ObjectModel
}

// An ObjectModel is what was decided on one reference of an object.
type ObjectModel struct {
	Line, Column int // from 1
	Pointer      string
	Text         string
	Digest       artifact.Digest // zero where it is not known
	Outcome      policy.Outcome
	Admitted     bool
	Reasons      []policy.Reason
	Command      string // what to run, where it is not admitted
}

// word is the heading of an object: the policy's word, and what becomes of it
// where that is not the same.
func (o Object) word() (word, colour string) {
	switch {
	case o.Outcome == policy.Allow && o.Admitted:
		return "ALLOW", green
	case o.Admitted:
		return "WARN", yellow
	case o.Outcome == policy.Hold:
		return "HOLD", yellow
	case o.Outcome == policy.Undecided:
		return "NO VERDICT", red
	default:
		return "DENY", red
	}
}

// Objects writes decisions for a person: each object with the sentence of the
// webhook, and where its models stand.
func Objects(w io.Writer, objects []Object, style Style) error {
	if style.Width == 0 {
		style.Width = 100
	}
	p := &page{style: style}
	counts := map[string]int{}
	for _, o := range objects {
		word, colour := o.word()
		counts[word]++
		p.line("%s  %s:%d", p.paint(colour, word), Printable(o.File), o.Line)
		p.line("  %s", p.wrap(Printable(o.Message), 2))
		for _, m := range o.Models {
			digest := ""
			if !m.Digest.IsZero() && !strings.Contains(m.Text, m.Digest.String()) {
				digest = " " + m.Digest.String()
			}
			p.line("  %s:%d:%d  %s %s%s", Printable(o.File), m.Line, m.Column, m.word(), Quoted(m.Text), digest)
		}
		for _, text := range o.Warnings {
			p.line("  %-6s%s", "note", p.wrap(Printable(text), 8))
		}
	}
	var parts []string
	for _, word := range []string{"DENY", "NO VERDICT", "HOLD", "WARN", "ALLOW"} {
		if counts[word] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[word], word))
		}
	}
	p.line("\n%s: %s", plural(len(objects), "object"), strings.Join(parts, ", "))
	_, err := io.WriteString(w, p.b.String())
	return err
}

func (m ObjectModel) word() string {
	if m.Admitted {
		return "admitted"
	}
	return "refused"
}

// ObjectsSARIF writes decisions as one run of SARIF 2.1.0. A result stands at
// the line of the reference that it is about.
func ObjectsSARIF(w io.Writer, version string, objects []Object) error {
	l := sarifLog{Schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json", Version: "2.1.0"}
	run := sarifRun{Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "modelcheck", Version: Printable(version), InformationURI: "https://github.com/modelcheck/modelcheck", Rules: []sarifRule{}}
	inv := sarifInvocation{Successful: true, Properties: map[string]string{"objects": fmt.Sprint(len(objects))}}
	for _, o := range objects {
		for _, r := range o.Reasons {
			run.object(o, "", o.Line, 0, r, r.Message)
		}
		for _, m := range o.Models {
			for _, r := range m.Reasons {
				if m.Admitted && r.Effect != policy.Allow {
					r.Effect = policy.Undecided // an exemption lets it in: a note
				}
				text := Printable(m.Text) + ": " + r.Message
				if m.Command != "" {
					text += "; run: " + m.Command
				}
				run.object(o, m.Pointer, m.Line, m.Column, r, text)
			}
		}
	}
	run.Invocations = []sarifInvocation{inv}
	l.Runs = []sarifRun{run}
	return JSON(w, l)
}

// object adds what speaks against an object or a reference in it.
func (run *sarifRun) object(o Object, pointer string, line, column int, r policy.Reason, text string) {
	level, ok := sarifLevel(r)
	if !ok || r.Effect == policy.Allow && !objectNote(r) {
		return
	}
	if o.Admitted && level == "error" {
		level = "warning" // nothing is enforced there
	}
	if r.Effect == policy.Undecided && !o.Admitted {
		level = "error"
	}
	place := sarifLocation{Physical: sarifPhysical{
		Artifact: sarifArtifact{URI: uri(o.File)},
		Region:   &sarifRegion{StartLine: line, EndLine: line, StartColumn: column},
	}}
	code := Printable(r.Code)
	run.Results = append(run.Results, sarifResult{
		RuleID: code, RuleIndex: run.rule(code), Level: level, Message: message(o.Name + ": " + text), Locations: []sarifLocation{place},
		Fingerprints: map[string]string{"modelcheck/v1": artifact.SumSHA256([]byte(strings.Join([]string{code, o.File, o.Name, pointer}, "\x00"))).Hex()},
	})
}

// objectNote says whether a reason that lets in is worth a result: those of the
// section on admission in docs/errors.md are, for they relax something.
func objectNote(r policy.Reason) bool { return codeTexts()[r.Code].section == "Admission" }

// ObjectsJUnit writes decisions as JUnit's XML: a suite for each file, a case
// for each object.
func ObjectsJUnit(w io.Writer, objects []Object) error {
	doc := junitSuites{Name: "modelcheck"}
	for _, o := range objects {
		if n := len(doc.Suites); n == 0 || doc.Suites[n-1].Name != Printable(o.File) {
			doc.Suites = append(doc.Suites, junitSuite{Name: Printable(o.File), Time: "0.000"})
		}
		s := &doc.Suites[len(doc.Suites)-1]
		c := junitCase{Name: Printable(fmt.Sprintf("%s (line %d)", o.Name, o.Line))}
		fault := &junitFault{Message: Printable(o.Message), Type: o.Outcome.String(), Text: Printable(fmt.Sprintf("%s:%d: %s", o.File, o.Line, o.Message))}
		switch {
		case o.Admitted:
			c.Out = Printable(strings.Join(append([]string{o.Message}, o.Warnings...), "; "))
		case o.Outcome == policy.Undecided:
			c.Error = fault
		default:
			c.Failure = fault
		}
		s.add(c)
	}
	for _, s := range doc.Suites {
		doc.Tests, doc.Failures, doc.Errors = doc.Tests+s.Tests, doc.Failures+s.Failures, doc.Errors+s.Errors
	}
	data, err := xml.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, xml.Header+string(data)+"\n")
	return err
}
