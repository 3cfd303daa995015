package provenance_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// settleOne settles declared values of one kind, in the given order.
func settleOne(t testing.TB, kind provenance.ValueKind, values ...string) provenance.Claim {
	t.Helper()
	types := []provenance.ClaimType{{ID: "c", Ceiling: provenance.Verified, Kind: kind}}
	var obs []provenance.ClaimObservation
	for i, v := range values {
		obs = append(obs, observe("c", inReadme(provenance.Declared, v, i+1)))
	}
	claims, err := provenance.Settle(types, obs, searched(), nil, "")
	if err != nil {
		t.Fatal(err)
	}
	return claims[0]
}

func TestValuesThatAgree(t *testing.T) {
	count := func(n, text string) string { return fmt.Sprintf(`{"count":%s,"text":%q}`, n, text) }
	bound := func(n, text, b string) string { return fmt.Sprintf(`{"count":%s,"text":%q,"bound":%q}`, n, text, b) }
	unit := func(n, u string) string { return fmt.Sprintf(`{"count":%s,"text":%q,"unit":%q}`, n, n, u) }
	for name, tc := range map[string]struct {
		kind   provenance.ValueKind
		values []string
		want   string // the value, "" for a conflict
	}{
		"text, case and space":     {provenance.Text, []string{`"DeepSeek  AI"`, `"deepseek ai"`}, `"DeepSeek  AI"`},
		"text, another":            {provenance.Text, []string{`"DeepSeek"`, `"DeepSeek AI"`}, ""},
		"spdx, case":               {provenance.SPDX, []string{`"mit"`, `"MIT"`}, `"MIT"`},
		"spdx, order":              {provenance.SPDX, []string{`"MIT OR Apache-2.0"`, `"(apache-2.0 or mit)"`}, `"(apache-2.0 or mit)"`},
		"spdx, and over or":        {provenance.SPDX, []string{`"A AND B OR C"`, `"C OR (B AND A)"`}, `"A AND B OR C"`},
		"spdx, parentheses matter": {provenance.SPDX, []string{`"A AND (B OR C)"`, `"A AND B OR C"`}, ""},
		"spdx, twice":              {provenance.SPDX, []string{`"(A OR B) AND (B OR A)"`, `"A OR B"`}, `"(A OR B) AND (B OR A)"`},
		"spdx, flattened":          {provenance.SPDX, []string{`"A OR (B OR C)"`, `"(A OR B) OR C"`}, `"(A OR B) OR C"`},
		"spdx, exception":          {provenance.SPDX, []string{`"GPL-2.0-only WITH X"`, `"GPL-2.0-only"`}, ""},
		"spdx, or is not and":      {provenance.SPDX, []string{`"A OR B"`, `"A AND B"`}, ""},
		"spdx, no expression":      {provenance.SPDX, []string{`"see LICENSE"`, `"See  license"`}, `"See  license"`},
		"spdx, open parenthesis":   {provenance.SPDX, []string{`"(MIT"`, `"MIT"`}, ""},
		"count, rounded":           {provenance.Count, []string{count("671000000000", "671B"), count("671030000000", "671.03B")}, count("671030000000", "671.03B")},
		"count, rounded up":        {provenance.Count, []string{count("36700000000", "36.7B"), count("37000000000", "37B")}, count("36700000000", "36.7B")},
		"count, cut":               {provenance.Count, []string{count("7000000000", "7B"), count("7615616512", "7615616512")}, count("7615616512", "7615616512")},
		"count, another":           {provenance.Count, []string{count("671000000000", "671B"), count("685000000000", "685B")}, ""},
		"count, one more digit":    {provenance.Count, []string{count("36700000000", "36.7B"), count("36900000000", "36.9B")}, ""},
		"count, words":             {provenance.Count, []string{count("14800000000000", "14.8 trillion"), count("14800000000000", "14.8T")}, count("14800000000000", "14.8 trillion")},
		"count, grouped":           {provenance.Count, []string{count("800000", "800,000"), count("800000", "800k")}, count("800000", "800,000")},
		"count, binary thousands":  {provenance.Count, []string{count("131072", "128K"), count("131072", "131072")}, count("131072", "131072")},
		"count, not transitive": {provenance.Count, []string{count("37000000000", "37B"), count("36700000000", "36.7B"),
			count("37400000000", "37.4B")}, ""},
		"count, at most":        {provenance.Count, []string{bound("18000000000000", "18T", "at-most"), count("17500000000000", "17.5T")}, count("17500000000000", "17.5T")},
		"count, over at most":   {provenance.Count, []string{bound("18000000000000", "18T", "at-most"), count("20000000000000", "20T")}, ""},
		"count, at least":       {provenance.Count, []string{count("11000000000000", "11T"), bound("10000000000000", "10T", "at-least")}, count("11000000000000", "11T")},
		"count, under at least": {provenance.Count, []string{count("5000000000000", "5T"), bound("10000000000000", "10T", "at-least")}, ""},
		"count, between":        {provenance.Count, []string{bound("1000", "1000", "at-least"), bound("2000", "2000", "at-most")}, bound("1000", "1000", "at-least")},
		"count, nothing between": {provenance.Count, []string{
			bound("3000", "3000", "at-least"), bound("2000", "2000", "at-most")}, ""},
		"count, other unit":           {provenance.Count, []string{unit("5", "GPU hours"), unit("5", "tokens")}, ""},
		"count, zero":                 {provenance.Count, []string{count("0", "0"), count("0", "none")}, count("0", "0")},
		"date, prefix":                {provenance.Date, []string{`"2024"`, `"2024-07-15"`, `"2024-07"`}, `"2024-07-15"`},
		"date, another":               {provenance.Date, []string{`"2024-07"`, `"2024-08"`}, ""},
		"date, no part":               {provenance.Date, []string{`"2024-1"`, `"2024-12"`}, ""},
		"country":                     {provenance.Country, []string{`"CN"`, `"cn"`}, `"CN"`},
		"country, another":            {provenance.Country, []string{`"CN"`, `"FR"`}, ""},
		"tristate":                    {provenance.Tristate, []string{`"yes"`, `"no"`}, ""},
		"tristate, unknown":           {provenance.Tristate, []string{`"unknown"`, `"yes"`}, `"yes"`},
		"tristate, no, unknown":       {provenance.Tristate, []string{`"no"`, `"unknown"`}, `"no"`},
		"tristate, all three":         {provenance.Tristate, []string{`"no"`, `"unknown"`, `"yes"`}, ""},
		"list, order":                 {provenance.List, []string{`["a","b"]`, `["b","a"]`}, `["a","b"]`},
		"list, says less":             {provenance.List, []string{`["en"]`, `["en","zh"]`}, `["en","zh"]`},
		"list, overlap":               {provenance.List, []string{`["en","fr"]`, `["en","zh"]`}, ""},
		"list, two that say less":     {provenance.List, []string{`["en"]`, `["zh"]`, `["en","zh"]`}, ""},
		"list, full name":             {provenance.List, []string{`["DeepSeek-V3-Base"]`, `["deepseek-ai/DeepSeek-V3-Base"]`}, `["deepseek-ai/DeepSeek-V3-Base"]`},
		"list, name of another":       {provenance.List, []string{`["acme/DeepSeek-V3-Base"]`, `["deepseek-ai/DeepSeek-V3-Base"]`}, ""},
		"object, white space":         {provenance.Object, []string{`{"a": 1}`, `{"a":1}`}, `{"a":1}`},
		"object, member order":        {provenance.Object, []string{`{"a":1,"b":2}`, `{"b":2,"a":1}`}, `{"a":1,"b":2}`},
		"object, another":             {provenance.Object, []string{`{"a":1}`, `{"a":2}`}, ""},
		"same word for word, 3 times": {provenance.Text, []string{`"x"`, `"x"`, `"x"`}, `"x"`},
	} {
		t.Run(name, func(t *testing.T) {
			got := settleOne(t, tc.kind, tc.values...)
			slices.Reverse(tc.values)
			if turned := settleOne(t, tc.kind, tc.values...); string(turned.Value) != string(got.Value) || turned.State != got.State {
				t.Errorf("the order decides: %s %v, %s %v", got.Value, got.State, turned.Value, turned.State)
			}
			want := provenance.StateDeclared
			if tc.want == "" {
				want = provenance.StateConflicting
			}
			canonical := provenance.Value(tc.want)
			if tc.want != "" {
				if err := canonical.Canonicalize(); err != nil {
					t.Fatal(err)
				}
			}
			if got.State != want || !bytes.Equal(got.Value, canonical) {
				t.Errorf("got %v %s, want %v %s", got.State, got.Value, want, tc.want)
			}
		})
	}
}

