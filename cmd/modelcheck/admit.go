package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/modelcheck/modelcheck/cmd/modelcheck/internal/render"
	"github.com/modelcheck/modelcheck/pkg/admission"
	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

const admitLong = `admit asks of Kubernetes manifests what the admission webhook asks of objects on
their way into a cluster: may the models that they name be used under the policy?
The code, the policy and the sentences are the same.

Files may be YAML or JSON, with many documents and lists, as helm template and
kustomize build write them; folders are searched for .yaml, .yml and .json. Every
place where a model can stand is looked at. Models are judged by what verifiers
recorded about exactly their digest; no weights are read.

A model that is named by a tag is denied, for the tag can move before a node
pulls. --write-digests judges it, and writes the digest that was judged into the
file, where nothing else changes.

Whom to trust is said by --policy; its section admission says the rest
(docs/admission.md).`

const admitExample = `  # before git push, and in CI
  modelcheck admit -f deploy/ --policy policy.yaml

  # what Helm renders
  helm template llm ./chart | modelcheck admit -f - --policy policy.yaml --namespace ml

  # pin tags to the digests that were judged
  modelcheck admit -f deploy.yaml --policy policy.yaml --write-digests

  # for code scanning: results at the lines of the references
  modelcheck admit -f deploy/ --policy policy.yaml --output sarif=admit.sarif

  # decide again on what the webhook logged
  modelcheck admit --replay decisions.jsonl --policy policy.yaml`

type admitFlags struct {
	verify    verifyFlags
	files     []string
	namespace string
	labels    map[string]string
	write     bool
	log       string
	replay    string
}

func newAdmit(s streams) *cobra.Command {
	var a admitFlags
	cmd := &cobra.Command{
		Use:     "admit -f FILE|FOLDER|-",
		Short:   "Judge the models that Kubernetes manifests name, as the admission webhook would",
		Long:    admitLong,
		Example: admitExample,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.check(); err != nil {
				return err
			}
			if a.replay != "" {
				return a.decideAgain(cmd.Context(), s)
			}
			return a.admit(cmd.Context(), s)
		},
	}
	a.verify.place.addAccess(cmd)
	a.verify.trust.addPolicy(cmd)
	a.verify.trust.roots.add(cmd)
	f := cmd.Flags()
	f.VarP(outputs{&a.verify.outputs, s.env}, "output", "o", "write the decisions as text, json, sarif or junit, to stdout or to a file (may be repeated; text goes to stdout unless another does)")
	f.StringArrayVarP(&a.files, "file", "f", nil, "manifests: a `FILE`, a folder, or - for stdin (may be repeated)")
	f.StringVarP(&a.namespace, "namespace", "n", "default", "the `NAMESPACE` of objects that name none")
	f.StringToStringVar(&a.labels, "namespace-label", nil, "the namespaces' labels, as `NAME=VALUE`, where the policy trusts one")
	f.BoolVar(&a.write, "write-digests", false, "in the files, replace the tags of admitted models by the digests that were judged")
	f.StringVar(&a.log, "log", "", "append each decision as a line of JSON to `FILE`, for --replay")
	f.StringVar(&a.replay, "replay", "", "decide again on the decisions of `FILE`, as of their times, and say what comes out differently (- for stdin)")
	f.StringVar(&a.verify.reviews.folder, "reviews", "", "also read reviews from this `FOLDER`")
	for _, name := range []string{"file", "log", "replay"} {
		_ = cmd.MarkFlagFilename(name)
	}
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(admitFormats, cobra.ShellCompDirectiveNoSpace))
	return cmd
}

var admitFormats = []string{"text", "json", "sarif", "junit"}

func (a admitFlags) check() error {
	for _, d := range a.verify.outputs {
		if !slices.Contains(admitFormats, d.format) {
			return usageError{fmt.Errorf("admit does not write %s: want text, json, sarif or junit", d.format)}
		}
	}
	switch {
	case a.verify.trust.policyFile == "":
		return usageError{hintError{errors.New("no --policy given"), "for example: modelcheck admit -f deploy.yaml --policy policy.yaml"}}
	case (len(a.files) > 0) == (a.replay != ""):
		return usageError{hintError{errors.New("want -f FILE or --replay FILE"), "helm template … | modelcheck admit -f - --policy policy.yaml"}}
	case a.replay != "" && (a.write || a.log != ""):
		return usageError{errors.New("--replay judges what was logged, and excludes --write-digests and --log")}
	case a.write && slices.Contains(a.files, "-"):
		return usageError{hintError{errors.New("--write-digests and -f -: there is no file to write to"), "save the manifests first"}}
	}
	return a.verify.checkOutputs()
}

// gate makes the gate of the policy, with the clock that it judges by.
func (a admitFlags) gate(s streams, now func() time.Time) (*admission.Gate, error) {
	cfg, err := a.verify.prepare(s, artifact.Reference{})
	if err != nil {
		return nil, err
	}
	cfg.Now = now
	checker, err := check.New(cfg)
	if err != nil {
		return nil, err
	}
	judge := &onceJudge{judge: admission.Records{Checker: checker}, said: map[asked]func() (*check.Report, error){}}
	return admission.NewGate(admission.Config{
		Policy: cfg.Policy, Judge: judge, PolicyName: a.verify.trust.policyFile, Version: build().Version, Now: now,
	})
}

