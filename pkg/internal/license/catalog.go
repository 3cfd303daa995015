package license

import (
	_ "embed"
	"slices"
	"strings"
	"sync"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/internal/strictjson"
)

// A License is an entry of the catalogue: facts about a licence, no opinions.
// The zero value knows nothing.
type License struct {
	ID          string   `json:"id"`          // SPDX id, or LicenseRef-modelcheck-… where SPDX has none
	Name        string   `json:"name"`        // full name
	Version     string   `json:"version"`     // "" where the licence has none
	Category    Category `json:"category"`    // what family of terms it belongs to
	OSIApproved bool     `json:"osiApproved"` // by the SPDX list's isOsiApproved
	HF          []string `json:"hf"`          // identifiers of the Hugging Face Hub, where they differ from ID in more than case
	Names       []string `json:"names"`       // other names that documents use
	Titles      []string `json:"titles"`      // title lines that copies may or may not carry
	Texts       []Text   `json:"texts"`       // known texts; none: known by name only
}

// A Text is one known wording of a licence. Digests are computed from files,
// never typed in: Source says from which.
type Text struct {
	Form   Form            `json:"form"`
	Digest artifact.Digest `json:"digest"` // of the normal form
	Words  int             `json:"words"`  // of the normal form
	Source string          `json:"source"`
}

// A Form says which normal form a digest was computed from.
type Form string

// The forms.
const (
	Whole   Form = "whole"   // of the whole text
	Reduced Form = "reduced" // without title, copyright notices and the holder's name
)

// A Category groups licences by what they ask for. It judges nothing.
type Category string

// The categories.
const (
	Permissive          Category = "permissive"
	Copyleft            Category = "copyleft"
	WeakCopyleft        Category = "weak-copyleft"
	PublicDomain        Category = "public-domain"
	ResponsibleUse      Category = "responsible-use"
	CommunityRestricted Category = "community-restricted"
	ResearchOnly        Category = "research-only"
	Documentation       Category = "documentation"
	Proprietary         Category = "proprietary"
)

//go:embed data/licenses-1.json
var catalogData []byte

//go:embed data/spdx-ids-3.txt
var spdxData string

// index is the catalogue with its ways in. It does not change once made.
type index struct {
	licenses  []License
	byID      map[string]*License // lower case
	byHF      map[string]*License
	byName    map[string]*License // normal form
	whole     map[artifact.Digest]*License
	reduced   map[artifact.Digest]*License
	lengths   []int // distinct word counts of the texts, ascending
	titles    map[string]bool
	spdx      map[string]string // lower case to canonical
	exception map[string]string
}

var catalog = sync.OnceValue(load)

// load reads the embedded tables. They are part of the program, so a fault in
// them is a fault of the program.
func load() *index {
	var file struct {
		Schema   string    `json:"schema"`
		Licenses []License `json:"licenses"`
	}
	if err := strictjson.Decode(catalogData, &file); err != nil {
		panic("license: embedded catalogue: " + err.Error())
	}
	x := &index{
		licenses: file.Licenses, byID: map[string]*License{}, byHF: map[string]*License{}, byName: map[string]*License{},
		whole: map[artifact.Digest]*License{}, reduced: map[artifact.Digest]*License{}, titles: map[string]bool{},
		spdx: map[string]string{}, exception: map[string]string{},
	}
	for line := range strings.Lines(spdxData) {
		kind, id, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch kind {
		case "license":
			x.spdx[strings.ToLower(id)] = id
		case "exception":
			x.exception[strings.ToLower(id)] = id
		}
	}
	for i := range x.licenses {
		x.add(&x.licenses[i])
	}
	slices.Sort(x.lengths)
	x.lengths = slices.Compact(x.lengths)
	return x
}

func (x *index) add(l *License) {
	x.byID[strings.ToLower(l.ID)] = l
	for _, id := range l.HF {
		x.byHF[id] = l
	}
	for _, name := range append([]string{l.ID, l.Name}, l.Names...) {
		x.byName[nameKey(name)] = l
	}
	for _, title := range l.Titles {
		x.titles[normalString(title)] = true
	}
	for _, t := range l.Texts {
		x.lengths = append(x.lengths, t.Words)
		if t.Form == Whole {
			x.whole[t.Digest] = l
		} else {
			x.reduced[t.Digest] = l
		}
	}
}

// CatalogDigest returns the digest of the licence catalogue: of the table of
// licences followed by the list of SPDX ids and the table of terms.
func CatalogDigest() artifact.Digest {
	return artifact.SumSHA256(slices.Concat(catalogData, []byte(spdxData), termData))
}

// Lookup returns the catalogue's entry with the id, in any case. Most SPDX ids
// have none.
func Lookup(id string) (License, bool) {
	l, ok := catalog().byID[strings.ToLower(id)]
	if !ok {
		return License{}, false
	}
	return *l, true
}