func TestSettleStates(t *testing.T) {
	doc := []provenance.Document{{Path: "README.md", Digest: digest("readme")}}
	stated := inReadme(provenance.Declared, "", 4)
	stated.Value, stated.Absence = nil, provenance.StatedUndisclosed
	none := stated
	none.Absence = provenance.StatedNone
	inferred := inReadme(provenance.Inferred, `"CN"`, 1)
	for name, tc := range map[string]struct {
		obs              []provenance.Observation
		searched, unread []provenance.Document
		producer         string
		ceiling          provenance.Grade
		want             provenance.State
		absence          provenance.Absence
	}{
		"silent":                         {searched: doc, want: provenance.StateAbsent, absence: provenance.Silent},
		"nothing searched":               {want: provenance.NotExamined},
		"a document could not be read":   {searched: doc, unread: doc, want: provenance.NotExamined},
		"found, though one was not read": {obs: []provenance.Observation{inReadme(provenance.Declared, `"CN"`, 1)}, searched: doc, unread: doc, want: provenance.StateDeclared},
		"inferred":                       {obs: []provenance.Observation{inferred}, searched: doc, want: provenance.StateInferred},
		"inferred and declared":          {obs: []provenance.Observation{inferred, inReadme(provenance.Declared, `"CN"`, 2)}, want: provenance.StateDeclared},
		"inferred against declared":      {obs: []provenance.Observation{inferred, inReadme(provenance.Declared, `"FR"`, 2)}, want: provenance.StateConflicting},
		"verified against declared":      {obs: []provenance.Observation{inReadme(provenance.Verified, `"FR"`, 1), inReadme(provenance.Declared, `"CN"`, 2)}, want: provenance.StateConflicting},
		"declared, producer signed":      {obs: []provenance.Observation{inReadme(provenance.Declared, `"CN"`, 1)}, producer: "vendor", want: provenance.StateAttested},
		"ceiling stops the lift":         {obs: []provenance.Observation{inReadme(provenance.Declared, `"CN"`, 1)}, producer: "vendor", ceiling: provenance.Declared, want: provenance.StateDeclared},
		"inferred is not lifted":         {obs: []provenance.Observation{inferred}, producer: "vendor", want: provenance.StateInferred},
		"ceiling lowers verified":        {obs: []provenance.Observation{inReadme(provenance.Verified, `"CN"`, 1)}, ceiling: provenance.Attested, want: provenance.StateDeclared},
		"ceiling lowers to inferred":     {obs: []provenance.Observation{inReadme(provenance.Verified, `"CN"`, 1)}, ceiling: provenance.Inferred, want: provenance.StateInferred},
		"stated as undisclosed":          {obs: []provenance.Observation{stated}, searched: doc, want: provenance.StateAbsent, absence: provenance.StatedUndisclosed},
		"stated, searched not said":      {obs: []provenance.Observation{stated}, want: provenance.StateAbsent, absence: provenance.StatedUndisclosed},
		"none against undisclosed":       {obs: []provenance.Observation{stated, none}, searched: doc, want: provenance.StateConflicting},
		"none against a value":           {obs: []provenance.Observation{none, inReadme(provenance.Declared, `"CN"`, 1)}, searched: doc, want: provenance.StateConflicting},
	} {
		t.Run(name, func(t *testing.T) {
			ceiling := tc.ceiling
			if ceiling == provenance.NoGrade {
				ceiling = provenance.Verified
			}
			types := []provenance.ClaimType{{ID: "origin.country", Ceiling: ceiling, Kind: provenance.Country}}
			var obs []provenance.ClaimObservation
			for _, o := range tc.obs {
				obs = append(obs, observe("origin.country", o))
			}
			claims, err := provenance.Settle(types, obs, tc.searched, tc.unread, tc.producer)
			if err != nil || len(claims) != 1 {
				t.Fatal(claims, err)
			}
			if c := claims[0]; c.State != tc.want || c.Absence != tc.absence {
				t.Errorf("got %v %v, want %v %v", c.State, c.Absence, tc.want, tc.absence)
			}
			m := sample(t)
			m.Claims, m.Coverage = claims, nil
			if tc.producer != "" {
				m.Signatures[0].Signer, m.Signatures[0].Relation = tc.producer, provenance.Producer
			}
			if _, err := provenance.Encode(m); err != nil {
				t.Errorf("what Settle says cannot be written: %v", err)
			}
		})
	}
}

