// Package wire is a TCP proxy that reads what a client tells its server, so
// that a test can strike between two messages of a protocol.
package wire

import (
	"bytes"
	"fmt"
	"net"
	"sync"
)

// Proxy stands between clients and one server, on loopback. Its methods may be
// called by any number of goroutines.
type Proxy struct {
	target   string
	listener net.Listener

	mu      sync.Mutex
	conns   map[net.Conn]bool
	pattern []byte // what to strike at; nil: nothing
	strike  func()
	struck  chan struct{}
	closed  bool
}

// New starts a proxy for the server at target, a host and a port.
func New(target string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("wire: %w", err)
	}
	p := &Proxy{target: target, listener: l, conns: map[net.Conn]bool{}}
	go p.accept()
	return p, nil
}

// Addr is where clients connect.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// StrikeAt waits for pattern in what clients send. What stands before it
// reaches the server; it and all that follows it never does: strike is called,
// and then the connection is cut. It happens once, and closes the channel.
func (p *Proxy) StrikeAt(pattern string, strike func()) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pattern, p.strike, p.struck = []byte(pattern), strike, make(chan struct{})
	return p.struck
}

// Cut breaks all connections. New ones are accepted.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
}

// Close breaks all connections and accepts no more.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.listener.Close()
	p.Cut()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			client.Close()
			continue
		}
		if !p.keep(client, server) {
			return
		}
		go p.pass(server, client, p.watch)
		go p.pass(client, server, nil)
	}
}

// keep remembers connections so that they can be cut, unless the proxy is closed.
func (p *Proxy) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		if p.closed {
			c.Close()
			continue
		}
		p.conns[c] = true
	}
	return !p.closed
}

// pass copies from one connection to the other until either ends. Watch sees
// all that was read and says how much of it may go on, and whether to strike.
func (p *Proxy) pass(to, from net.Conn, watch func(seen []byte) (safe int, strike func())) {
	defer p.drop(to, from)
	var seen []byte
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		seen = append(seen, buffer[:n]...)
		safe, strike := len(seen), (func())(nil)
		if watch != nil {
			safe, strike = watch(seen)
		}
		if _, err := to.Write(seen[:safe]); err != nil {
			return
		}
		if strike != nil {
			strike()
			return
		}
		seen = append(seen[:0], seen[safe:]...)
		if err != nil { // what was held back had no more to come
			to.Write(seen)
			return
		}
	}
}

// watch looks for the pattern. What might be its beginning is held back.
func (p *Proxy) watch(seen []byte) (safe int, strike func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pattern == nil {
		return len(seen), nil
	}
	if at := bytes.Index(seen, p.pattern); at >= 0 {
		strike, struck := p.strike, p.struck
		p.pattern = nil
		return at, func() {
			strike()
			close(struck)
		}
	}
	for n := min(len(p.pattern)-1, len(seen)); n > 0; n-- {
		if bytes.HasSuffix(seen, p.pattern[:n]) {
			return len(seen) - n, nil
		}
	}
	return len(seen), nil
}

func (p *Proxy) drop(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		c.Close()
		delete(p.conns, c)
	}
}
