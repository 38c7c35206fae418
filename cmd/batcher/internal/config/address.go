package config

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"unicode"
)

// address finds what nobody can listen on, and reports whether one can.
func (k *checker) address(name, address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	wrong := err != nil || port == "" || host != "" && !named(host)
	k.fault(wrong, name, "%q is not an address such as 127.0.0.1:8080", address)
	return !wrong
}

// upstream finds what nobody can send HTTP to.
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

// servers finds what are no URLs of NATS servers. It shows none: there may be a
// password in it.
func (k *checker) servers(name, text string) {
	for i, each := range strings.Split(text, ",") {
		each = strings.TrimSpace(each)
		if each == "" {
			continue
		}
		u, err := server(each)
		k.fault(err != nil || !reachable(u), name, "URL %d of the list must be [nats://]host[:port]", i+1)
	}
}

// server reads the URL of a NATS server.
func server(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "nats://" + text
	}
	return url.Parse(text)
}

// reachable reports whether u has a host and, if any, a port that there can be.
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
	// A name does not end in a number: that is an IP address with a slip in it.
	return strings.Trim(last, "0123456789") != "" && !strings.ContainsFunc(host, strange)
}

// clash reports whether a and b cannot both be listened on.
func clash(a, b string) bool {
	hostA, portA := parts(a)
	hostB, portB := parts(b)
	return portA == portB && portA > 0 && (hostA == hostB || covers(hostA, hostB) || covers(hostB, hostA))
}

// parts gives the host of an address, and its port in numbers; zero if it has
// none.
func parts(address string) (string, int) {
	host, name, _ := net.SplitHostPort(address)
	port, err := net.LookupPort("tcp", name)
	if err != nil {
		port = 0
	}
	return host, port
}

// covers reports whether host is a name of all addresses of the machine that
// other may be one of: 0.0.0.0 is for those of IPv4 alone.
func covers(host, other string) bool {
	return host == "" || host == "::" || host == "0.0.0.0" && !strings.Contains(other, ":")
}

// loopback reports whether only this machine reaches the address.
func loopback(address string) bool {
	host, _ := parts(address)
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
