package load

import (
	"context"
	"fmt"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
	"github.com/nats-io/nats.go"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/oracle"
)

// connectWait bounds how long a process waits for its server.
const connectWait = 30 * time.Second

// Place is where a front end or a worker belongs.
type Place struct {
	Name  string // for its log
	URL   string // of the server
	Logs  string // where it writes what it knows; empty: nowhere
	Queue natsbatch.Queue
}

func (p Place) connect() (*nats.Conn, error) {
	nc, err := nats.Connect(p.URL, nats.Name(p.Name), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond),
		nats.ReconnectJitter(10*time.Millisecond, 10*time.Millisecond), nats.Timeout(connectWait))
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	return nc, nil
}

func (p Place) log() (*oracle.Log, error) {
	if p.Logs == "" {
		return nil, nil
	}
	return oracle.Open(p.Logs, p.Name)
}

func patient() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), connectWait)
}
