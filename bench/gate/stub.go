package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// stub is an upstream that echoes instances as predictions. It takes one call at a time, which costs what the flags say.
type stub struct {
	call, item time.Duration
	busy       sync.Mutex // held while a call is paid for
}

func runStub(ctx context.Context, args []string, out io.Writer) error {
	s := &stub{}
	flags := flag.NewFlagSet("gate stub", flag.ContinueOnError)
	flags.DurationVar(&s.call, "call", 0, "what a call costs")
	flags.DurationVar(&s.item, "item", 0, "what each item costs beside")
	if err := flags.Parse(args); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(out, listener.Addr())
	server := &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return server.Serve(listener)
}

func (s *stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the caller has left
	}
	if cost := s.call + time.Duration(bytes.Count(body, []byte("["))-1)*s.item; cost > 0 {
		s.busy.Lock()
		time.Sleep(cost)
		s.busy.Unlock()
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(bytes.Replace(body, []byte("instances"), []byte("predictions"), 1))
}