// A signature lifts what the signed artifact says, and only what a producer signed.
func TestOnlyTheProducerAttests(t *testing.T) {
	types := []provenance.ClaimType{{ID: "c", Ceiling: provenance.Attested, Kind: provenance.Text}}
	rule := inReadme(provenance.Declared, `"x"`, 1)
	rule.Source.Kind = provenance.SourceRule
	for _, tc := range []struct {
		o        provenance.Observation
		producer string
		want     provenance.Speaker
	}{
		{inReadme(provenance.Declared, `"x"`, 1), "vendor", provenance.Speaker{Relation: provenance.Producer, Signer: "vendor"}},
		{inReadme(provenance.Declared, `"x"`, 1), "", provenance.Speaker{}},
		{rule, "vendor", provenance.Speaker{}},
		{inReadme(provenance.Inferred, `"x"`, 1), "vendor", provenance.Speaker{}},
	} {
		claims, err := provenance.Settle(types, []provenance.ClaimObservation{observe("c", tc.o)}, searched(), nil, tc.producer)
		if err != nil || claims[0].Observations[0].Speaker != tc.want {
			t.Errorf("%v by %q: %+v, %v", tc.o.Grade, tc.producer, claims, err)
		}
	}
}

func TestSettleRefusesWhatTheCatalogDoesNotKnow(t *testing.T) {
	types := []provenance.ClaimType{{ID: "c", Ceiling: provenance.Declared, Kind: provenance.Count}}
	absence := inReadme(provenance.Declared, "", 1)
	absence.Absence = provenance.Silent
	for name, tc := range map[string]struct {
		types []provenance.ClaimType
		o     provenance.ClaimObservation
		want  string
	}{
		"unknown id":      {types, observe("d", inReadme(provenance.Declared, `"x"`, 1)), `no claim "d"`},
		"wrong shape":     {types, observe("c", inReadme(provenance.Declared, `"14.8T"`, 1)), "count"},
		"no count":        {types, observe("c", inReadme(provenance.Declared, `{"text":"14.8T"}`, 1)), "count"},
		"negative":        {types, observe("c", inReadme(provenance.Declared, `{"count":-1}`, 1)), "at least 0"},
		"unknown bound":   {types, observe("c", inReadme(provenance.Declared, `{"count":1,"bound":"maybe"}`, 1)), "bound"},
		"no value":        {types, observe("c", inReadme(provenance.Declared, ``, 1)), "no value"},
		"null":            {types, observe("c", inReadme(provenance.Declared, `null`, 1)), "no value"},
		"not JSON":        {types, observe("c", inReadme(provenance.Declared, `{`, 1)), "count"},
		"silence":         {types, observe("c", absence), "stated absence"},
		"type twice":      {append(types, types...), observe("c", inReadme(provenance.Declared, `{"count":1}`, 1)), "twice"},
		"type of no kind": {[]provenance.ClaimType{{ID: "c", Ceiling: provenance.Declared}}, provenance.ClaimObservation{}, "incomplete"},
	} {
		t.Run(name, func(t *testing.T) {
			claims, err := provenance.Settle(tc.types, []provenance.ClaimObservation{tc.o}, nil, nil, "")
			if claims != nil || !errors.Is(err, provenance.ErrCatalog) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, %v, want %q", claims, err, tc.want)
			}
		})
	}
	for kind, bad := range map[provenance.ValueKind]string{
		provenance.Text: `1`, provenance.Tristate: `true`, provenance.List: `"a"`, provenance.Date: `2024`, provenance.SPDX: `["MIT"]`, provenance.Country: `" "`,
	} {
		types[0].Kind = kind
		if _, err := provenance.Settle(types, []provenance.ClaimObservation{observe("c", inReadme(provenance.Declared, bad, 1))}, nil, nil, ""); err == nil {
			t.Errorf("%v took %s", kind, bad)
		}
	}
}

