// Package server runs NATS servers as processes of their own: one, or a
// cluster of three that share their streams.
package server

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	natsd "github.com/nats-io/nats-server/v2/server"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/proc"
)

// Role is the name under which Run must be given to [proc.Main].
const Role = "nats-server"

// Always makes a server sync what it stores before it acknowledges.
const Always = "always"

const startWait = 30 * time.Second

// Options say what a server is like.
type Options struct {
	// SyncInterval is what its configuration calls sync_interval: Always, or a
	// duration. Default: empty, the server's own.
	SyncInterval string

	// MaxPayload is the largest message. Default: zero, the server's own 1 MiB.
	MaxPayload int

	// Extra goes into its configuration as it is.
	Extra string

	// StoreDir is where it stores. Default: empty, in the directory of its configuration.
	StoreDir string

	// Thread is where its process starts. Default: nil, any.
	Thread *proc.Thread
}

// Node is one server. It keeps its address and its directory over a restart.
type Node struct {
	Name string
	URL  string

	config string
	thread *proc.Thread
	proc   *proc.Process
}

// Start starts one server, whose configuration and store are in dir.
func Start(dir string, o Options) (*Node, error) {
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	n, err := newNode(dir, "n1", ports[0], o, "")
	if err != nil {
		return nil, err
	}
	return n, n.Start()
}

// newNode writes the configuration of a node.
func newNode(dir, name string, port int, o Options, more string) (*Node, error) {
	var c strings.Builder
	fmt.Fprintf(&c, "server_name: %s\nlisten: \"127.0.0.1:%d\"\n", name, port)
	if o.MaxPayload > 0 {
		fmt.Fprintf(&c, "max_payload: %d\n", o.MaxPayload)
	}
	// By itself it lets queues reserve no more than is free on this disk, of which they will use little.
	fmt.Fprintf(&c, "jetstream {\n max_file_store: 64G\n store_dir: %q\n", cmp.Or(o.StoreDir, filepath.Join(dir, name)))
	if o.SyncInterval != "" {
		fmt.Fprintf(&c, " sync_interval: %s\n", o.SyncInterval)
	}
	fmt.Fprintf(&c, "}\n%s\n%s\n", more, o.Extra)
	n := &Node{Name: name, URL: fmt.Sprintf("nats://127.0.0.1:%d", port), config: filepath.Join(dir, name+".conf"), thread: o.Thread}
	if err := os.WriteFile(n.config, []byte(c.String()), 0o600); err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	return n, nil
}

// Start starts a server that was killed or stopped, and returns when it
// accepts connections.
func (n *Node) Start() error {
	var err error
	if n.thread != nil {
		n.proc, err = proc.StartOn(n.thread, Role, n.config)
	} else {
		n.proc, err = proc.Start(Role, n.config)
	}
	return err
}

// Kill ends the server at once.
func (n *Node) Kill() { n.proc.Kill() }

// Freeze stops the server's execution until Thaw.
func (n *Node) Freeze() error { return n.proc.Freeze() }

// Thaw lets a frozen server go on.
func (n *Node) Thaw() error { return n.proc.Thaw() }

// Stop ends the server in order and waits for it.
func (n *Node) Stop() error {
	if err := n.proc.Terminate(); err != nil {
		return err
	}
	return n.proc.Wait()
}

// SyncAlways is what the running server says of itself.
func (n *Node) SyncAlways() (always bool, err error) {
	err = n.proc.Call("SyncAlways", 0, &always)
	return always, err
}

// freePorts finds ports below those that the kernel gives to outgoing
// connections, so that a server can have its port again after a restart.
func freePorts(count int) ([]int, error) {
	const first, last, tries = 20000, 32000, 1000
	var ports []int
	for range tries {
		port := first + rand.IntN(last-first)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		defer func() { _ = l.Close() }() // only now, so that no port is given twice
		if ports = append(ports, port); len(ports) == count {
			return ports, nil
		}
	}
	return nil, errors.New("server: no free port")
}

// service is what a server's process does when asked.
type service struct{ server *natsd.Server }

// SyncAlways says whether the server syncs what it stores before it acknowledges.
func (s service) SyncAlways(_ int, always *bool) error {
	info, err := s.server.Jsz(nil)
	if err == nil {
		*always = info.Config.SyncAlways
	}
	return err
}

// Run is the server's process.
func Run(args json.RawMessage) (any, func(context.Context) error, error) {
	var config string
	if err := json.Unmarshal(args, &config); err != nil {
		return nil, nil, err
	}
	options, err := natsd.ProcessConfigFile(config)
	if err != nil {
		return nil, nil, err
	}
	options.NoSigs = true
	s, err := natsd.NewServer(options)
	if err != nil {
		return nil, nil, err
	}
	s.SetLoggerV2(complaints{}, false, false, false)
	go s.Start()
	if !s.ReadyForConnections(startWait) {
		return nil, nil, fmt.Errorf("server: not ready after %v", startWait)
	}
	return service{s}, func(context.Context) error {
		s.Shutdown()
		s.WaitForShutdown()
		return nil
	}, nil
}
