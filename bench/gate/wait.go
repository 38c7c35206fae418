package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"time"
)

// runWait makes requests of 1 KB that nobody answers, until it is stopped.
func runWait(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("gate wait", flag.ContinueOnError)
	at := flags.String("at", "", "address of the server")
	requests := flags.Int("requests", 1, "requests")
	http2 := flags.Bool("http2", false, "many requests on a connection, by HTTP/2, instead of one connection each, by HTTP/1.1")
	if err := flags.Parse(args); err != nil {
		return err
	}
	item := "[1" + strings.Repeat(",1", 1<<9) + "]"
	var conns []net.Conn
	for left := *requests; left > 0; {
		text, n := request(item), 1
		if *http2 {
			n = min(left, streams)
			text = requests2(item, n)
		}
		conn, err := net.Dial("tcp", *at)
		if err != nil {
			return err
		}
		if _, err = conn.Write(text); err != nil {
			return err
		}
		conns, left = append(conns, conn), left-n
	}
	fmt.Fprintln(out, "sent")
	<-ctx.Done()
	runtime.KeepAlive(conns) // or they would be closed
	return context.Cause(ctx)
}

// runBare serves with the least handler that makes requests wait: it reads their bodies. It prints a line once the number it was told of wait.
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
		runtime.KeepAlive(body) // it is part of what a waiting request takes
	})}
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return server.Serve(listener)
}
