// Package embed runs a NATS server within the program, for package natsbatch:
// the same front ends and workers as with a cluster, in one process, durably
// and without a port.
package embed

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Options say what a [Server] stores and who can reach it. The zero Options
// store at most 10 GiB and can be reached only from within the program.
type Options struct {
	// MaxStore bounds what is stored, in bytes on disk. It must be at least what
	// the Namespaces of the queues may hold together, twice MaxBytes and ResultBytes:
	// 4 GiB for one with defaults. Default: zero, which is 10 GiB.
	MaxStore int64

	// Listen is an address, host:port, at which other processes reach the server;
	// port 0 is any free one. Beyond loopback it needs TLS and Password.
	// Default: "", no port at all.
	Listen string

	// User and Password are what processes must give that connect by Listen.
	// Default: "", nothing.
	User, Password string

	// TLS is used for Listen; it must hold a certificate. Default: nil, none.
	TLS *tls.Config

	// Log gets the server's log, which alone says why a write failed, such as a full
	// disk. Default: nil, no log.
	Log server.Logger
}

const (
	defaultMaxStore = 10 << 30
	startTimeout    = 30 * time.Second

	// maxPayload is the largest message: a request of 1 MiB and what goes with it.
	maxPayload = 1<<20 + 64<<10
)

// Validate says what is wrong, naming each field and its value, or returns nil.
func (o Options) Validate() error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("embed: Options: "+format, args...))
	}
	if o.MaxStore < 0 {
		fault("MaxStore is %d, must not be negative", o.MaxStore)
	}
	if (o.User == "") != (o.Password == "") {
		fault("User and Password must be set together")
	}
	if o.Listen == "" {
		return errors.Join(faults...)
	}
	host, _, err := net.SplitHostPort(o.Listen)
	if err != nil {
		fault("Listen: %w", err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) && (o.TLS == nil || o.Password == "") {
		fault("Listen is %s, which is not loopback: it needs TLS, User and Password", o.Listen)
	}
	return errors.Join(faults...)
}

// ErrInUse means that another process has the directory.
var ErrInUse = errors.New("embed: the directory is in use by another process")

// Server is a NATS server with JetStream in this process. All methods are safe
// for concurrent use. Make one with [Start], and Close it.
type Server struct {
	ns   *server.Server
	opts Options
	lock *flock.Flock
	once sync.Once
}

// Start starts a server that stores in dir, which it makes if need be, and
// waits until it works. Every write is synced to disk before it is
// acknowledged. One process at a time may use a directory: see [ErrInUse].
// Most programs want the directory that [Dir] returns. It fails if opts.Validate
// does.
func Start(dir string, opts Options) (*Server, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	lock, err := occupy(dir)
	if err != nil {
		return nil, err
	}
	s := &Server{opts: opts, lock: lock}
	if err := s.start(dir); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// occupy makes dir and locks it for this process. The system releases the lock
// when the process ends, however it ends.
func occupy(dir string) (*flock.Flock, error) {
	if dir == "" {
		return nil, errors.New("embed: no directory given")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("embed: %w", err)
	}
	lock := flock.New(filepath.Join(dir, "lock"))
	switch got, err := lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("embed: lock %s: %w", dir, err)
	case !got:
		return nil, fmt.Errorf("%w: %s", ErrInUse, dir)
	}
	return lock, nil
}

func (s *Server) start(dir string) error {
	o := &server.Options{
		ServerName:        "batcher",
		JetStream:         true,
		StoreDir:          dir,
		SyncAlways:        true,
		JetStreamMaxStore: cmp.Or(s.opts.MaxStore, defaultMaxStore),
		MaxPayload:        maxPayload,
		DontListen:        s.opts.Listen == "",
		NoSigs:            true,
		Username:          s.opts.User,
		Password:          s.opts.Password,
		TLSConfig:         s.opts.TLS,
	}
	if s.opts.Listen != "" {
		if err := listenAt(o, s.opts.Listen); err != nil {
			return err
		}
	}
	ns, err := server.NewServer(o)
	if err != nil {
		return fmt.Errorf("embed: %w", err)
	}
	log := &startLog{Logger: s.opts.Log}
	if log.Logger == nil {
		log.Logger = noLog{}
	}
	ns.SetLogger(log, false, false)
	s.ns = ns
	ns.Start()
	if err := log.err(); err != nil {
		return fmt.Errorf("embed: the server in %s does not start: %w", dir, err)
	}
	if !ns.ReadyForConnections(startTimeout) {
		return fmt.Errorf("embed: the server in %s is not ready after %v", dir, startTimeout)
	}
	return nil
}

// Connect makes a connection to the server within the process. The caller
// closes it, before the server.
func (s *Server) Connect(opts ...nats.Option) (*nats.Conn, error) {
	opts = append([]nats.Option{nats.InProcessServer(s.ns), nats.MaxReconnects(-1)}, opts...)
	if s.opts.Password != "" {
		opts = append(opts, nats.UserInfo(s.opts.User, s.opts.Password))
	}
	nc, err := nats.Connect("", opts...)
	if err != nil {
		return nil, fmt.Errorf("embed: connect: %w", err)
	}
	return nc, nil
}

// URL returns where other processes reach the server, "" if they cannot.
func (s *Server) URL() string {
	if s.opts.Listen == "" {
		return ""
	}
	return s.ns.ClientURL()
}

// Close ends the server and releases the directory. It returns when both are
// done. Connections end; what was acknowledged stays in the directory.
func (s *Server) Close() {
	s.once.Do(func() {
		if s.ns != nil {
			s.ns.Shutdown()
			s.ns.WaitForShutdown()
		}
		_ = s.lock.Unlock()
	})
}

func listenAt(o *server.Options, address string) error {
	addr, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return fmt.Errorf("embed: Listen: %w", err)
	}
	o.Host, o.Port = addr.IP.String(), addr.Port
	if addr.IP == nil {
		o.Host = "0.0.0.0"
	}
	if o.Port == 0 {
		o.Port = server.RANDOM_PORT
	}
	return nil
}
