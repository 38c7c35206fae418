// Package certs makes TLS configurations of files that may change.
package certs

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"sync/atomic"
)

// Server is the TLS of a server. It takes new files for new connections, and
// keeps the old ones for those that there are. It is safe for concurrent use.
type Server struct{ now atomic.Pointer[tls.Config] }

// Load reads the files of the certificate chain, of its key, and, unless it is
// "", of the authorities one of which must have signed a client's
// certificate. After an error what was loaded before stays.
func (s *Server) Load(cert, key, clientCA string) error {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return err
	}
	// net/http adds protocols to the configuration it is given, not to this one.
	c := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	if clientCA != "" {
		if c.ClientCAs, err = pool(clientCA); err != nil {
			return err
		}
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	s.now.Store(c)
	return nil
}

// Config is for a listener; Load must have succeeded.
func (s *Server) Config() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		NextProtos:         []string{"h2", "http/1.1"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return s.now.Load(), nil },
	}
}

// Client gives the TLS of a client, of files as they are now. Each may be "":
// ca for the system's authorities, cert and key for no certificate, name for
// the server's host.
func Client(ca, cert, key, name string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: name}
	if ca != "" {
		var err error
		if c.RootCAs, err = pool(ca); err != nil {
			return nil, err
		}
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

func pool(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", file)
	}
	return p, nil
}
