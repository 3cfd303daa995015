package admission

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/modelcheck/modelcheck/pkg/artifact"
	"github.com/modelcheck/modelcheck/pkg/check"
	"github.com/modelcheck/modelcheck/pkg/policy"
	"github.com/modelcheck/modelcheck/pkg/provenance"
)

// An opinion is what the judge said of one reference.
type opinion struct {
	digest  artifact.Digest
	verdict policy.Verdict
}

func noVerdict(code, message string) policy.Verdict {
	return policy.Verdict{Reasons: []policy.Reason{{Code: code, Effect: policy.Undecided, Message: message}}}
}

// judge asks about every distinct reference once, and adds a judgement for
// every place.
func (g *Gate) judge(ctx context.Context, d *Decision, models []Found) {
	var distinct []artifact.Reference
	seen := map[string]bool{}
	for _, f := range models {
		if name := f.Reference.String(); f.Err == nil && !seen[name] {
			seen[name] = true
			distinct = append(distinct, f.Reference)
		}
	}
	said := g.ask(ctx, distinct, d.For)
	for _, f := range models {
		j := Judgement{Pointer: f.Pointer, Text: f.Text, Kind: f.Kind}
		if f.Err != nil {
			g.unreadable(&j, f.Err)
		} else {
			g.settle(&j, d, f.Reference, said[f.Reference.String()])
		}
		if !j.Admitted {
			j.Command, j.Pin = g.command(j), ""
		}
		d.Judgements = append(d.Judgements, j)
	}
}

// ask asks the judge about all references at once, and waits no longer than
// ctx, whatever the judge does.
func (g *Gate) ask(ctx context.Context, refs []artifact.Reference, use policy.Use) map[string]opinion {
	type answer struct {
		name string
		opinion
	}
	answers := make(chan answer, len(refs))
	slots := make(chan struct{}, g.cfg.Parallel)
	for _, ref := range refs {
		go func() {
			select {
			case slots <- struct{}{}:
				defer func() { <-slots }()
			case <-ctx.Done():
				return // the answer would not be waited for
			}
			answers <- answer{ref.String(), g.accept(ctx, ref, use)}
		}()
	}
	said := map[string]opinion{}
	for range refs {
		select {
		case a := <-answers:
			said[a.name] = a.opinion
			continue
		case <-ctx.Done():
		}
		break
	}
	for _, ref := range refs {
		if _, ok := said[ref.String()]; !ok {
			said[ref.String()] = opinion{verdict: noVerdict(provenance.CodeDeadline, fmt.Sprintf("there was no verdict in time: %v", context.Cause(ctx)))}
		}
	}
	return said
}

// accept asks about one reference, and believes no answer that is not about it.
func (g *Gate) accept(ctx context.Context, ref artifact.Reference, use policy.Use) (o opinion) {
	defer func() {
		if p := recover(); p != nil {
			o = opinion{verdict: noVerdict(provenance.CodeInternal, fmt.Sprintf("a defect of this program: %v", p))}
		}
	}()
	report, err := g.cfg.Judge.Accept(ctx, ref, use)
	if report == nil {
		report = &check.Report{}
	}
	if report.Resolved != nil {
		o.digest = report.Resolved.Digest
	}
	switch {
	case ctx.Err() != nil && (err != nil || report.Verdict.Outcome == policy.Undecided):
		o.verdict = noVerdict(provenance.CodeDeadline, fmt.Sprintf("there was no verdict in time: %v", context.Cause(ctx)))
	case report.Error != nil:
		o.verdict = noVerdict(report.Error.Code, report.Error.Message)
	case err != nil:
		o.verdict = noVerdict(provenance.CodeInternal, err.Error())
	case report.Verdict.Allowed() && report.Reference != ref.String(),
		report.Verdict.Allowed() && o.digest.IsZero(),
		!ref.Digest().IsZero() && !o.digest.IsZero() && o.digest != ref.Digest():
		o.verdict = noVerdict(provenance.CodeInternal, "the verdict is about something else than what was asked for")
	default:
		o.verdict = report.Verdict
		if !o.verdict.Allowed() {
			o.verdict.Reasons = lapsed(o.verdict.Reasons, report.Reviews)
		}
	}
	return o
}

// lapsed lets speak against a model that its reviewers' reviews do not count.
// In a verdict they are notes beside what is missing; here they are the cause.
func lapsed(reasons []policy.Reason, s *policy.ReviewState) []policy.Reason {
	if s == nil {
		return reasons
	}
	out := slices.Clone(reasons)
	for _, v := range s.Reviews {
		if v.Person == "" || v.Counts() {
			continue
		}
		i := slices.IndexFunc(out, func(r policy.Reason) bool { return r.Code == v.Code && r.Subject == v.Statement.String() })
		if i >= 0 && out[i].Effect == policy.Allow {
			out[i].Effect = policy.Hold
		}
	}
	return out
}