// A onceJudge asks about each reference once in a run: all objects of a file
// are judged by the same answers, also where a tag moves meanwhile.
type onceJudge struct {
	judge admission.Judge
	mu    sync.Mutex
	said  map[asked]func() (*check.Report, error)
}

type asked struct {
	reference string
	use       policy.Use
}

func (o *onceJudge) Accept(ctx context.Context, ref artifact.Reference, use policy.Use) (*check.Report, error) {
	key := asked{ref.String(), use}
	o.mu.Lock()
	answer := o.said[key]
	if answer == nil {
		answer = sync.OnceValues(func() (*check.Report, error) { return o.judge.Accept(ctx, ref, use) })
		o.said[key] = answer
	}
	o.mu.Unlock()
	return answer()
}

// admit decides on all objects of all files, and ends with the status of the
// gravest.
func (a admitFlags) admit(ctx context.Context, s streams) error {
	files, err := a.read(s)
	if err != nil {
		return err
	}
	g, err := a.gate(s, time.Now)
	if err != nil {
		return err
	}
	for _, f := range files {
		a.decide(ctx, g, f)
	}
	if !slices.ContainsFunc(files, func(f *manifests) bool { return len(f.objects) > 0 }) {
		return usageError{hintError{errors.New("there is no object in these files"), "a check of nothing is none: look at what wrote them"}}
	}
	if err := errors.Join(a.writeLog(files), a.report(s, files)); err != nil {
		return err
	}
	if a.write {
		if err := writeDigests(s, files); err != nil {
			return err
		}
	}
	var all []admission.Decision
	for _, f := range files {
		all = append(all, f.decisions()...)
	}
	return admitted(all)
}

// admitted is the exit status: of the gravest decision that keeps an object
// out.
func admitted(all []admission.Decision) error {
	var reports []*check.Report
	for _, d := range all {
		if !d.Response.Allowed {
			reports = append(reports, &check.Report{Verdict: policy.Verdict{Outcome: d.Outcome}})
		}
	}
	if len(reports) == 0 {
		return nil
	}
	return verdictError{worst(reports).Outcome}
}

// report writes the decisions everywhere.
func (a admitFlags) report(s streams, files []*manifests) error {
	var errs []error
	for _, d := range a.verify.destinations() {
		if d.file == "" && a.verify.place.quiet {
			continue
		}
		errs = append(errs, d.put(s, func(w *bytes.Buffer) error { return writeDecisions(w, d, s, files) }))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%w: %w", errWriting, err)
	}
	return nil
}

// A filedDecision is a decision with the place of its object.
type filedDecision struct {
	File string `json:"file"`
	Line int    `json:"line"`
	admission.Decision
}

func writeDecisions(w io.Writer, d destination, s streams, files []*manifests) error {
	var shown []render.Object
	filed := []filedDecision{}
	for _, f := range files {
		for _, o := range f.objects {
			shown = append(shown, f.show(o))
			filed = append(filed, filedDecision{f.shownName(), o.line, o.decision})
		}
	}
	switch d.format {
	case "json":
		return render.JSON(w, struct {
			Decisions []filedDecision `json:"decisions"`
		}{filed})
	case "sarif":
		return render.ObjectsSARIF(w, build().Version, shown)
	case "junit":
		return render.ObjectsJUnit(w, shown)
	default:
		st := render.Style{}
		if d.file == "" {
			st = style(s)
		}
		return render.Objects(w, shown, st)
	}
}

// writeLog appends the decisions as lines of JSON.
func (a admitFlags) writeLog(files []*manifests) error {
	if a.log == "" {
		return nil
	}
	var b bytes.Buffer
	for _, f := range files {
		for _, d := range f.decisions() {
			if err := render.JSONLine(&b, d); err != nil {
				return err
			}
		}
	}
	if err := appendTo(a.log, b.Bytes()); err != nil {
		return fmt.Errorf("writing the log: %w", err)
	}
	return nil
}

// show is a decision as it is printed.
func (f *manifests) show(o *object) render.Object {
	d := o.decision
	name := cmp.Or(d.Kind, "object")
	if d.Name != "" {
		name += " " + d.Namespace + "/" + d.Name
	}
	out := render.Object{
		File: f.shownName(), Line: o.line, Name: name, Outcome: d.Outcome, Admitted: d.Response.Allowed,
		Message: d.Response.Message, Reasons: d.Reasons, Warnings: d.Warnings,
	}
	for _, j := range d.Judgements {
		m := render.ObjectModel{Pointer: j.Pointer, Text: j.Text, Digest: j.Digest, Outcome: j.Outcome, Admitted: j.Admitted, Reasons: j.Reasons, Command: j.Command}
		m.Line, m.Column = o.document.Place(j.Pointer)
		out.Models = append(out.Models, m)
	}
	return out
}
