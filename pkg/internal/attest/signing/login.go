package signing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
	"unicode"

	"github.com/pkg/browser"
	"github.com/sigstore/sigstore/pkg/oauthflow"
)

// A Way is how a person signs in. The zero value is none.
type Way uint8

// The ways of signing in.
const (
	NoWay   Way = iota
	Browser     // on this machine; where none can be opened, by a code that the person copies
	Device      // on another one, by a short code (RFC 8628)
)

// A Login asks a person to sign in at an identity provider. Way and Out are
// required.
type Login struct {
	Way      Way
	Issuer   string // default: the provider of the signing configuration
	ClientID string // default "sigstore"
	In       io.Reader
	Out      io.Writer                                        // what the person is told
	Sleep    func(ctx context.Context, d time.Duration) error // default: a timer
}

// thanks is the page that the browser ends on.
const thanks = `<!doctype html><title>modelcheck</title><p>Signed in. You can close this page.`

// pollEvery is how long to wait between questions where the provider does not
// say (RFC 8628 §3.2).
const pollEvery = 5 * time.Second

// token runs the flow of sigstore's library, which knows no context, aside: at
// the end of ctx it is left behind.
func (l *Login) token(ctx context.Context, issuer string) (string, error) {
	if l.Issuer != "" {
		issuer = l.Issuer
	}
	if issuer == "" {
		return "", fmt.Errorf("%w: the signing configuration names no identity provider", ErrToken)
	}
	if err := checkURL(issuer); err != nil {
		return "", fmt.Errorf("%w: identity provider %q: %w", ErrToken, issuer, err)
	}
	getter, err := l.getter(ctx, issuer)
	if err != nil {
		return "", err
	}
	client := l.ClientID
	if client == "" {
		client = audience
	}
	type result struct {
		token *oauthflow.OIDCIDToken
		err   error
	}
	done := make(chan result, 1)
	go func() {
		token, err := oauthflow.OIDConnect(issuer, client, "", "", getter)
		done <- result{token, err}
	}()
	select {
	case <-ctx.Done():
		return "", fmt.Errorf("%w: signing in: %w", ErrToken, context.Cause(ctx))
	case r := <-done:
		if r.err != nil {
			return "", fmt.Errorf("%w: signing in at %q: %w", ErrToken, issuer, r.err)
		}
		return r.token.RawString, nil
	}
}

func (l *Login) getter(ctx context.Context, issuer string) (oauthflow.TokenGetter, error) {
	out := cleanWriter{l.Out}
	switch l.Way {
	case Browser:
		// What a browser says must not get into a report on stdout. A file and
		// no other writer: with a pipe the opener would wait for the browser.
		browser.Stdout = os.Stderr
		in := l.In
		if in == nil {
			in = strings.NewReader("")
		}
		return &oauthflow.InteractiveIDTokenGetter{HTMLPage: thanks, Input: in, Output: out}, nil
	case Device:
		getter := oauthflow.NewDeviceFlowTokenGetterForIssuer(issuer)
		getter.MessagePrinter = func(s string) { fmt.Fprintln(out, s) }
		getter.Sleeper = func(d time.Duration) { l.wait(ctx, d) }
		return getter, nil
	default:
		return nil, fmt.Errorf("%w: %w", ErrToken, errors.New("no way to sign in was chosen"))
	}
}

// wait ends the flow that calls it when ctx ends: the library has no other way
// out of its loop.
func (l *Login) wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		d = pollEvery
	}
	wait := l.Sleep
	if wait == nil {
		wait = sleep
	}
	if wait(ctx, d) != nil {
		runtime.Goexit()
	}
}

// A cleanWriter leaves out what could act on a terminal: codes and addresses
// come from the provider.
type cleanWriter struct{ to io.Writer }

// Write implements io.Writer.
func (w cleanWriter) Write(p []byte) (int, error) {
	clean := strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return -1
	}, string(p))
	if _, err := io.WriteString(w.to, clean); err != nil {
		return 0, err
	}
	return len(p), nil
}
