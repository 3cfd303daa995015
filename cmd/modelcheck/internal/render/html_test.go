package render

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestHTMLStandsAlone: no script, nothing from elsewhere, and every link leads
// to a place on the page.
func TestHTMLStandsAlone(t *testing.T) {
	for _, rec := range recordedReports() {
		page := rendered(t, "html", report(t, rec.name), report(t, "allow"))
		for _, bad := range []string{"<script", "<link", "<img", "<iframe", "<form", "@import", "url(", "http:", "https:", "javascript:", " on"} {
			if bad == " on" {
				if m := regexp.MustCompile(`<[^>]* on[a-z]+=`).FindString(page); m != "" {
					t.Errorf("%s: %q", rec.name, m)
				}
				continue
			}
			if strings.Contains(page, bad) {
				t.Errorf("%s: the page holds %q", rec.name, bad)
			}
		}
		ids := map[string]bool{}
		for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(page, -1) {
			if ids[m[1]] {
				t.Errorf("%s: two places are called %q", rec.name, m[1])
			}
			ids[m[1]] = true
		}
		links := regexp.MustCompile(`href="#([^"]*)"`).FindAllStringSubmatch(page, -1)
		for _, m := range links {
			if !ids[m[1]] {
				t.Errorf("%s: a link leads to %q, which is nowhere", rec.name, m[1])
			}
		}
		if len(links) == 0 {
			t.Errorf("%s: nothing leads to its evidence", rec.name)
		}
	}
}

// TestHTMLOrder holds the order of a report: silence before what is said.
func TestHTMLOrder(t *testing.T) {
	page := rendered(t, "html", report(t, "allow"))
	at := 0
	for _, heading := range []string{`class="word">ALLOW`, "What was verified", "What is not disclosed", "Conflicts", "Licence and obligations", "Origin", "Lineage", "Training data", "Coverage", "Files", "Verify this yourself", "Method and limits"} {
		if !strings.HasPrefix(heading, "class") {
			heading = ">" + heading + "</h2>"
		}
		i := strings.Index(page, heading)
		if i < at {
			t.Errorf("%s stands at %d, before %d", heading, i, at)
		}
		at = i
	}
}

// TestContrast: every colour of text has a contrast of 4.5 and more to what is
// behind it (WCAG 2.2, success criterion 1.4.3, level AA).
func TestContrast(t *testing.T) {
	colours := map[string]float64{}
	for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6})`).FindAllStringSubmatch(htmlStyle, -1) {
		colours[m[1]] = luminance(t, m[2])
	}
	for _, pair := range [][2]string{
		{"ink", "paper"}, {"ink", "tint"}, {"ink", "wait-tint"}, {"ink", "go-tint"}, {"ink", "stop-tint"}, {"link", "tint"}, {"soft", "paper"}, {"soft", "tint"}, {"link", "paper"}, {"link", "wait-tint"}, {"soft", "wait-tint"},
		{"go-ink", "go-tint"}, {"wait-ink", "wait-tint"}, {"stop-ink", "stop-tint"}, {"stop-ink", "paper"},
	} {
		a, okA := colours[pair[0]]
		b, okB := colours[pair[1]]
		if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); !okA || !okB || ratio < 4.5 {
			t.Errorf("%s on %s: %.2f", pair[0], pair[1], ratio)
		}
	}
}

// luminance is the relative luminance of an sRGB colour (WCAG 2.2).
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
