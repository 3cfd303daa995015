package render

import (
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// A Stock is what an inventory says of one record, or of a place without one:
// then there is a problem, and nothing of a record.
type Stock struct {
	Place       string   `json:"place"` // file or reference
	Problem     string   `json:"problem,omitempty"`
	RecordedBy  []string `json:"recordedBy,omitempty"` // the policy's names; none for files, of which nothing is checked
	Subject     string   `json:"subject"`
	Substance   string   `json:"substanceDigest"`
	Name        string   `json:"name"`
	License     string   `json:"license"`
	Country     string   `json:"country"`
	Signers     []string `json:"signers"`
	Disclosed   int      `json:"disclosed"`
	Questions   int      `json:"questions"`
	Conflicts   int      `json:"conflicts"`
	Findings    int      `json:"findings"`
	Bytes       int64    `json:"bytes"`
	NotExamined int      `json:"notExamined"`

	named bool // Name is one, and no word for there being none
}

// Fill takes from a record what the inventory shows of it.
func (s *Stock) Fill(m *provenance.Manifest) {
	s.Subject, s.Signers = m.Subject.String(), []string{}
	s.Questions, s.Findings, s.Bytes = len(m.Claims), len(m.Findings), m.Artifact.TotalBytes
	if d, err := provenance.SubstanceDigest(m); err == nil {
		s.Substance = d.String()
	}
	for _, g := range m.Signatures {
		s.Signers = append(s.Signers, g.Signer)
	}
	for _, c := range m.Claims {
		switch c.State {
		case provenance.StateConflicting:
			s.Conflicts++
		case provenance.StateDeclared, provenance.StateAttested, provenance.StateVerified:
			s.Disclosed++
		case provenance.NotExamined:
			s.NotExamined++
		}
		word := stateWord(c.State)
		if c.Value != nil {
			word = value(c.Value)
		}
		switch c.ID {
		case "identity.name":
			s.Name, s.named = word, c.Value != nil
		case "license.weights":
			s.License = word
		case "origin.country":
			s.Country = word
		}
	}
}

var stockHead = []string{"place", "subject", "recorded by", "name", "licence", "country", "signers", "stated", "questions", "conflicts", "not examined", "findings", "bytes", "problem"}

func (s Stock) cells() []string {
	return []string{
		s.Place, s.Subject, strings.Join(s.RecordedBy, " "), s.Name, s.License, s.Country, strings.Join(s.Signers, " "),
		strconv.Itoa(s.Disclosed), strconv.Itoa(s.Questions), strconv.Itoa(s.Conflicts), strconv.Itoa(s.NotExamined), strconv.Itoa(s.Findings),
		strconv.FormatInt(s.Bytes, 10), s.Problem,
	}
}

// StockLines writes one JSON document in a line for each row.
func StockLines(w io.Writer, rows []Stock) error {
	for _, row := range rows {
		if err := JSONLine(w, row); err != nil {
			return err
		}
	}
	return nil
}

// StockCSV writes comma-separated values whose cells no spreadsheet takes for
// formulas. A row with a problem has no numbers.
func StockCSV(w io.Writer, rows []Stock) error {
	out := csv.NewWriter(w)
	if err := out.Write(stockHead); err != nil {
		return err
	}
	for _, row := range rows {
		line := row.cells()
		for i := range line {
			line[i] = Cell(line[i])
			if row.Problem != "" && i > 2 && i < len(line)-1 {
				line[i] = ""
			}
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// StockTable writes tables for a terminal: of the records, and of places
// without one.
func StockTable(w io.Writer, rows []Stock) error {
	records, without := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0), tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(records, "PLACE\tSUBJECT\tNAME\tLICENCE\tSIGNERS\tSTATED\tCONFLICTS\tNOT EXAMINED\tFINDINGS\tBYTES")
	for _, r := range rows {
		if r.Problem != "" {
			fmt.Fprintf(without, "%s\t%s\tNO RECORD: %s\n", Cell(r.Place), r.ShortSubject(), Cell(r.Problem))
			continue
		}
		fmt.Fprintf(records, "%s\t%s\t%s\t%s\t%s\t%d of %d\t%d\t%d\t%d\t%d\n", Cell(r.Place), r.ShortSubject(), Cell(r.Name), Cell(r.License),
			Cell(strings.Join(r.Signers, " ")), r.Disclosed, r.Questions, r.Conflicts, r.NotExamined, r.Findings, r.Bytes)
	}
	return errors.Join(records.Flush(), without.Flush())
}

// ShortSubject is the beginning of the digest, for people to tell rows apart.
func (s Stock) ShortSubject() string {
	const short = len("sha256:") + 12
	if len(s.Subject) <= short {
		return Printable(s.Subject)
	}
	return Printable(s.Subject[:short]) + "…"
}

// Named says whether the record states a name.
func (s Stock) Named() bool { return s.named }

// Size is the number of bytes in words.
func (s Stock) Size() string { return Bytes(s.Bytes) }

//go:embed inventory.html.tmpl
var inventoryPage string

// StockHTML writes a page under the rules of the report: no script, nothing
// from elsewhere.
func StockHTML(w io.Writer, rows []Stock) error {
	t, err := template.New("inventory").Funcs(template.FuncMap{"cell": Cell}).Parse(inventoryPage)
	if err != nil {
		return err
	}
	page := struct {
		Records, Problems []Stock
		Recorded          bool // some of it by signers whom the policy accepts
		Style             template.CSS
	}{Style: template.CSS(htmlStyle)}
	for _, row := range rows {
		if row.Problem != "" {
			page.Problems = append(page.Problems, row)
			continue
		}
		page.Records = append(page.Records, row)
		page.Recorded = page.Recorded || len(row.RecordedBy) > 0
	}
	return t.Execute(w, page)
}
