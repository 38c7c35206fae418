package gateway

import (
	"net"
	"net/http"
	"time"
)

const (
	// keptConnections are those that an upstream may have open without a request.
	keptConnections = 256
	// keptTime is how long they stay open: less than with most servers, since a
	// batch sent on a connection that is being closed is lost.
	keptTime = 4 * time.Second
	// silentTime is how long one of HTTP/2 may be silent while it is asked, before
	// it must give a sign of life, and how long that may take: else batch after batch
	// would go to an upstream that has died without a word.
	silentTime = 15 * time.Second
)

// NewTransport makes the transport of an [HTTP] that is given none, for those
// who want one that differs from it by a field: its TLS, say, or its Proxy, which
// is [http.ProxyFromEnvironment]. It speaks HTTP/2 where the upstream does by
// TLS, and asks for no compression. It gives up after 30 s without a TCP
// connection and 10 s without one of TLS, and keeps up to 256 connections to an
// upstream, each for 4 s without a request: many servers close theirs after 5 s,
// and a batch that is on its way then is lost. One of HTTP/2 that has been silent
// for 15 s is asked for a sign of life, and closed if none comes in 15 s more.
func NewTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 30 * time.Second}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		MaxIdleConnsPerHost:   keptConnections,
		IdleConnTimeout:       keptTime,
		HTTP2:                 &http.HTTP2Config{SendPingTimeout: silentTime, PingTimeout: silentTime},
		DisableCompression:    true, // what is passed through is not changed
	}
}
