package provenance_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// Each of these makes the sample claim more than it shows.
func TestDishonestManifestsAreRefused(t *testing.T) {
	type m = *provenance.Manifest
	const absent, conflict, declared, verified = "td.sources.publicDatasets", "license.weights", "td.size.text", "runtime.remoteCode"
	for name, tc := range map[string]struct {
		change func(m)
		want   string
	}{
		"no subject":         {func(m m) { m.Subject = artifact.Digest{} }, "no subject"},
		"no generator":       {func(m m) { m.Generator = provenance.Generator{} }, "no generator"},
		"catalog twice":      {func(m m) { m.Generator.Catalogs[1].Name = "licenses" }, "stands twice"},
		"kind":               {func(m m) { m.Artifact.Kind = "" }, "unknown kind of artifact"},
		"other member":       {func(m m) { m.Artifact.Members[0].Digest = digest("x") }, "subject itself"},
		"tree with members":  {func(m m) { m.Artifact.Kind = "tree" }, "no members"},
		"empty index":        {func(m m) { m.Artifact.Kind, m.Artifact.Members = "index", nil }, "index without members"},
		"negative total":     {func(m m) { m.Artifact.TotalBytes = -1 }, "negative"},
		"file without path":  {func(m m) { m.Files[0].Path = "" }, "without path"},
		"file without bytes": {func(m m) { m.Files[0].Digest = artifact.Digest{} }, "without path, digest"},
		"one digest, two sizes": {func(m m) {
			m.Files = append(m.Files, provenance.File{Path: "copy", Digest: m.Files[0].Digest, Size: 1})
		}, "another size"},
		"file of no member":    {func(m m) { m.Files[0].Members = []artifact.Digest{digest("x")} }, "no member"},
		"nameless signer":      {func(m m) { m.Signatures[0].Signer = "" }, "without signer"},
		"signed by nobody":     {func(m m) { m.Signatures[0].Identity = provenance.Identity{} }, "neither a key nor"},
		"key and certificate":  {func(m m) { m.Signatures[0].Identity.Subject, m.Signatures[0].Identity.Issuer = "a", "b" }, "or by both"},
		"evidence of nothing":  {func(m m) { m.Signatures[0].Evidence = []string{""} }, "without a word"},
		"attested by no name":  {func(m m) { m.Attestations[0].Signer = "" }, "without signer"},
		"attests nothing":      {func(m m) { m.Attestations[0].PredicateType = "" }, "predicate type"},
		"attests by no scheme": {func(m m) { m.Attestations[0].Scheme = "" }, "without signer"},
		"attester is nobody":   {func(m m) { m.Attestations[0].Identity = provenance.Identity{} }, "neither a key nor"},
		"finding without code": {func(m m) { m.Findings[0].ID = "" }, "without code"},
		"claim twice":          {func(m m) { m.Claims[1].ID = m.Claims[0].ID }, "twice"},

		"conflict with a value":    {func(m m) { claimByID(m, conflict).Value = value(`"MIT"`) }, "nobody wins silently"},
		"conflict of one":          {func(m m) { c := claimByID(m, conflict); c.Observations = c.Observations[:1] }, "no two observations differ"},
		"conflict resolved":        {func(m m) { c := claimByID(m, conflict); c.State, c.Value = provenance.StateDeclared, nil }, "no value"},
		"absent, nothing searched": {func(m m) { claimByID(m, absent).Searched = nil }, "what was searched"},
		"absent with a value":      {func(m m) { claimByID(m, absent).Value = value(`["c4"]`) }, "no value"},
		"absent, not said how":     {func(m m) { claimByID(m, absent).Absence = provenance.NoAbsence }, "how"},
		"absent, silent, observed": {func(m m) {
			claimByID(m, absent).Observations = []provenance.Observation{inReadme(provenance.Declared, `["c4"]`, 1)}
		}, "observed nowhere"},
		"absent, stated by nobody":    {func(m m) { claimByID(m, absent).Absence = provenance.StatedNone }, "nobody states it"},
		"verified by a declaration":   {func(m m) { claimByID(m, verified).Observations[0].Grade = provenance.Declared }, `grade "declared"`},
		"verified by nothing":         {func(m m) { claimByID(m, verified).Observations = nil }, `grade "none"`},
		"declared as verified":        {func(m m) { claimByID(m, declared).State = provenance.StateVerified }, `grade "declared"`},
		"verified as declared":        {func(m m) { claimByID(m, verified).State = provenance.StateDeclared }, `grade "verified"`},
		"above the ceiling":           {func(m m) { claimByID(m, verified).Ceiling = provenance.Declared }, "under a ceiling"},
		"no ceiling":                  {func(m m) { claimByID(m, verified).Ceiling = provenance.NoGrade }, "no ceiling"},
		"a value nobody observed":     {func(m m) { claimByID(m, verified).Value = value(`"no"`) }, "not one that was observed"},
		"an empty value":              {func(m m) { c := claimByID(m, verified); c.Value, c.Observations[0].Value = value(`""`), value(`""`) }, "no observation"},
		"not examined, with a result": {func(m m) { claimByID(m, verified).State = provenance.NotExamined }, "nobody looked"},
		"searched and found":          {func(m m) { claimByID(m, verified).Searched = searched() }, "not absent"},
		"unread and found":            {func(m m) { claimByID(m, verified).Unread = searched() }, "not read"},
		"no method":                   {func(m m) { claimByID(m, verified).Observations[0].Method = "" }, "no method"},
		"verified in no bytes": {func(m m) {
			claimByID(m, verified).Observations[0].Source = provenance.Source{Kind: provenance.SourceConfig}
		}, "in which bytes"},
		"evidence outside the artifact": {func(m m) {
			claimByID(m, verified).Observations[0].Source.Digest = digest("elsewhere")
		}, "does not hold"},
		"lines from 0":       {func(m m) { claimByID(m, verified).Observations[0].Source.Lines = []int{0, 1} }, "lines"},
		"lines backwards":    {func(m m) { claimByID(m, verified).Observations[0].Source.Lines = []int{3, 1} }, "lines"},
		"a page for a quote": {func(m m) { claimByID(m, verified).Observations[0].Source.Quote = strings.Repeat("x", 500) }, "quote of 500"},
		"no kind of source":  {func(m m) { claimByID(m, verified).Observations[0].Source.Kind = "" }, "unknown kind of source"},
		"a rule that declares": {func(m m) {
			claimByID(m, declared).Observations[0].Source = provenance.Source{Kind: provenance.SourceRule}
		}, "a rule infers"},
		"attested by nobody": {func(m m) {
			c := claimByID(m, declared)
			c.State, c.Observations[0].Grade = provenance.StateAttested, provenance.Attested
		}, "what a signer says"},
		"attested by a repackager": {func(m m) {
			c := claimByID(m, declared)
			c.State, c.Observations[0].Grade = provenance.StateAttested, provenance.Attested
			c.Observations[0].Speaker = provenance.Speaker{Relation: provenance.Repackager, Signer: "ci"}
		}, "only the producer"},
		"attested by who did not sign": {func(m m) {
			c := claimByID(m, declared)
			c.State, c.Observations[0].Grade = provenance.StateAttested, provenance.Attested
			c.Observations[0].Speaker = provenance.Speaker{Relation: provenance.Producer, Signer: "ci"}
		}, "did not sign as producer"},
		"loads worse than it says":    {func(m m) { m.Files[0].Class = provenance.LoadNative }, `that of the files is "native"`},
		"loads less than its class":   {func(m m) { m.Loading.Class = provenance.LoadCodeOnLoad }, `is "code-on-load"`},
		"unknown, and nobody says so": {func(m m) { m.Files[0].Class = provenance.LoadUnknown }, "nobody says"},
		"unknown, said of another": {func(m m) {
			m.Files[0].Class, m.Loading.Class = provenance.LoadUnknown, provenance.LoadUnknown
			m.Findings = append(m.Findings, provenance.Finding{ID: provenance.CodeLoadingUnknown, Digest: m.Files[1].Digest, Detail: "x"})
		}, "nobody says"},
		"loads without a scope":                        {func(m m) { m.Loading.Scope = "" }, "without a scope"},
		"a loader without rules":                       {func(m m) { m.Loading.Loaders[0].Rules = nil }, "without name or rules"},
		"a template of no file":                        {func(m m) { m.Loading.Templates[0].Path = "x" }, "of no file"},
		"a template without digest":                    {func(m m) { m.Loading.Templates[0].Digest = artifact.Digest{} }, "without digest"},
		"weights of no file":                           {func(m m) { m.Weights[0].First = "x" }, "of no file"},
		"more scales than elements":                    {func(m m) { m.Weights[0].Scales = 11 }, "more than the whole"},
		"weights that do not add up":                   {func(m m) { m.Weights[0].Main = 8 }, "do not add up"},
		"number formats that do not":                   {func(m m) { m.Weights[0].ByDType = map[string]uint64{"BF16": 9} }, "do not add up"},
		"a statement held to a number nobody measured": {func(m m) { m.Weights[0].Stated[0].Measured = 11 }, "not measured"},
		"inflated coverage":                            {func(m m) { m.Coverage[0].Counts["verified"]++ }, "does not count"},
		"inflated verifiability":                       {func(m m) { m.Coverage[0].Verifiable++ }, "does not count"},
		"coverage of nothing":                          {func(m m) { m.Coverage[0].Claims = append(m.Coverage[0].Claims, "x") }, "not there"},
	} {
		t.Run(name, func(t *testing.T) {
			m := sample(t)
			m.Attestations = attestations()
			tc.change(m)
			b, err := provenance.Encode(m)
			if b != nil || !errors.Is(err, provenance.ErrDishonest) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q in it", err, tc.want)
			}
			if err := provenance.Validate(m); !errors.Is(err, provenance.ErrDishonest) {
				t.Errorf("Validate = %v", err)
			}
		})
	}
}
