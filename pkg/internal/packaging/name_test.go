package packaging

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// TestCleanName: catalogue FP-01 and FP-03. Every refused name has a twin
// that differs only by the attack.
func TestCleanName(t *testing.T) {
	refused := []struct {
		name, twin string
		want       error
	}{
		{"", "x", errNameEmpty},
		{"./", "./x", errNameEmpty},
		{"/etc/passwd", "etc/passwd", errNameAbsolute},
		{".//x", "./x", errNameAbsolute},
		{"../x", "./x", errNameDots},
		{"a/../x", "a/b/x", errNameDots},
		{"..", "...", errNameDots},
		{".", ".x", errNameDots},
		{"a/./x", "a/.x", errNameDots},
		{"a//x", "a/x", errNameDots},
		{"a/", "a", errNameDots},
		{`a\x`, "a/x", errNameBackslash},
		{`..\x`, "..x", errNameBackslash},
		{"C:x", "CC:x", errNameDrive},
		{"c:/x", "c/x", errNameDrive},
		{"a\x00.json", "a.json", errNameInvisible},
		{"a\nb", "a b", errNameInvisible},
		{"a\x1b[2Jb", "a[2Jb", errNameInvisible},
		{"a\x7f", "a", errNameInvisible},
		{"a\u0085", "aé", errNameInvisible},
		{"model\u202egnp.safetensors", "modelgnp.safetensors", errNameInvisible},
		{"model\u200b.json", "model.json", errNameInvisible},
		{"model\u200d.json", "model.json", errNameInvisible},
		{"\ufeffmodel.json", "model.json", errNameInvisible},
		{"model\u2066.json", "model.json", errNameInvisible},
		{"model\u00ad.json", "model.json", errNameInvisible},
		{"model\u2028.json", "model.json", errNameInvisible},
		{"model\u3164.json", "model字.json", errNameInvisible},
		{"model\ufe0f.json", "model.json", errNameInvisible},
		{"model\U000e0041.json", "model.json", errNameInvisible},
		{"a\xff", "a", errNameUTF8},
		{strings.Repeat("x", 256), strings.Repeat("x", 255), errNameLong},
		{strings.Repeat("xxxxxxxx/", 456) + "x", strings.Repeat("a/", 63) + "x", errNameLong},
		{strings.Repeat(strings.Repeat("x", 250)+"/", 17) + "x", strings.Repeat(strings.Repeat("x", 250)+"/", 16) + "x", errNameLong},
		{strings.Repeat("a/", 64) + "x", strings.Repeat("a/", 63) + "x", errNameLong},
	}
	for _, tt := range refused {
		if got, err := cleanName(tt.name); !errors.Is(err, tt.want) || got != "" {
			t.Errorf("%q: %q, %v; want %v", tt.name, got, err, tt.want)
		}
		if _, err := cleanName(tt.twin); err != nil {
			t.Errorf("twin %q: %v", tt.twin, err)
		}
	}
	for name, want := range map[string]string{"./x": "x", "././a/x": "a/x", "models/wght.bin": "models/wght.bin", ".gitattributes": ".gitattributes", "模型/重み.gguf": "模型/重み.gguf", "ab:c": "ab:c"} {
		if got, err := cleanName(name); got != want || err != nil {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
}

func TestFold(t *testing.T) {
	for _, twins := range [][2]string{
		{"README.md", "readme.MD"}, {"caf\u00e9", "cafe\u0301"}, {"Caf\u00c9", "cafe\u0301"}, {"straße", "STRASSE"}, {"ſ", "S"}, {"\u212a.json", "k.json"},
	} {
		if fold(twins[0]) != fold(twins[1]) {
			t.Errorf("%q and %q are told apart", twins[0], twins[1])
		}
	}
	for _, others := range [][2]string{{"a", "b"}, {"model.safetensors", "m\u043edel.safetensors"}, {"a/b", "a-b"}} {
		if fold(others[0]) == fold(others[1]) {
			t.Errorf("%q and %q are one", others[0], others[1])
		}
	}
}

func FuzzName(f *testing.F) {
	for _, s := range []string{"model.safetensors", "./a/b", "../x", "a\\b", "C:x", "\u202e", "caf\u00e9", "\xff", "a//b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got, err := cleanName(name)
		if err != nil {
			if got != "" {
				t.Fatal("an error, and a name")
			}
			return
		}
		checkName(t, got)
		if again, err := cleanName(got); again != got || err != nil {
			t.Fatalf("%q is not its own clean form: %q, %v", got, again, err)
		}
		if !utf8.ValidString(fold(got)) || fold(fold(got)) != fold(got) {
			t.Fatalf("fold of %q is not stable", got)
		}
	})
}

// checkName is what every listed path must be.
func checkName(t *testing.T, name string) {
	t.Helper()
	if !fs.ValidPath(name) || name == "." || strings.ContainsAny(name, "\\\x00") || len(name) > maxPath+32 {
		t.Fatalf("%q was accepted", name)
	}
	for _, r := range name {
		if unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Cf) {
			t.Fatalf("%q was accepted, which holds %U", name, r)
		}
	}
}
