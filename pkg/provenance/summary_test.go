package provenance_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

func passed() provenance.Summary {
	return provenance.Summary{
		Subject: artifact.SumSHA256([]byte("model")), VerifierID: "https://v.example/v1", Version: "v1.2.3", At: time.Unix(1e9, 0).UTC(),
		Resource: "oci://r.example/m", Policy: artifact.SumSHA256([]byte("policy")), Manifest: artifact.SumSHA256([]byte("manifest")),
		Substance: artifact.SumSHA256([]byte("substance")), Result: provenance.Passed, Properties: []string{provenance.PropertyBytes},
	}
}

func predicate(t *testing.T, statement []byte) []byte {
	t.Helper()
	var s struct{ Predicate json.RawMessage }
	if err := json.Unmarshal(statement, &s); err != nil {
		t.Fatal(err)
	}
	return s.Predicate
}

// What is written is read back, passed or failed; a failure has no result.
func TestSummaryRoundTrip(t *testing.T) {
	failed := passed()
	failed.Result, failed.Properties, failed.Manifest, failed.Substance = provenance.Failed, nil, artifact.Digest{}, artifact.Digest{}
	for _, s := range []provenance.Summary{passed(), failed} {
		b, err := provenance.EncodeSummary(s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := provenance.DecodeSummary(s.Subject, predicate(t, b))
		if err != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("%v\n%+v\n%+v", err, got, s)
		}
	}
	b, err := provenance.EncodeResult(passed())
	if err != nil || !bytes.Contains(b, []byte(`"properties":["MODELCHECK_BYTES_VERIFIED"]`)) || !bytes.Contains(b, []byte(`"timeCreated":"2001-09-09T01:46:40Z"`)) {
		t.Errorf("%v %s", err, b)
	}
	if _, err := provenance.EncodeResult(failed); !errors.Is(err, provenance.ErrSummary) {
		t.Errorf("a failure as a result: %v", err)
	}
	for name, edit := range map[string]func(*provenance.Summary){
		"subject": func(s *provenance.Summary) { s.Subject = artifact.Digest{} }, "time": func(s *provenance.Summary) { s.At = time.Time{} },
		"policy": func(s *provenance.Summary) { s.Policy = artifact.Digest{} }, "result": func(s *provenance.Summary) { s.Result = provenance.NoResult },
		"properties": func(s *provenance.Summary) { s.Properties = nil }, "failed": func(s *provenance.Summary) { s.Result = provenance.Failed },
		"substance": func(s *provenance.Summary) { s.Substance = artifact.Digest{} }, "verifier": func(s *provenance.Summary) { s.VerifierID = "" },
	} {
		s := passed()
		edit(&s)
		if _, err := provenance.EncodeSummary(s); !errors.Is(err, provenance.ErrSummary) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDecodeSummary: other tools' summaries are read, and what is unclear is
// refused.
func TestDecodeSummary(t *testing.T) {
	about := artifact.SumSHA256([]byte("model"))
	good := `{"verifier":{"id":"https://other.example"},"resourceUri":"pkg:oci/m","policy":{"uri":"https://p.example"},"timeVerified":"2026-01-01T00:00:00Z","verificationResult":"PASSED","verifiedLevels":["SLSA_BUILD_LEVEL_3"],"slsaVersion":"1.0","dependencyLevels":{}}`
	s, err := provenance.DecodeSummary(about, []byte(good))
	if err != nil || s.Result != provenance.Passed || !s.Policy.IsZero() || !s.Manifest.IsZero() || len(s.Properties) != 1 {
		t.Errorf("%v %+v", err, s)
	}
	input := `{"digest":{"sha256":"` + strings.Repeat("a", 64) + `"},"annotations":{"predicateType":"` + provenance.PredicateType + `","substanceDigest":"sha256:` + strings.Repeat("b", 64) + `"}}`
	for name, edit := range map[string][2]string{
		"unknown result":     {`"PASSED"`, `"passed"`},
		"no result":          {`"verificationResult":"PASSED",`, ``},
		"passed, and failed": {`["SLSA_BUILD_LEVEL_3"]`, `["SLSA_BUILD_LEVEL_3","FAILED"]`},
		"failed, and passed": {`"PASSED"`, `"FAILED"`},
		"no levels":          {`["SLSA_BUILD_LEVEL_3"]`, `[]`},
		"no verifier":        {`"id":"https://other.example"`, ``},
		"no resource":        {`"resourceUri":"pkg:oci/m",`, ``},
		"bad time":           {`2026-01-01T00:00:00Z`, `yesterday`},
		"twice":              {`"slsaVersion":"1.0"`, `"verificationResult":"FAILED"`},
		"two records":        {`"slsaVersion":"1.0"`, `"inputAttestations":[` + input + `,` + input + `]`},
		"half a record":      {`"slsaVersion":"1.0"`, `"inputAttestations":[` + strings.Replace(input, "substanceDigest", "other", 1) + `]`},
		"cut":                {`,"dependencyLevels":{}}`, ``},
	} {
		if s, err := provenance.DecodeSummary(about, []byte(strings.Replace(good, edit[0], edit[1], 1))); !errors.Is(err, provenance.ErrSummary) {
			t.Errorf("%s: %v %+v", name, err, s)
		}
	}
	if _, err := provenance.DecodeSummary(artifact.Digest{}, []byte(good)); !errors.Is(err, provenance.ErrSummary) {
		t.Errorf("about nothing: %v", err)
	}
}

// FuzzDecodeSummary: what is read and complete is written and read again as the
// same.
func FuzzDecodeSummary(f *testing.F) {
	b, err := provenance.EncodeSummary(passed())
	if err != nil {
		f.Fatal(err)
	}
	_, rest, _ := bytes.Cut(b, []byte(`"predicate":`))
	end := bytes.Index(rest, []byte(`,"predicateType"`))
	f.Add([]byte(rest[:end]))
	f.Add([]byte(`{"verificationResult":"FAILED","verifiedLevels":["FAILED"]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := provenance.DecodeSummary(passed().Subject, data)
		if err != nil {
			return
		}
		b, err := provenance.EncodeSummary(s)
		if err != nil {
			return // another tool's, which says less
		}
		s.At = s.At.Truncate(time.Second)
		again, err := provenance.DecodeSummary(s.Subject, predicate(t, b))
		if err != nil || !reflect.DeepEqual(again, s) {
			t.Errorf("%v\n%+v\n%+v", err, again, s)
		}
	})
}
