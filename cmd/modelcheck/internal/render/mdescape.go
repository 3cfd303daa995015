package render

import "strings"

// mdText makes text that went through Printable stand for itself in GitHub
// Flavored Markdown, also in a cell of a table: everything that could begin
// emphasis, code, HTML, a link, a table cell or a formula of mathematics is
// written as a character reference, which is never structure (GFM 0.29, §6.2).
// What forges turn into mentions, references and pictures after that ("@name",
// "#1", "!1", ":tada:") stands in an element of its own.
func mdText(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; c {
		case '@', '#', '!':
			b.WriteString("<span>" + charRef(c) + "</span>")
		case '&', '<', '>', '`', '*', '_', '[', ']', '{', '}', '|', '~', '\\', '$', '^':
			b.WriteString(charRef(c))
		case ':':
			switch {
			case strings.HasPrefix(s[i:], "://"): // a link by itself (GFM 0.29, §6.9)
				b.WriteString(charRef(c))
			case emoji(s[i:]):
				b.WriteString("<span>" + charRef(c) + "</span>")
			default:
				b.WriteByte(c)
			}
		case '.':
			// "www." begins a link by itself (GFM 0.29, §6.9).
			if strings.HasSuffix(strings.ToLower(s[:i]), "www") {
				b.WriteString(charRef(c))
			} else {
				b.WriteByte(c)
			}
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// emoji says whether s begins with a picture's name between colons.
func emoji(s string) bool {
	rest := strings.TrimLeft(s[1:], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-")
	return len(rest) < len(s)-1 && strings.HasPrefix(rest, ":")
}

// mdCode is mdText in the font of code, where forges look for no mentions.
// Backquotes would do in a paragraph, but in a table nobody can write a bar
// between them that all readers read alike.
func mdCode(s string) string {
	if s == "" {
		return ""
	}
	return "<code>" + mdText(s) + "</code>"
}

// charRef writes an ASCII character as a decimal character reference.
func charRef(c byte) string {
	const digits = "0123456789"
	ref := []byte("&#")
	if c >= 100 {
		ref = append(ref, digits[c/100])
	}
	return string(append(ref, digits[c/10%10], digits[c%10], ';'))
}

// cell keeps a value of an outsider from beginning with what spreadsheets read
// as a formula when a table is copied into one.
func cell(s string) string {
	if s != "" && strings.ContainsRune("=@", rune(s[0])) || len(s) > 1 && strings.ContainsRune("+-", rune(s[0])) && (s[1] < '0' || s[1] > '9') {
		return "'" + s
	}
	return s
}
