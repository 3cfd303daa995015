package render

import (
	"io"
	"slices"
	"strings"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// SARIF writes reports as one run of SARIF 2.1.0 (OASIS Standard, 27 March
// 2020): a rule for every reason code that occurs, a result for everything
// that speaks against a model or that somebody should know of. What speaks for
// it is no result: viewers would show it as a problem. One run, because code
// scanning refuses several of one tool in a file.
func SARIF(w io.Writer, reports []*check.Report) error {
	l := sarifLog{Schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json", Version: "2.1.0"}
	run := sarifRun{Results: []sarifResult{}, Bases: map[string]sarifArtifact{}}
	run.Tool.Driver = sarifDriver{
		Name: "modelcheck", InformationURI: "https://github.com/modelcheck/modelcheck", Rules: []sarifRule{},
	}
	for i, r := range reports {
		run.Tool.Driver.Version = Printable(r.Tool.Version)
		run.add(r, baseName(i))
	}
	l.Runs = []sarifRun{run}
	return JSON(w, l)
}

type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool struct {
		Driver sarifDriver `json:"driver"`
	} `json:"tool"`
	Invocations []sarifInvocation        `json:"invocations"`
	Bases       map[string]sarifArtifact `json:"originalUriBaseIds,omitempty"`
	Results     []sarifResult            `json:"results"`
}

type sarifDriver struct {
	Name           string      `json:"name"`
	Version        string      `json:"version,omitempty"`
	InformationURI string      `json:"informationUri"`
	Rules          []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID    string    `json:"id"`
	Short sarifText `json:"shortDescription"`
	Help  sarifText `json:"help"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifInvocation struct {
	Successful    bool                `json:"executionSuccessful"`
	StartTime     time.Time           `json:"startTimeUtc,omitzero"`
	EndTime       time.Time           `json:"endTimeUtc,omitzero"`
	Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	Properties    map[string]string   `json:"properties"`
}

type sarifNotification struct {
	Level   string    `json:"level"`
	Message sarifText `json:"message"`
}

type sarifResult struct {
	RuleID       string            `json:"ruleId"`
	RuleIndex    int               `json:"ruleIndex"`
	Level        string            `json:"level"`
	Message      sarifText         `json:"message"`
	Locations    []sarifLocation   `json:"locations"`
	Related      []sarifLocation   `json:"relatedLocations,omitempty"`
	Fingerprints map[string]string `json:"partialFingerprints"`
}

// add appends what one report says.
func (run *sarifRun) add(r *check.Report, base string) {
	word, sentence := headline(r)
	inv := sarifInvocation{Successful: r.Error == nil, StartTime: r.StartedAt, EndTime: r.FinishedAt,
		Properties: map[string]string{"reference": Printable(r.Reference), "outcome": r.Verdict.Outcome.String()}}
	if r.Resolved != nil {
		inv.Properties["digest"] = r.Resolved.Digest.String()
	}
	if !r.ManifestDigest.IsZero() {
		inv.Properties["manifestDigest"] = r.ManifestDigest.String()
	}
	level := "note"
	if !r.Verdict.Allowed() {
		level = "warning"
	}
	inv.Notifications = []sarifNotification{{level, message(word + ": " + sentence + ": " + r.Reference)}}
	places := newPlaces(r, base)
	for _, reason := range r.Verdict.Reasons {
		if level, ok := sarifLevel(reason); ok {
			run.result(r, places, level, reason.Code, reason.Message, reason.Subject)
		}
	}
	if r.Error != nil {
		inv.Notifications = append(inv.Notifications, sarifNotification{"error", message(r.Error.Message + " [" + r.Error.Code + "]")})
		run.result(r, places, "error", r.Error.Code, r.Error.Message, "")
	}
	if m := r.Manifest; m != nil {
		for _, f := range m.Findings { // those that are no reason already are notes
			if !slices.ContainsFunc(r.Verdict.Reasons, func(reason policy.Reason) bool { return reason.Code == f.ID && reason.Subject == f.Subject }) {
				run.result(r, places, "note", f.ID, f.Detail, f.Subject)
			}
		}
		run.Bases[base] = sarifArtifact{Description: &sarifText{message("the files of the model " + r.Reference).Text}}
	}
	run.Invocations = append(run.Invocations, inv)
}

// sarifLevel says how grave a reason is, and whether it is a result at all.
func sarifLevel(r policy.Reason) (level string, ok bool) {
	switch r.Effect {
	case policy.Allow:
		good := r.Code == provenance.CodeSignatureVerified || r.Code == provenance.CodeAttestationVerified
		return "note", !good
	case policy.Undecided:
		return "note", true
	case policy.Hold:
		return "warning", true
	default:
		return "error", true
	}
}

func (run *sarifRun) result(r *check.Report, places places, level, code, text, subject string) {
	code = Printable(code)
	found, related := places.of(subject)
	run.Results = append(run.Results, sarifResult{
		RuleID: code, RuleIndex: run.rule(code), Level: level, Message: message(text), Locations: found, Related: related,
		// The same problem of the same model is the same alert in the next run,
		// whatever the sentence says then: no digest of the model, no time.
		Fingerprints: map[string]string{"modelcheck/v1": artifact.SumSHA256([]byte(strings.Join([]string{code, repository(r), subject}, "\x00"))).Hex()},
	})
}

// rule returns the index of a code among the rules and adds it where it is new.
func (run *sarifRun) rule(code string) int {
	rules := run.Tool.Driver.Rules
	if i := slices.IndexFunc(rules, func(r sarifRule) bool { return r.ID == code }); i >= 0 {
		return i
	}
	text := codeTexts()[code]
	if text.meaning == "" {
		text.meaning = "a reason code of another version"
	}
	help := text.meaning
	if text.advice != "" {
		help += ". What to do: " + text.advice
	}
	run.Tool.Driver.Rules = append(rules, sarifRule{ID: code, Short: message(text.meaning), Help: message(help + ".")})
	return len(rules)
}

// message writes a message string: what could be an embedded link is broken
// up (SARIF 2.1.0, §3.11.6), and braces are doubled, for they are placeholders
// (§3.11.5).
func message(s string) sarifText {
	return sarifText{strings.NewReplacer("](", "] (", "{", "{{", "}", "}}").Replace(Printable(s))}
}
