package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// runWait makes requests of 1 KB that nobody answers, each on a connection of its own, until it is stopped.
func runWait(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("gate wait", flag.ContinueOnError)
	at := flags.String("at", "", "address of the server")
	requests := flags.Int("requests", 1, "requests")
	if err := flags.Parse(args); err != nil {
		return err
	}
	req := request("[" + strings.Repeat("1", 1<<10) + "]")
	conns := make([]net.Conn, *requests)
	for i := range conns {
		var err error
		if conns[i], err = net.Dial("tcp", *at); err != nil {
			return err
		}
		if _, err = conns[i].Write(req); err != nil {
			return err
		}
	}
	fmt.Fprintln(out, "sent")
	<-ctx.Done()
	return context.Cause(ctx)
}

// runBare serves with the least handler that has requests wait: it reads their bodies. It says when as many as it was told of do.
func runBare(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("gate bare", flag.ContinueOnError)
	requests := flags.Int64("requests", 1, "requests")
	if err := flags.Parse(args); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(out, listener.Addr())
	var waiting atomic.Int64
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the caller has left
		}
		if waiting.Add(1) == *requests {
			fmt.Fprintln(out, "waiting")
		}
		<-r.Context().Done()
		_ = body // it is what waits
	})}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return server.Serve(listener)
}