// settle turns an opinion into a judgement.
func (g *Gate) settle(j *Judgement, d *Decision, ref artifact.Reference, o opinion) {
	j.Reference, j.Digest = ref.String(), o.digest
	if j.Digest.IsZero() {
		j.Digest = ref.Digest()
	}
	j.Outcome, j.Reasons = o.verdict.Outcome, o.verdict.Reasons
	j.Admitted = o.verdict.Allowed()
	if !j.Admitted {
		if e, ok := g.admission.Exempts(d.Namespace, j.Digest, d.At); ok {
			j.Admitted, j.Exemption = true, &e
			j.Reasons = append(slices.Clone(j.Reasons), policy.Reason{Code: provenance.CodeExempted, Effect: policy.Allow,
				Message: fmt.Sprintf("let in by an exemption until %s: %s", e.Expires.UTC().Format(time.DateOnly), e.Reason)})
		}
	}
	if strings.Contains(j.Text, "@") || j.Digest.IsZero() {
		return
	}
	j.Pin = pinned(j.Text, ref, j.Digest)
	switch {
	case d.Pins && j.Pin != "":
	case g.admission.AllowUnpinned:
		j.Reasons = append(slices.Clone(j.Reasons), policy.Reason{Code: provenance.CodeUnpinned, Effect: policy.Allow, Message: "named by a tag, which can move before a node pulls; the policy lets it in"})
	default:
		r := policy.Reason{Code: provenance.CodeUnpinned, Effect: policy.Deny, Message: fmt.Sprintf("named by a tag, which can move before a node pulls: the digest that was judged is %s", j.Digest)}
		if j.Outcome != policy.Deny {
			j.Reasons = append([]policy.Reason{r}, j.Reasons...)
		} else {
			j.Reasons = append(slices.Clone(j.Reasons), r)
		}
		j.Admitted, j.Outcome, j.Exemption = false, policy.Deny, nil
	}
}

// unreadable judges what names no artifact in a registry.
func (g *Gate) unreadable(j *Judgement, err error) {
	r := policy.Reason{Code: provenance.CodeReferenceMalformed, Effect: policy.Deny, Message: err.Error()}
	if errors.Is(err, ErrNotVerifiable) {
		r.Code = provenance.CodeNotVerifiable
		if g.admission.AllowUnverifiable {
			r.Effect, j.Admitted = policy.Allow, true
			r.Message += "; nothing of it is verified, and the policy lets it in"
		}
	}
	j.Outcome, j.Reasons = r.Effect, []policy.Reason{r}
}

// pinned writes a reference with its digest, in the form in which it stood. The
// tag stays for people: what has a digest is pulled by it.
func pinned(text string, ref artifact.Reference, d artifact.Digest) string {
	scheme, _, ok := strings.Cut(text, "://")
	name := ref.Host() + "/" + ref.Repository()
	if ref.Tag() != "" {
		name += ":" + ref.Tag()
	}
	if ok {
		name = scheme + "://" + name
	}
	return name + "@" + d.String()
}

// Replay decides once more on what an earlier decision was about, by the
// digests that it was about. What was refused before any reference was judged
// stays refused: the object itself is in no log.
func (g *Gate) Replay(ctx context.Context, earlier Decision) (d Decision) {
	req := Request{
		UID: earlier.UID, Operation: earlier.Operation, Resource: earlier.Resource, SubResource: earlier.SubResource,
		APIVersion: earlier.APIVersion, Kind: earlier.Kind, Namespace: earlier.Namespace, Name: earlier.Name, User: earlier.User,
		DryRun: earlier.DryRun, Pins: earlier.Pins,
	}
	d = g.begin(req)
	d.Object, d.For, d.Images, d.Unchanged, d.Reasons = earlier.Object, earlier.For, earlier.Images, earlier.Unchanged, earlier.Reasons
	var models []Found
	for _, j := range earlier.Judgements {
		models = append(models, j.found())
	}
	g.judge(ctx, &d, models)
	g.conclude(&d, req)
	return d
}

// found is the reference of a judgement, at the digest that was judged. That it
// was a tag is kept by its text.
func (j Judgement) found() Found {
	f := Found{Pointer: j.Pointer, Text: j.Text, Kind: j.Kind}
	if j.Reference == "" {
		f.Err = artifact.ErrBadReference
		if len(j.Reasons) > 0 && j.Reasons[0].Code == provenance.CodeNotVerifiable {
			f.Err = fmt.Errorf("%w: %s", ErrNotVerifiable, j.Text)
		}
		return f
	}
	if f.Reference, f.Err = artifact.ParseReference(j.Reference); f.Err == nil && f.Reference.Digest().IsZero() && !j.Digest.IsZero() {
		f.Reference, f.Err = artifact.ParseReference(j.Reference + "@" + j.Digest.String())
	}
	return f
}
