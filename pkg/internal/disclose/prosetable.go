package disclose

import "strings"

var (
	totalColumn   = compile(`(?i)^#? ?(?:total )?(?:params|parameters)$`)
	activeColumn  = compile(`(?i)^#? ?(?:activated|active|activation) (?:params|parameters)$`)
	baseColumn    = compile(`(?i)^base model$`)
	contextColumn = compile(`(?i)^(?:context|sequence)[ -](?:length|window)$`)
	amount        = compile(`^` + number + `$`)
	whole         = compile(`^([0-9]{3,9})()$`)
)

// modelTable reads the row of this model out of a table of models: the first
// column is headed "Model", the row's first cell is this model's name and
// nothing else. Tables of results, with models side by side, are not read.
func (c *collector) modelTable(k *card, t table) {
	if len(t.header) < 2 || !strings.EqualFold(t.header[0], "model") {
		return
	}
	for _, row := range t.rows {
		if len(row.cells) != len(t.header) || !k.is(row.cells[0]) {
			continue
		}
		for i, head := range t.header {
			claim := ""
			switch {
			case baseColumn.MatchString(head) && looksLikeModel(row.cells[i]):
				k.base = row.cells[i]
				c.say("lineage.base", declared(listValue([]string{k.base}), methodTable, k.span(row.line, row.line)))
				continue
			case contextColumn.MatchString(head):
				claim = "model.context.stated"
			case totalColumn.MatchString(head):
				claim = "model.parameters.total"
			case activeColumn.MatchString(head):
				claim = "model.parameters.active"
			default:
				continue
			}
			m := amount.FindStringSubmatch(row.cells[i])
			if m == nil && claim == "model.context.stated" {
				m = whole.FindStringSubmatch(row.cells[i])
			}
			if m == nil {
				continue
			}
			if n, ok := parseCount(m[1], m[2]); ok {
				c.say(claim, declared(marshal(count{Count: n, Text: m[0]}), methodTable, k.span(row.line, row.line)))
			}
		}
	}
}
