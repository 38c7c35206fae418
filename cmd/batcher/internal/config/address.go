package config

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// address notes a fault if address cannot be listened on, and reports whether it
// can be.
func (k *checker) address(name, address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	wrong := err != nil || port == "" || host != "" && !named(host)
	k.fault(wrong, name, "%q is not an address such as 127.0.0.1:8080", address)
	return !wrong
}

// upstream notes a fault if text is not a URL that HTTP can be sent to.
func (k *checker) upstream(name, text string) {
	if text == "" {
		return
	}
	u, err := url.Parse(text)
	if err != nil {
		k.fault(true, name, "must be http[s]://host[:port][/path]: %v", errors.Unwrap(err))
		return
	}
	wrong := u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil
	k.fault(wrong || !reachable(u), name, "%q must be http[s]://host[:port][/path]", u.Redacted())
}

// servers notes a fault for each URL that cannot be that of a NATS server. It does
// not quote them: there may be a password in one.
func (k *checker) servers(name, text string) {
	for i, each := range strings.Split(text, ",") {
		each = strings.TrimSpace(each)
		if each == "" {
			continue
		}
		u, err := server(each)
		if err != nil || !reachable(u) {
			k.fault(true, name, "URL %d of the list must be [nats://]host[:port]", i+1)
			continue
		}
		k.fault(!slices.Contains(schemes, u.Scheme), name, "URL %d of the list has the scheme %q, which is none of %s", i+1, u.Scheme, strings.Join(schemes, ", "))
	}
}

// schemes are those of NATS. Its client takes any other for the first one.
var schemes = []string{"nats", "tls", "ws", "wss"}

// Servers returns the URLs of c's NATS servers, without the users, passwords and tokens
// in them.
func (c *Config) Servers() (urls []string) {
	for each := range strings.SplitSeq(c.NATS, ",") {
		if u, err := server(strings.TrimSpace(each)); err == nil && u.Host != "" {
			u.User = nil
			urls = append(urls, u.String())
		}
	}
	return urls
}

// server parses the URL of a NATS server.
func server(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "nats://" + text
	}
	return url.Parse(text)
}

// reachable reports whether u has a host and, if it has a port, a valid one.
func reachable(u *url.URL) bool {
	port, err := net.LookupPort("tcp", u.Port())
	return err == nil && named(u.Hostname()) && !strings.HasSuffix(u.Host, ":") && (port > 0 || u.Port() == "")
}

// named reports whether host can be the name or the IP address of a host.
func named(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	strange := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.", r)
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	last := labels[len(labels)-1]
	// A name does not end in a number: that would be a mistyped IP address.
	return strings.Trim(last, "0123456789") != "" && !strings.ContainsFunc(host, strange)
}

// clash reports whether a and b cannot both be listened on.
func clash(a, b string) bool {
	hostA, portA := parts(a)
	hostB, portB := parts(b)
	return portA == portB && portA > 0 && (hostA == hostB || covers(hostA, hostB) || covers(hostB, hostA))
}

// parts returns the host of an address and its port as a number, zero if it has
// none.
func parts(address string) (string, int) {
	host, name, _ := net.SplitHostPort(address)
	port, err := net.LookupPort("tcp", name)
	if err != nil {
		port = 0
	}
	return host, port
}

// covers reports whether host stands for all addresses of the machine and other
// may be one of these: 0.0.0.0 stands for those of IPv4 only.
func covers(host, other string) bool {
	return host == "" || host == "::" || host == "0.0.0.0" && !strings.Contains(other, ":")
}

// loopback reports whether the address can be reached from this machine only.
func loopback(address string) bool {
	host, _ := parts(address)
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
