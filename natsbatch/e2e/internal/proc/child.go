package proc

import (
	"context"
	"encoding/json"
	"fmt"
	"net/rpc"
	"os"
	"os/signal"
	"syscall"
)

const (
	roleVariable = "NATSBATCH_E2E_ROLE"
	argsVariable = "NATSBATCH_E2E_ARGS"
	readyMethod  = "Ready.Ready"
)

// Role starts what a child is for. The methods of the service are what the
// parent may call, as [net/rpc] defines them. Stop is called on SIGTERM; the
// child's status is 0 if it gives nil.
type Role func(args json.RawMessage) (service any, stop func(context.Context) error, err error)

// Main runs a role and exits if this process is a child, and returns at once
// if it is not.
func Main(roles map[string]Role) {
	name := os.Getenv(roleVariable)
	if name == "" {
		return
	}
	_ = os.Unsetenv(roleVariable) // its own children have roles of their own
	role, found := roles[name]
	if !found {
		exit(fmt.Errorf("no role %q", name))
	}
	exit(serve(role, json.RawMessage(os.Getenv(argsVariable))))
}

// serve runs a role until SIGTERM or until the parent is gone.
func serve(role Role, args json.RawMessage) error {
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	signal.Ignore(os.Interrupt) // the parent decides
	service, stop, err := role(args)
	if err != nil {
		return err
	}
	server := rpc.NewServer()
	if err := server.RegisterName("Ready", ready{}); err != nil {
		return err
	}
	if err := server.RegisterName("Role", service); err != nil {
		return err
	}
	gone := make(chan struct{})
	go func() {
		server.ServeConn(pipe{os.Stdin, os.Stdout})
		close(gone)
	}()
	select {
	case <-gone:
		return nil
	case <-terminated:
		return stop(context.Background())
	}
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// ready answers the parent's first call.
type ready struct{}

// Ready does nothing: that it is answered says all.
func (ready) Ready(int, *int) error { return nil }
