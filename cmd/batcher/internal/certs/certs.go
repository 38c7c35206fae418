// Package certs makes TLS configurations from files that may change.
package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"sync/atomic"
	"time"
)

// Server is the TLS of a server whose files change: new connections use the new
// ones, and existing connections keep the old ones. It is safe for concurrent use.
type Server struct{ now atomic.Pointer[tls.Config] }

// Reader reads a file.
type Reader func(name string) ([]byte, error)

// Load reads the files of a server's certificate chain and key and, unless
// clientCA is "", of the authorities, one of which must have signed a client's
// certificate.
func Load(read Reader, cert, key, clientCA string) (*tls.Config, error) {
	pair, err := read.pair(cert, key)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: protocols}
	if clientCA != "" {
		if c.ClientCAs, err = read.pool(clientCA); err != nil {
			return nil, err
		}
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return c, nil
}

// protocols are those that net/http speaks over TLS. It adds them to the
// configuration that it is given, but not to those that GetConfigForClient returns.
var protocols = []string{"h2", "http/1.1"}

// Use serves new connections with c, which Load made.
func (s *Server) Use(c *tls.Config) { s.now.Store(c) }

// Config returns the configuration of a listener. Use must have been called.
func (s *Server) Config() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		NextProtos:         protocols,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return s.now.Load(), nil },
	}
}

// Client returns the TLS of a client, from the files as they are now. Each may be
// "": ca for the system's authorities, cert and key for no certificate, name for
// the server's host.
func Client(read Reader, ca, cert, key, name string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: name}
	if ca != "" {
		var err error
		if c.RootCAs, err = read.pool(ca); err != nil {
			return nil, err
		}
	}
	if cert != "" {
		pair, err := read.pair(cert, key)
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// Untimely says why peers will refuse the certificate of c, which Load or Client made,
// if it is not valid now: it has expired, or is not valid yet. Else it returns "".
func Untimely(c *tls.Config) string {
	now := time.Now()
	for _, pair := range c.Certificates {
		switch {
		case now.After(pair.Leaf.NotAfter):
			return "the certificate was valid until " + pair.Leaf.NotAfter.Format(time.RFC3339)
		case now.Before(pair.Leaf.NotBefore):
			return "the certificate is not valid before " + pair.Leaf.NotBefore.Format(time.RFC3339)
		}
	}
	return ""
}

// AuthoritiesError is an error in a file of authorities, as opposed to one in a
// certificate or its key.
type AuthoritiesError struct{ error }

// Unwrap returns the underlying error.
func (e AuthoritiesError) Unwrap() error { return e.error }

func (read Reader) pair(cert, key string) (tls.Certificate, error) {
	certs, err := read(cert)
	if err != nil {
		return tls.Certificate{}, err
	}
	secret, err := read(key)
	if err != nil {
		return tls.Certificate{}, err
	}
	made, err := tls.X509KeyPair(certs, secret)
	if err != nil && bytes.Contains(secret, []byte("ENCRYPTED")) { // in PEM of either kind
		err = fmt.Errorf("%s is encrypted; the key must be readable without a password", key)
	}
	return made, err
}

func (read Reader) pool(file string) (*x509.CertPool, error) {
	text, err := read(file)
	if err != nil {
		return nil, AuthoritiesError{err}
	}
	p, n := x509.NewCertPool(), 0
	for begins := bytes.Count(text, []byte("-----BEGIN CERTIFICATE-----")); n < begins; n++ {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return nil, AuthoritiesError{fmt.Errorf("%s: only %d of %d certificates are PEM", file, n, begins)}
		}
		if block.Type != "CERTIFICATE" {
			n-- // something else between them
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, AuthoritiesError{fmt.Errorf("%s: certificate %d: %w", file, n+1, err)}
		}
		p.AddCert(cert)
	}
	if n == 0 {
		return nil, AuthoritiesError{fmt.Errorf("%s holds no certificate in PEM", file)}
	}
	return p, nil
}
