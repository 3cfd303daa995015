package admission

import (
	"io"
	"sync"

	"github.com/go-json-experiment/json"
)

// A decisionLog writes one line for each decision, whole or not at all.
type decisionLog struct {
	mu sync.Mutex
	to io.Writer
}

func (l *decisionLog) write(d Decision) error {
	line, err := json.Marshal(d, json.Deterministic(true))
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err = l.to.Write(append(line, '\n'))
	return err
}
