package render

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

// JUnit writes reports as JUnit's XML (the subset that Jenkins, GitLab and the
// Surefire schema share): a suite for each reference, a case for each check.
// What denies or holds is a failure, what could not be examined an error, and
// a check that was not made is skipped. The case "verdict" fails wherever the
// verdict does not allow, so that no suite is without a fault by accident.
func JUnit(w io.Writer, reports []*check.Report) error {
	doc := junitSuites{Name: "modelcheck"}
	for _, r := range reports {
		s := newSuite(r)
		doc.Suites = append(doc.Suites, s)
		doc.Tests, doc.Failures, doc.Errors = doc.Tests+s.Tests, doc.Failures+s.Failures, doc.Errors+s.Errors
	}
	data, err := xml.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, xml.Header+string(data)+"\n")
	return err
}

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name       string          `xml:"name,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Time       string          `xml:"time,attr"`
	Timestamp  string          `xml:"timestamp,attr,omitempty"`
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Class   string      `xml:"classname,attr"`
	Name    string      `xml:"name,attr"`
	Time    string      `xml:"time,attr"`
	Skipped *junitFault `xml:"skipped"`
	Error   *junitFault `xml:"error"`
	Failure *junitFault `xml:"failure"`
	Out     string      `xml:"system-out,omitempty"`
}

type junitFault struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

func newSuite(r *check.Report) junitSuite {
	s := junitSuite{Name: Printable(r.Reference), Time: "0.000"}
	if !r.StartedAt.IsZero() {
		s.Timestamp = r.StartedAt.UTC().Format("2006-01-02T15:04:05")
		s.Time = fmt.Sprintf("%.3f", max(r.FinishedAt.Sub(r.StartedAt), time.Duration(0)).Seconds())
	}
	s.property("outcome", r.Verdict.Outcome.String())
	if r.Resolved != nil {
		s.property("digest", r.Resolved.Digest.String())
	}
	if !r.ManifestDigest.IsZero() {
		s.property("manifest-digest", r.ManifestDigest.String())
	}
	s.add(junitVerdict(r))
	s.add(junitGroup(r, "signatures", "Signatures", r.Resolved != nil && (r.Manifest != nil || r.Stopped != "")))
	s.add(junitGroup(r, "bytes", "Bytes", r.Manifest != nil))
	texts := codeTexts()
	for _, reason := range r.Verdict.Reasons {
		if section := texts[reason.Code].section; section == "Signatures" || section == "Bytes" {
			continue
		}
		name := reason.Code
		if reason.Subject != "" {
			name += ": " + reason.Subject
		}
		s.add(junitReasons(r, name, []policy.Reason{reason}))
	}
	return s
}

func (s *junitSuite) property(name, value string) {
	s.Properties = append(s.Properties, junitProperty{name, value})
}

func (s *junitSuite) add(c junitCase) {
	c.Class, c.Time = "modelcheck", "0.000"
	s.Tests++
	switch {
	case c.Error != nil:
		s.Errors++
	case c.Failure != nil:
		s.Failures++
	case c.Skipped != nil:
		s.Skipped++
	}
	s.Cases = append(s.Cases, c)
}

// junitVerdict is the case that only a verdict that allows lets through.
func junitVerdict(r *check.Report) junitCase {
	c := junitCase{Name: "verdict"}
	word, sentence := headline(r)
	fault := &junitFault{Message: word + ": " + sentence, Type: r.Verdict.Outcome.String()}
	switch {
	case r.Verdict.Allowed() && r.Error == nil && !r.Inspected:
		c.Out = fault.Message
	case r.Error != nil:
		fault.Type, fault.Text = Printable(r.Error.Code), Printable(r.Error.Message)
		c.Error = fault
	case r.Verdict.Outcome == policy.Undecided:
		c.Error = fault
	default:
		c.Failure = fault
	}
	return c
}

// junitGroup is the case of a section of reason codes; where it was not made
// and nothing is said against it, it is skipped.
func junitGroup(r *check.Report, name, section string, made bool) junitCase {
	texts := codeTexts()
	var own []policy.Reason
	for _, reason := range r.Verdict.Reasons {
		if texts[reason.Code].section == section {
			own = append(own, reason)
		}
	}
	c := junitReasons(r, name, own)
	if !made && c.Failure == nil {
		c.Skipped = &junitFault{Message: "this check was not made, or not to its end"}
	}
	return c
}

// junitReasons is a case that fails where one of the reasons denies or holds.
func junitReasons(report *check.Report, name string, reasons []policy.Reason) junitCase {
	c := junitCase{Name: Printable(name)}
	var lines []string
	gravest := ""
	for _, r := range reasons {
		lines = append(lines, weight(report, r.Effect)+": "+Printable(r.Message)+" ["+Printable(r.Code)+"]")
		switch r.Effect {
		case policy.Allow, policy.Undecided:
		case policy.Hold:
			if gravest == "" {
				gravest = r.Effect.String()
			}
		default:
			gravest = policy.Deny.String()
		}
	}
	text := strings.Join(lines, "\n")
	if gravest == "" {
		c.Out = text
		return c
	}
	c.Failure = &junitFault{Message: lines[0], Type: gravest, Text: text}
	return c
}