// Any texts at all: no panic, the order decides nothing, and the claim can be written.
func FuzzSettle(f *testing.F) {
	f.Add(`"MIT OR (A AND B)"`, `"mit"`, uint8(2))
	f.Add(`{"count":37000000000,"text":"37B"}`, `{"count":36700000000,"text":"36.7B"}`, uint8(3))
	f.Add(`["a/b"]`, `["b","c"]`, uint8(7))
	f.Fuzz(func(t *testing.T, a, b string, kind uint8) {
		types := []provenance.ClaimType{{ID: "c", Ceiling: provenance.Verified, Kind: provenance.ValueKind(kind)}}
		x, y := observe("c", inReadme(provenance.Declared, a, 1)), observe("c", inReadme(provenance.Verified, b, 2))
		one, err := provenance.Settle(types, []provenance.ClaimObservation{x, y}, searched(), nil, "")
		if err != nil {
			return
		}
		two, err := provenance.Settle(types, []provenance.ClaimObservation{y, x}, searched(), nil, "")
		if err != nil || one[0].State != two[0].State || !bytes.Equal(one[0].Value, two[0].Value) {
			t.Fatalf("the order decides: %+v, %+v, %v", one, two, err)
		}
		m := sample(t)
		m.Claims, m.Coverage = one, nil
		if _, err := provenance.Encode(m); errors.Is(err, provenance.ErrDishonest) {
			t.Fatal(err)
		}
	})
}
