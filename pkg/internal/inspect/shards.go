package inspect

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// maxExamples is how many names a finding of the index gives.
const maxExamples = 5

// checkIndexes compares every index with the files that it names.
func (m *Model) checkIndexes() []provenance.Finding {
	var out []provenance.Finding
	for _, name := range m.order {
		if x := m.files[name]; x.facts.index != nil {
			out = append(out, m.checkIndex(name, x.facts.index)...)
		}
	}
	return out
}

func (m *Model) checkIndex(name string, x *index) []provenance.Finding {
	var out []provenance.Finding
	find := func(rule, code, detail string, facts map[string]string) {
		out = append(out, newFinding(rule, code, name, detail, facts))
	}
	in := map[[16]byte]int{} // tensor to the first shard that holds it
	twice, known := 0, true
	data := uint64(0)
	var absent []string
	for i, shard := range x.shards {
		file, ok := m.find(path.Join(path.Dir(name), shard))
		switch {
		case !ok:
			absent = append(absent, shard)
			known = false
		case file.facts.shapes == nil:
			known = false // pickled shards: their tensors have no names here
		default:
			data += file.facts.data
			for _, h := range file.facts.shapes.names {
				if _, ok := in[h]; ok {
					twice++
				} else {
					in[h] = i
				}
			}
		}
	}
	if len(absent) > 0 {
		find("MC-INDEX-SHARD-MISSING", provenance.CodeWeightsIncomplete, fmt.Sprintf("%d files that the index names are not in the artifact: %s", len(absent), quoted(clipAll(absent))), map[string]string{"files": listNames(absent)})
	}
	if !known {
		return out
	}
	x.compare(in, twice, find)
	if x.hasSize && x.total != data {
		find("MC-INDEX-SIZE", codeDiffers, fmt.Sprintf("total_size is %d, the tensors have %d bytes", x.total, data),
			map[string]string{"total": strconv.FormatUint(x.total, 10), "bytes": strconv.FormatUint(data, 10)})
	}
	return out
}

// compare wants every tensor in exactly the shard that the index names.
func (x *index) compare(in map[[16]byte]int, twice int, find func(rule, code, detail string, facts map[string]string)) {
	var missing []string
	listed := make(map[[16]byte]struct{}, len(x.entries))
	for _, e := range x.entries {
		listed[e.hash] = struct{}{}
		if shard, ok := in[e.hash]; !ok || shard != int(e.shard) {
			missing = append(missing, e.name)
		}
	}
	unlisted := map[string]int{}
	for h, shard := range in {
		if _, ok := listed[h]; !ok {
			unlisted[x.shards[shard]]++
		}
	}
	if twice > 0 {
		find("MC-INDEX-TENSOR-TWICE", provenance.CodeFormatMalformed, fmt.Sprintf("%d tensors stand in two of the index's files", twice), map[string]string{"tensors": strconv.Itoa(twice)})
	}
	if n := len(missing); n > 0 {
		detail := fmt.Sprintf("%d tensors are not in the file that the index names", n)
		if x.named {
			detail += ", such as " + quoted(missing[:min(n, maxExamples)])
		}
		find("MC-INDEX-TENSOR-MISSING", provenance.CodeFormatMalformed, detail, map[string]string{"tensors": strconv.Itoa(n)})
	}
	if len(unlisted) > 0 {
		n := 0
		files := make([]string, 0, len(unlisted))
		for file, k := range unlisted {
			n += k
			files = append(files, file)
		}
		slices.Sort(files)
		find("MC-INDEX-TENSOR-UNLISTED", provenance.CodeFormatMismatch, fmt.Sprintf("%d tensors in %s are not in the index", n, quoted(clipAll(files))),
			map[string]string{"tensors": strconv.Itoa(n), "files": listNames(files)})
	}
}

// numbered knows the names of shards: "model-00001-of-00163.safetensors".
var numbered = regexp.MustCompile(`^(.*)-(\d{1,6})-of-(\d{1,6})(\.[A-Za-z0-9_.]+)$`)

// checkNumbering wants all of the files that a numbered name promises, with or
// without an index.
func (m *Model) checkNumbering() []provenance.Finding {
	groups := map[string]map[int]bool{}
	totals := map[string]int{}
	var order []string
	for _, name := range m.order {
		g := numbered.FindStringSubmatch(name)
		if g == nil {
			continue
		}
		k, err := strconv.Atoi(g[2])
		n, err2 := strconv.Atoi(g[3])
		if err != nil || err2 != nil {
			continue
		}
		key := strings.Join([]string{g[1], "-…-of-", g[3], g[4]}, "")
		if groups[key] == nil {
			groups[key], totals[key] = map[int]bool{}, n
			order = append(order, key)
		}
		groups[key][k] = true
	}
	var out []provenance.Finding
	for _, key := range order {
		have, n := groups[key], totals[key]
		if len(have) == n {
			continue
		}
		out = append(out, newFinding("MC-INDEX-SHARD-MISSING", provenance.CodeWeightsIncomplete, key, fmt.Sprintf("the names promise %d files %q, there are %d", n, clip(key), len(have)),
			map[string]string{"promised": strconv.Itoa(n), "found": strconv.Itoa(len(have))}))
	}
	return out
}
