package render

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The part of XML Schema that testdata/schemas/junit.xsd uses. Anything else in
// that file fails the test, so that nothing of it is overlooked.
type xsdSchema struct {
	Elements []xsdElement `xml:"element"`
	Types    []xsdType    `xml:"complexType"`
}

type xsdElement struct {
	Name    string   `xml:"name,attr"`
	Ref     string   `xml:"ref,attr"`
	Type    string   `xml:"type,attr"`
	Min     string   `xml:"minOccurs,attr"`
	Max     string   `xml:"maxOccurs,attr"`
	Complex *xsdType `xml:"complexType"`
}

type xsdType struct {
	Name       string         `xml:"name,attr"`
	Mixed      bool           `xml:"mixed,attr"`
	Sequence   *xsdGroup      `xml:"sequence"`
	Choice     *xsdGroup      `xml:"choice"`
	Attributes []xsdAttribute `xml:"attribute"`
}

type xsdGroup struct {
	Min      string       `xml:"minOccurs,attr"`
	Max      string       `xml:"maxOccurs,attr"`
	Elements []xsdElement `xml:"element"`
}

type xsdAttribute struct {
	Name string `xml:"name,attr"`
	Type string `xml:"type,attr"`
	Use  string `xml:"use,attr"`
}

// xsdValues are the forms of the simple types.
var xsdValues = map[string]*regexp.Regexp{
	"xs:string":             regexp.MustCompile(`(?s)^.*$`),
	"xs:nonNegativeInteger": regexp.MustCompile(`^\+?[0-9]+$`),
	"xs:decimal":            regexp.MustCompile(`^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)$`),
	"xs:dateTime":           regexp.MustCompile(`^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?$`),
}

func readXSD(t *testing.T) xsdSchema {
	t.Helper()
	data, err := os.ReadFile("../../../../testdata/schemas/junit.xsd")
	if err != nil {
		t.Fatal(err)
	}
	used := regexp.MustCompile(`<xs:([A-Za-z]+)`).FindAllStringSubmatch(string(data), -1)
	for _, u := range used {
		if !slices.Contains([]string{"schema", "element", "complexType", "sequence", "choice", "attribute"}, u[1]) {
			t.Fatalf("junit.xsd uses xs:%s, of which this test knows nothing", u[1])
		}
	}
	var s xsdSchema
	if err := xml.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// occurs is how often a part of a content model may stand, as a regular
// expression.
func occurs(minimum, maximum string) string {
	return map[string]string{"": "", "1 ": "", "0 ": "?", "0 unbounded": "*", "1 unbounded": "+"}[strings.TrimPrefix(minimum+" "+maximum, " ")]
}

// model is the content model of a type over the names of children, each with a
// comma behind it.
func (t xsdType) model() *regexp.Regexp {
	part := func(e xsdElement) string { return "(?:" + regexp.QuoteMeta(e.Ref) + ",)" + occurs(e.Min, e.Max) }
	out := ""
	if t.Sequence != nil {
		for _, e := range t.Sequence.Elements {
			out += part(e)
		}
	}
	if t.Choice != nil {
		var each []string
		for _, e := range t.Choice.Elements {
			each = append(each, part(e))
		}
		out += "(?:" + strings.Join(each, "|") + ")" + occurs(t.Choice.Min, t.Choice.Max)
	}
	return regexp.MustCompile("^" + out + "$")
}

// typeOf is the type of an element; one of text alone is xs:string.
func (s xsdSchema) typeOf(name string) (xsdType, error) {
	i := slices.IndexFunc(s.Elements, func(e xsdElement) bool { return e.Name == name })
	if i < 0 {
		return xsdType{}, fmt.Errorf("no element %q in the schema", name)
	}
	e := s.Elements[i]
	if e.Complex != nil {
		return *e.Complex, nil
	}
	if e.Type == "xs:string" {
		return xsdType{Mixed: true}, nil
	}
	if i := slices.IndexFunc(s.Types, func(t xsdType) bool { return t.Name == e.Type }); i >= 0 {
		return s.Types[i], nil
	}
	return xsdType{}, fmt.Errorf("element %q is of an unknown type %q", name, e.Type)
}

// validate holds a document against the schema.
func (s xsdSchema) validate(doc string) error {
	type open struct {
		name, children, text string
		of                   xsdType
	}
	dec := xml.NewDecoder(strings.NewReader(doc))
	var stack []open
	roots := 0
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			if roots != 1 {
				return fmt.Errorf("%d roots", roots)
			}
			return nil
		}
		if err != nil {
			return err
		}
		switch e := token.(type) {
		case xml.StartElement:
			of, err := s.typeOf(e.Name.Local)
			if err == nil {
				err = of.attributes(e)
			}
			if err != nil {
				return err
			}
			if len(stack) == 0 {
				roots++
			} else {
				stack[len(stack)-1].children += e.Name.Local + ","
			}
			stack = append(stack, open{name: e.Name.Local, of: of})
		case xml.EndElement:
			top := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if !top.of.model().MatchString(top.children) {
				return fmt.Errorf("%q holds %s", top.name, top.children)
			}
			if !top.of.Mixed && strings.TrimSpace(top.text) != "" {
				return fmt.Errorf("%q holds text", top.name)
			}
		case xml.CharData:
			if len(stack) > 0 {
				stack[len(stack)-1].text += string(e)
			}
		}
	}
}

func (t xsdType) attributes(e xml.StartElement) error {
	seen := map[string]bool{}
	for _, a := range e.Attr {
		i := slices.IndexFunc(t.Attributes, func(x xsdAttribute) bool { return x.Name == a.Name.Local })
		switch {
		case i < 0 || seen[a.Name.Local]:
			return fmt.Errorf("%s has an attribute %q, or has it twice", e.Name.Local, a.Name.Local)
		case xsdValues[t.Attributes[i].Type] == nil || !xsdValues[t.Attributes[i].Type].MatchString(a.Value):
			return fmt.Errorf("%s: %s=%q is no %s", e.Name.Local, a.Name.Local, a.Value, t.Attributes[i].Type)
		}
		seen[a.Name.Local] = true
	}
	for _, a := range t.Attributes {
		if a.Use == "required" && !seen[a.Name] {
			return fmt.Errorf("%s without %s", e.Name.Local, a.Name)
		}
	}
	return nil
}
