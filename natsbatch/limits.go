package natsbatch

import (
	"time"

	"github.com/nats-io/nats.go"
)

// Limits of an envelope. The first that is reached closes it.
const (
	envelopeRequests = 256
	envelopeBytes    = 256 << 10
)

const (
	maxPayload = 1 << 20

	// maxReason bounds the text of a failure, in bytes: a stack can be long.
	maxReason = 4 << 10

	// overhead is what a message holds beside requests or results: headers,
	// framing, the reason of a failure, which comes later, and the group or the id
	// of a request that has an envelope to itself.
	overhead = 4<<10 + maxReason
)

// longest bounds AckWait, how long the server is told to keep an envelope, and what
// Backoff and Func may ask for, so that nothing overflows.
const longest = 365 * 24 * time.Hour

// payloadLimit is the most bytes of a request or a result: 1 MiB, or what a
// message leaves where the server allows less.
func payloadLimit(nc *nats.Conn) int { return messageLimit(nc, maxPayload) }

// messageLimit is how many bytes of requests or results go into one message:
// most, or what the server allows.
func messageLimit(nc *nats.Conn, most int) int {
	return max(0, min(most, int(nc.MaxPayload())-overhead))
}
