package disclose

import "strings"

// The limits of prose. Sentences of the documents that the rules were measured
// with stay below 1,000 bytes and lines below 2,500; what is longer is not
// prose that a rule understands.
const (
	maxLine      = 8192
	maxSentence  = 2000
	maxParagraph = 32 * 1024
)

// A table is one of Markdown's, rows of plain cells with their lines.
type table struct {
	header []string
	rows   []tableRow
}

type tableRow struct {
	cells []string
	line  int
}

// A prose is what a page says in sentences and tables. Code, quotations of
// others (block quotes), comments and lines that are too long are left out.
type prose struct {
	titles    []string // headings of the first level, plain
	headings  []heading
	sentences []sentence
	tables    []table
}

type heading struct {
	plain string
	line  int
}

var (
	fence      = compile("^ {0,3}(```+|~~~+)")
	atxHeading = compile(`^ {0,3}(#{1,6})[ \t]+(.*?)[ \t#]*$`)
	bareATX    = compile(`^(#{1,6})([^#\s].*)$`)
	boldLine   = compile(`^\s*\*\*([^*]+)\*\*\s*$`)
	htmlH1     = compile(`(?i)<h1[^>]*>(.*?)</h1>`)
	listItem   = compile(`^[ \t]*(?:[-*+]|[0-9]{1,3}[.)])[ \t]+`)
	rule       = compile(`^[ \t]*(?:-[ \t]*){3,}$|^[ \t]*(?:\*[ \t]*){3,}$|^[ \t]*(?:_[ \t]*){3,}$`)
	tableRule  = compile(`^[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$`)
)

// A reader goes through a page line by line.
type reader struct {
	out     prose
	heading string
	fence   string   // of the code block it is in
	comment bool     // it is in an HTML comment
	para    []string // its lines, with comments blanked
	asIs    []string // the same lines as they stand
	start   int      // line of the first of para
	bullet  bool
	size    int
	rows    []tableRow // of the table it is in
}

// readProse reads the page from line first on.
func readProse(p page, first int) prose {
	r := &reader{}
	for i := first - 1; i < len(p.lines); i++ {
		r.line(p.lines[i], i+1)
	}
	r.flush()
	return r.out
}

func (r *reader) line(line string, n int) {
	if r.skipped(line) {
		r.flush()
		return
	}
	asIs := line
	line = r.uncomment(line)
	trimmed := strings.TrimSpace(line)
	switch {
	case trimmed == "" || rule.MatchString(line) || strings.HasPrefix(trimmed, ">"):
		r.flush()
	case r.headingLine(line, n):
	case strings.HasPrefix(trimmed, "|"):
		if len(r.rows) == 0 {
			r.flush()
		}
		r.rows = append(r.rows, tableRow{cells: cells(trimmed), line: n})
	default:
		if listItem.MatchString(line) || len(r.rows) > 0 || r.size+len(line) > maxParagraph {
			r.flush()
		}
		if len(r.para) == 0 {
			r.start, r.bullet = n, listItem.MatchString(line)
		}
		r.para, r.asIs = append(r.para, line), append(r.asIs, asIs)
		r.size += len(line) + 1
	}
}

// skipped says whether the line is code or too long.
func (r *reader) skipped(line string) bool {
	mark := ""
	if m := fence.FindStringSubmatch(line[:min(len(line), maxLine)]); m != nil && !r.comment {
		mark = m[1]
	}
	switch {
	case r.fence != "":
		if strings.HasPrefix(mark, r.fence) {
			r.fence = ""
		}
		return true
	case mark != "":
		r.fence = mark
		return true
	}
	return len(line) > maxLine
}

// uncomment blanks what is in HTML comments, so that no place in it moves.
func (r *reader) uncomment(line string) string {
	var b strings.Builder
	for rest := line; ; {
		mark := "<!--"
		if r.comment {
			mark = "-->"
		}
		at := strings.Index(rest, mark)
		part := rest
		if at >= 0 {
			part = rest[:at]
		}
		if r.comment {
			part = strings.Repeat(" ", len(part))
		}
		b.WriteString(part)
		if at < 0 {
			return b.String()
		}
		b.WriteString(strings.Repeat(" ", len(mark)))
		r.comment = !r.comment
		rest = rest[at+len(mark):]
	}
}

func (r *reader) headingLine(line string, n int) bool {
	level, text := 0, ""
	switch {
	case atxHeading.MatchString(line):
		m := atxHeading.FindStringSubmatch(line)
		level, text = len(m[1]), m[2]
	case bareATX.MatchString(line):
		m := bareATX.FindStringSubmatch(line)
		level, text = len(m[1]), m[2]
	case htmlH1.MatchString(line):
		level, text = 1, htmlH1.FindStringSubmatch(line)[1]
	case boldLine.MatchString(line):
		level, text = 6, boldLine.FindStringSubmatch(line)[1]
	default:
		return false
	}
	r.flush()
	r.heading, _ = plainText(text)
	r.out.headings = append(r.out.headings, heading{r.heading, n})
	if level == 1 {
		r.out.titles = append(r.out.titles, r.heading)
	}
	return true
}

// flush ends the paragraph or table that was being read.
func (r *reader) flush() {
	// GFM: "The header row must match the delimiter row in the number of cells."
	if len(r.rows) >= 2 && len(r.rows[0].cells) == len(r.rows[1].cells) && tableRule.MatchString("|"+strings.Join(r.rows[1].cells, "|")+"|") {
		r.out.tables = append(r.out.tables, table{header: r.rows[0].cells, rows: r.rows[2:]})
	}
	if len(r.para) > 0 {
		r.paragraph()
	}
	r.rows, r.para, r.asIs, r.size = nil, nil, nil, 0
}

// cells splits a table's row at its bars. A bar in code or escaped splits too;
// a row that is torn that way has more cells than the header, and says nothing.
func cells(row string) []string {
	row = strings.TrimSuffix(strings.TrimPrefix(row, "|"), "|")
	var out []string
	for cell := range strings.SplitSeq(row, "|") {
		plain, _ := plainText(cell)
		out = append(out, plain)
	}
	return out
}
