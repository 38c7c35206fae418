//go:build unix

package main_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority signs certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	from time.Time // when what it signs begins to be valid, for an hour
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, from: time.Now()}
	a.key = newKey(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// pair gives a certificate for name and its key, in PEM.
func (a *authority) pair(name string) (cert, key string) {
	a.t.Helper()
	own := newKey(a.t)
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: a.from, NotAfter: a.from.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, own.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	text, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		a.t.Fatal(err)
	}
	return inPEM("CERTIFICATE", der), inPEM("PRIVATE KEY", text)
}

// files writes a pair for name into files.
func (a *authority) files(name string) (cert, key string) {
	a.t.Helper()
	dir := a.t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certText, keyText := a.pair(name)
	writeFile(a.t, cert, certText)
	writeFile(a.t, key, keyText)
	return cert, key
}

func (a *authority) file() string {
	a.t.Helper()
	return file(a.t, "ca.pem", inPEM("CERTIFICATE", a.cert.Raw))
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

func (a *authority) certificate(name string) tls.Certificate {
	a.t.Helper()
	cert, key := a.pair(name)
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
	if err != nil {
		a.t.Fatal(err)
	}
	return pair
}

func inPEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// secure is a client for one request over TLS.
func secure(t *testing.T, c *tls.Config) *http.Client {
	transport := &http.Transport{TLSClientConfig: c, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// server asks g for its certificate, and gives the name in it.
func (g *gate) server(c *tls.Config) (name string, proto string, err error) {
	client := secure(g.t, c)
	defer client.CloseIdleConnections()
	res, err := client.Get(strings.Replace(g.url, "http:", "https:", 1) + "/x")
	if err != nil {
		return "", "", err
	}
	res.Body.Close()
	return res.TLS.PeerCertificates[0].Subject.CommonName, res.Proto, nil
}

func TestServeTLS(t *testing.T) {
	u, a := startUpstream(t), newAuthority(t)
	cert, key := a.files("first")
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1", "--tls-cert", cert, "--tls-key", key)
	name, proto, err := g.server(&tls.Config{RootCAs: a.pool()})
	if name != "first" || proto != "HTTP/2.0" || err != nil {
		t.Errorf("got %q over %s, %v", name, proto, err)
	}
	if r := post(g.url, "x"); r.status != http.StatusBadRequest {
		t.Errorf("without TLS: %+v, want 400", r)
	}
	certText, keyText := a.pair("second")
	replaceFile(t, cert, certText) // no pair yet: the first stays
	g.counts(`batcher_config_reloads_total{ok="false"}`, 1)
	if name, _, err := g.server(&tls.Config{RootCAs: a.pool()}); name != "first" || err != nil {
		t.Errorf("got %q, %v", name, err)
	}
	replaceFile(t, key, keyText)
	until(t, "the new certificate is shown", func() bool {
		name, _, err := g.server(&tls.Config{RootCAs: a.pool()})
		return name == "second" && err == nil
	})
}

// What a client sends in place of the protocol that it has agreed to is not logged.
func TestServeLogsNoGreetings(t *testing.T) {
	u, a := startUpstream(t), newAuthority(t)
	cert, key := a.files("server")
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1", "--tls-cert", cert, "--tls-key", key, "--log-level=debug")
	conn, err := tls.Dial("tcp", strings.TrimPrefix(g.url, "http://"), &tls.Config{RootCAs: a.pool(), NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /?key=secret HTTP/1.1\r\nHost: x\r\n\r\n")
	g.hears(`level=DEBUG msg=connection err="http2: .*bogus greeting`)
	if said := g.said(); strings.Contains(said, "secret") {
		t.Errorf("the log holds a secret:\n%s", said)
	}
}

func TestServeClientCertificates(t *testing.T) {
	u, a, other := startUpstream(t), newAuthority(t), newAuthority(t)
	cert, key := a.files("server")
	ca := a.file()
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1", "--tls-cert", cert, "--tls-key", key, "--tls-client-ca", ca)
	known := &tls.Config{RootCAs: a.pool(), Certificates: []tls.Certificate{a.certificate("client")}}
	foreign := &tls.Config{RootCAs: a.pool(), Certificates: []tls.Certificate{other.certificate("client")}}
	if _, _, err := g.server(known); err != nil {
		t.Errorf("with a certificate: %v", err)
	}
	if _, _, err := g.server(&tls.Config{RootCAs: a.pool()}); err == nil {
		t.Error("without a certificate: no error")
	}
	if _, _, err := g.server(foreign); err == nil {
		t.Error("with a certificate of a stranger: no error")
	}
	replaceFile(t, ca, inPEM("CERTIFICATE", other.cert.Raw))
	until(t, "the stranger is known", func() bool { _, _, err := g.server(foreign); return err == nil })
	if _, _, err := g.server(known); err == nil {
		t.Error("the authority of before still counts")
	}
}

func TestServeTLSToTheUpstream(t *testing.T) {
	a := newAuthority(t)
	u := newUpstream(t)
	u.TLS = &tls.Config{Certificates: []tls.Certificate{a.certificate("up.example")}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.pool()}
	u.Config.ErrorLog = quiet
	u.StartTLS()
	cert, key := a.files("gateway")
	args := []string{"--upstream", u.URL, "--protocol", "kserve-v1", "--upstream-tls-ca", a.file()}
	with := startGate(t, append(args, "--upstream-tls-cert", cert, "--upstream-tls-key", key, "--upstream-tls-server-name", "up.example")...)
	with.predict(1).want(t, 1)
	if r := post(with.url+"/x", "through"); r.body != "through" {
		t.Errorf("what is passed through gets %+v", r)
	}
	if r := startGate(t, args...).predict(1); r.status != http.StatusBadGateway {
		t.Errorf("without a certificate: %+v, want 502", r)
	}
	if r := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1").predict(1); r.status != http.StatusBadGateway {
		t.Errorf("without the authority: %+v, want 502", r)
	}
}

// A certificate that is not valid now is used, as after a restart of a machine whose
// clock is wrong, but the operator hears of it.
func TestServeTellsOfCertificatesThatAreNotValid(t *testing.T) {
	a := newAuthority(t)
	now := a.from
	a.from = now.Add(-2 * time.Hour)
	old, oldKey := a.files("gateway")
	a.from = now.Add(time.Hour)
	early, earlyKey := a.files("client")
	args := []string{"--upstream=http://127.0.0.1:1", "--protocol=kserve-v1", "--tls-cert=" + old, "--tls-key=" + oldKey, "--upstream-tls-cert=" + early, "--upstream-tls-key=" + earlyKey}
	said := []string{"tls.cert: the certificate was valid until " + now.Add(-time.Hour).UTC().Format(time.RFC3339), "upstream-tls.cert: the certificate is not valid before " + a.from.UTC().Format(time.RFC3339)}
	o := run("", append([]string{"check"}, args...)...)
	for _, what := range said {
		if o.status != 0 || !strings.Contains(o.stdout, "Warning: "+what+".\n") {
			t.Errorf("check: status %d, %s%s, want %q", o.status, o.stdout, o.stderr, what)
		}
	}
	g := startGate(t, args...)
	for _, what := range said {
		g.hears(`level=WARN msg="a certificate is not valid now" err="` + what)
	}
}
