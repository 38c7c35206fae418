package durable

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
	"github.com/nats-io/nats.go"
)

// inUse are the queues that a process uses. The zero inUse has none. It is safe for
// concurrent use.
type inUse struct {
	mu  sync.Mutex
	all map[*natsbatch.Admin]natsbatch.Queue // guarded by mu
}

func (u *inUse) begin(a *natsbatch.Admin, q natsbatch.Queue) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.all == nil {
		u.all = make(map[*natsbatch.Admin]natsbatch.Queue)
	}
	u.all[a] = q
}

func (u *inUse) end(a *natsbatch.Admin) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.all, a)
}

// queues returns each queue once: during a reload two Admins have it.
func (u *inUse) queues() (all []natsbatch.Queue) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for q := range maps.Values(u.all) {
		if !slices.Contains(all, q) {
			all = append(all, q)
		}
	}
	return all
}

// mend has the mender look, or does nothing if it is about to.
func (l *Link) mend() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

const (
	mendTime  = 10 * time.Second // for one queue
	mendPause = 5 * time.Second  // before what could not be made is tried again
)

// mender makes what is missing of the queues in use whenever the connection is back,
// since the server may have lost its store, or be another, and when it is woken. It does
// not look all the time: who deletes a stream may be about to make a different one.
type mender struct {
	link    *Link
	missing map[string]bool // queues that were found so and of which it has not told
	failed  int             // tries in a row
	told    string          // the last error
}

// run ends with ctx, or when the connection is closed for good.
func (m *mender) run(ctx context.Context, back <-chan nats.Status) {
	var again <-chan time.Time
	for {
		select {
		case _, open := <-back:
			if !open {
				return
			}
			m.failed = 0
		case <-m.link.wake:
		case <-again:
		case <-ctx.Done():
			return
		}
		again = nil
		if m.link.Conn.IsConnected() && !m.tell(m.mend(ctx)) {
			again = time.After(mendPause)
		}
	}
}

// mend makes what is missing.
func (m *mender) mend(ctx context.Context) error {
	queues := m.link.used.queues()
	for _, q := range queues { // all of them first: they share streams
		if there, err := m.exists(ctx, q); err != nil {
			return err
		} else if !there {
			m.missing[q.Endpoint] = true
		}
	}
	for _, q := range queues {
		if err := m.setup(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

func (m *mender) exists(ctx context.Context, q natsbatch.Queue) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, mendTime)
	defer cancel()
	return natsbatch.Exists(ctx, m.link.Conn, q)
}

// setup sets a queue up. A server does not answer what is not permitted, but says so
// by an error of the connection.
func (m *mender) setup(ctx context.Context, q natsbatch.Queue) error {
	ctx, cancel := context.WithTimeout(ctx, mendTime)
	defer cancel()
	before := m.link.Conn.LastError()
	err := natsbatch.Setup(ctx, m.link.Conn, q)
	if said := m.link.Conn.LastError(); err != nil && ctx.Err() != nil && said != before && errors.Is(said, nats.ErrPermissionViolation) {
		return fmt.Errorf("%w: %w", err, said)
	}
	return err
}

// tell tells of what mend did or could not do, and reports whether that is all. The
// servers of a cluster may need a moment when the connection is back: it does not
// tell of a single failure.
func (m *mender) tell(err error) bool {
	tell := m.link.tell
	if err != nil {
		m.failed++
		if text := err.Error(); (m.failed > 1 || errors.Is(err, nats.ErrPermissionViolation)) && text != m.told && m.link.Conn.IsConnected() {
			tell(slog.LevelError, "the queues cannot be set up again", text)
			m.told = text
		}
		return false
	}
	switch names := slices.Sorted(maps.Keys(m.missing)); {
	case len(names) > 0:
		tell(slog.LevelWarn, "queues were missing and have been made again; what was in them is lost", "missing: "+strings.Join(names, ", "))
	case m.told != "":
		tell(slog.LevelInfo, "the queues are set up again", "")
	}
	clear(m.missing)
	m.failed, m.told = 0, ""
	return true
}
