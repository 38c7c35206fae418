package load

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
	"github.com/gobatcher/batcher/natsbatch/internal/fault"
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
	DieAt fault.Point // where the process kills itself. Default: empty, nowhere.
}

// arm makes the process die at the point that was given.
func (p Place) arm() {
	if p.DieAt == "" {
		return
	}
	fault.Set(func(at fault.Point) {
		if at == p.DieAt {
			die()
		}
	})
}

// die is SIGKILL: nothing is done on the way out.
func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

func (p Place) connect(more ...nats.Option) (*nats.Conn, error) {
	opts := append(more, nats.Name(p.Name), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond),
		nats.ReconnectJitter(10*time.Millisecond, 10*time.Millisecond), nats.Timeout(connectWait))
	nc, err := nats.Connect(p.URL, opts...)
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

// Connect makes a connection for a front end or a worker.
type Connect func(...nats.Option) (*nats.Conn, error)
