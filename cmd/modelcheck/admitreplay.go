package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/modelcheck/modelcheck/pkg/admission"
	"github.com/modelcheck/modelcheck/pkg/policy"
)

// maxLogLine is above the largest decision: a thousand references, each with
// its reasons.
const maxLogLine = 16 << 20

// decideAgain decides again on every line of a log, as of its time, and ends
// with 3 where anything comes out differently.
func (a admitFlags) decideAgain(ctx context.Context, s streams) error {
	data, err := readManifests(s, a.replay)
	if err != nil {
		return fmt.Errorf("reading the log: %w", err)
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, maxLogLine)
	count, different := 0, 0
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		earlier, err := readLogged(line)
		if err != nil {
			return fmt.Errorf("reading the log: %s:%d: %w", a.replay, n, err)
		}
		g, err := a.gate(s, func() time.Time { return earlier.At })
		if err != nil {
			return err
		}
		count++
		if !a.compare(s, n, earlier, g.Replay(ctx, earlier)) {
			different++
		}
	}
	switch {
	case lines.Err() != nil:
		return fmt.Errorf("reading the log: %w", lines.Err())
	case count == 0:
		return usageError{fmt.Errorf("%q holds no decision", a.replay)}
	case different > 0:
		return verdictError{policy.Deny}
	}
	return nil
}

func readLogged(line []byte) (admission.Decision, error) {
	var d admission.Decision
	if err := json.Unmarshal(line, &d); err != nil {
		return d, err
	}
	if d.SchemaVersion != admission.DecisionVersion || d.At.IsZero() {
		return d, errors.New("not a decision of this version")
	}
	return d, nil
}

// compare says in a line whether the same comes out.
func (a admitFlags) compare(s streams, n int, earlier, now admission.Decision) bool {
	same := earlier.Outcome == now.Outcome && earlier.Response.Allowed == now.Response.Allowed && slices.Equal(earlier.Codes(), now.Codes())
	word := "same"
	if !same {
		word = "different"
	}
	text := fmt.Sprintf("%s  line %d: %s %s/%s: %v %v", word, n, earlier.Kind, earlier.Namespace, earlier.Name, earlier.Outcome, earlier.Codes())
	if !same {
		text += fmt.Sprintf(", now %v %v", now.Outcome, now.Codes())
	}
	if earlier.Policy != now.Policy || earlier.Admission != now.Admission {
		text += "; under another policy"
	}
	if !a.verify.place.quiet {
		fmt.Fprintln(s.out, printable(text))
	}
	return same
}
