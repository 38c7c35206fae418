package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"
)

// loaded is the outcome of a load.
type loaded struct {
	Requests int
	Seconds  float64
	P50, P99 float64 // milliseconds
}

func (l loaded) rate() float64 { return float64(l.Requests) / l.Seconds }

// runLoad keeps a number of connections busy, each with one request at a time, and checks that each gets its own answer. It speaks HTTP by itself, to
// leave the processors to the programs that are measured. Answers during the warm-up are checked, but not counted.
func runLoad(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("gate load", flag.ContinueOnError)
	at := flags.String("at", "", "address of the server")
	connections := flags.Int("connections", 1, "connections")
	warm := flags.Duration("warm", 0, "how long to warm up")
	last := flags.Duration("last", time.Second, "how long after that")
	if err := flags.Parse(args); err != nil {
		return err
	}
	took := make([][]time.Duration, *connections)
	errs := make([]error, *connections)
	var all sync.WaitGroup
	start := time.Now().Add(*warm)
	ctx, cancel := context.WithDeadline(ctx, start.Add(*last))
	defer cancel()
	for i := range *connections {
		all.Go(func() { took[i], errs[i] = ask(ctx, *at, i, start) })
	}
	all.Wait()
	l := loaded{Seconds: time.Since(start).Seconds()}
	together := slices.Concat(took...)
	slices.Sort(together)
	l.Requests = len(together)
	if err := errors.Join(errs...); err != nil || l.Requests == 0 {
		return fmt.Errorf("%d answers: %w", l.Requests, err)
	}
	l.P50, l.P99 = milliseconds(together[l.Requests/2]), milliseconds(together[l.Requests*99/100])
	return json.NewEncoder(out).Encode(l)
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// ask asks on one connection until ctx ends, and returns how long each answer took that came after from.
func ask(ctx context.Context, at string, number int, from time.Time) (took []time.Duration, err error) {
	conn, err := net.Dial("tcp", at)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	answers := bufio.NewReader(conn)
	for n := 0; ctx.Err() == nil; n++ {
		item := fmt.Sprintf("[%d]", number*1_000_000+n)
		start := time.Now()
		if _, err := conn.Write(request(item)); err != nil {
			return took, err
		}
		status, body, err := readAnswer(answers)
		if err != nil {
			return took, err
		}
		if want := `{"predictions":[` + item + `]}`; status != "200" || string(body) != want {
			return took, fmt.Errorf("got %s %q, want %q", status, body, want)
		}
		if now := time.Now(); now.After(from) {
			took = append(took, now.Sub(start))
		}
	}
	return took, nil
}

func request(item string) []byte {
	body := `{"instances":[` + item + `]}`
	return fmt.Appendf(nil, "POST /v1/models/m:predict HTTP/1.1\r\nHost: m\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// readAnswer reads an answer with a Content-Length.
func readAnswer(r *bufio.Reader) (status string, body []byte, err error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return "", nil, err
	}
	_, rest, _ := bytes.Cut(line, []byte(" "))
	status = string(rest[:min(3, len(rest))])
	length := -1
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return "", nil, err
		}
		if len(line) <= 2 {
			break
		}
		if name, value, _ := bytes.Cut(line, []byte(":")); bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return "", nil, err
			}
		}
	}
	if length < 0 {
		return "", nil, errors.New("an answer without Content-Length")
	}
	body = make([]byte, length)
	_, err = io.ReadFull(r, body)
	return status, body, err
}
