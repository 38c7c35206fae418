package durable

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
	"github.com/gobatcher/batcher/natsbatch"
)

// Letters are the dead letters of a configuration's routes. Numbers are
// unique over all of them. Make one with OpenLetters, and Close it.
type Letters struct {
	link *Link
	all  []*queued
	out  io.Writer
}

// OpenLetters opens the dead letters of c, only those of one route if route is not
// "". What is done with them is written to out.
func OpenLetters(c *config.Config, route string, out io.Writer) (*Letters, error) {
	if !c.Durable() {
		return nil, errors.New("dlq: there are dead letters only with --store or --nats")
	}
	names := []string{config.Later}
	for _, r := range c.Routes {
		names = append(names, r.Label())
	}
	if route != "" && !slices.Contains(names, route) {
		return nil, fmt.Errorf("dlq: there is no route %q; there are %q", route, names)
	}
	if c.Store != "" { // Open would make a new store
		if _, err := os.Stat(filepath.Join(c.Store, "jetstream")); errors.Is(err, fs.ErrNotExist) {
			return nil, c.Fault("store", "there is no queue in %s", c.Store)
		}
	}
	link, err := Open(context.Background(), c, func(slog.Level, string, string) {})
	if err != nil {
		return nil, err
	}
	l := &Letters{link: link, out: out}
	for _, name := range names {
		if route == "" || route == name {
			if err := l.open(c, name); err != nil {
				l.Close()
				return nil, err
			}
		}
	}
	if len(l.all) == 0 {
		l.Close()
		return nil, fmt.Errorf("dlq: in namespace %q there is no queue of %s", c.Queue.Namespace, of(route))
	}
	return l, nil
}

// of says whose queues are meant.
func of(route string) string {
	if route == "" {
		return "any route"
	}
	return "route " + route
}

// open opens the dead letters of a route. One without a queue has none, and
// natsbatch.NewAdmin would make it one.
func (l *Letters) open(c *config.Config, name string) error {
	q := &queued{name: name, queue: routeQueue(c, name)}
	if name == config.Later {
		q.queue = laterQueue(c)
	}
	ctx, cancel := setup(context.Background())
	defer cancel()
	there, err := natsbatch.Exists(ctx, l.link.Conn, q.queue)
	if err == nil && there {
		q.admin, err = l.link.admin(ctx, q.queue)
	}
	if err != nil {
		return fmt.Errorf("dlq: route %s: %w", name, err)
	}
	if there {
		l.all = append(l.all, q)
	}
	return nil
}

// Close closes the connection to the queues.
func (l *Letters) Close() { l.link.Close() }

// page is how many letters are read at once.
const page = 256

// each calls do for each letter of a route.
func (q *queued) each(do func(natsbatch.DeadLetter) error) error {
	for after := uint64(0); ; {
		ctx, cancel := setup(context.Background())
		letters, err := q.admin.Dead(ctx, after, page)
		cancel()
		if err != nil || len(letters) == 0 {
			return err
		}
		for _, letter := range letters {
			after = letter.Seq
			if err := do(letter); err != nil {
				return err
			}
		}
	}
}

// List writes a line for each letter. It takes no numbers.
func (l *Letters) List([]uint64) error {
	for _, q := range l.all {
		err := q.each(func(d natsbatch.DeadLetter) error {
			_, err := fmt.Fprintf(l.out, "%d\t%s\t%d tries\t%s\t%s\t%s\n",
				d.Seq, d.At.UTC().Format(time.RFC3339), d.Tries, q.name, oneLine(d.Reason), q.describe(d.Payload))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// describe says which request a letter holds, without the header, which may hold
// secrets.
func (q *queued) describe(payload []byte) string {
	if q.name == config.Later {
		var r httpRequest
		if err := json.Unmarshal(payload, &r); err != nil {
			return "unreadable"
		}
		return fmt.Sprintf("%s %s %s", r.Method, oneLine(r.URI), oneLine(string(r.Body)))
	}
	var r request
	if err := json.Unmarshal(payload, &r); err != nil {
		return "unreadable"
	}
	return fmt.Sprintf("%s %s %s", r.Key.Method, oneLine(r.Key.Path), oneLine(string(r.Item.Data)))
}

// oneLine returns the beginning of a text, on one line, and without characters that
// would control a terminal.
func oneLine(text string) string {
	shown := strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, strings.Join(strings.Fields(text), " "))
	return fmt.Sprintf("%.200s", shown)
}

// Retry has the letters with these numbers tried again; nil stands for all.
func (l *Letters) Retry(numbers []uint64) error {
	return l.change(numbers, "given back", (*queued).retry)
}

// retry has a letter tried again. Requests that nobody waits for leave room to run.
func (q *queued) retry(ctx context.Context, number uint64) error {
	if q.name == config.Later {
		u, err := q.admin.Usage(ctx)
		if err == nil && isOver(u, u.MaxBytes/underWay) { // others come in at the same time
			err = natsbatch.ErrFull
		}
		if err != nil {
			return fmt.Errorf("give dead letter %d back: %w", number, err)
		}
	}
	return q.admin.Retry(ctx, number)
}

// Drop deletes the letters with these numbers; nil stands for all.
func (l *Letters) Drop(numbers []uint64) error {
	return l.change(numbers, "dropped", (*queued).drop)
}

func (q *queued) drop(ctx context.Context, number uint64) error { return q.admin.Drop(ctx, number) }

// change applies do to letters, and prints how many succeeded. If one fails it goes
// on with the next.
func (l *Letters) change(numbers []uint64, done string, do func(*queued, context.Context, uint64) error) error {
	all, count, listed := numbers == nil, 0, true
	var errs []error
	for _, q := range l.all {
		var found []uint64
		err := q.each(func(d natsbatch.DeadLetter) error {
			if all || slices.Contains(numbers, d.Seq) {
				found = append(found, d.Seq)
			}
			return nil
		})
		if err != nil {
			listed = false
			errs = append(errs, fmt.Errorf("route %s: %w", q.name, err))
		}
		numbers = slices.DeleteFunc(numbers, func(n uint64) bool { return slices.Contains(found, n) })
		n, err := q.apply(found, do)
		if count += n; err != nil {
			errs = append(errs, err)
		}
	}
	fmt.Fprintf(l.out, "%d %s\n", count, done)
	if listed && len(numbers) > 0 {
		errs = append(errs, fmt.Errorf("no such dead letters: %v", numbers))
	}
	return errors.Join(errs...)
}

// apply applies do to these letters of a route, until an error means that it will
// fail for all others too, and returns how many succeeded.
func (q *queued) apply(numbers []uint64, do func(*queued, context.Context, uint64) error) (count int, err error) {
	var errs []error
	for _, n := range numbers {
		ctx, cancel := setup(context.Background())
		err := do(q, ctx, n)
		late := ctx.Err() != nil
		cancel()
		if err == nil {
			count++
			continue
		}
		errs = append(errs, err)
		if late || errors.Is(err, natsbatch.ErrFull) {
			break
		}
	}
	return count, errors.Join(errs...)
}
