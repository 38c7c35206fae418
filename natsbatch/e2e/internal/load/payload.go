// Package load is the two sides that the tests put under stress: front ends
// that hand requests in and write down what they were promised, and workers
// that write down what they ran. Both can be processes of their own.
package load

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
)

// Op is what a worker does on a request.
type Op string

// The ops. Those that strike a batch strike all requests in it.
const (
	Plain Op = "plain" // answers
	Fail  Op = "fail"  // the request has an error of its own, which is its answer
	Retry Op = "retry" // so often (Arg) an error that is worth another try, then an answer
	Spoil Op = "spoil" // an error for the whole batch
	Panic Op = "panic" // Func panics
	Hang  Op = "hang"  // Func heeds nothing and returns after an hour
	Exit  Op = "exit"  // the process kills itself
	Large Op = "large" // the result has so many bytes (Arg)
)

// leastSize is what a payload has in any case.
const leastSize = 64

// Payload makes the bytes of a request: its id, what to do, and bytes that
// follow from the id, so that no two ids have the same and the same id always
// has. IDs have no space.
func Payload(id string, op Op, arg, size int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s %d ", id, op, arg)
	sum := fnv.New64a()
	sum.Write([]byte(id))
	chance := rand.New(rand.NewPCG(sum.Sum64(), 0))
	for b.Len() < max(size, leastSize) {
		fmt.Fprintf(&b, "%016x", chance.Uint64())
	}
	b.Truncate(max(size, leastSize))
	return b.Bytes()
}

// parse reads a payload.
func parse(payload []byte) (id string, op Op, arg int, err error) {
	head := string(payload[:min(len(payload), 200)])
	if strings.Count(head, " ") < 3 {
		return "", "", 0, fmt.Errorf("load: not a payload: %.40q", head)
	}
	_, err = fmt.Sscanf(head, "%s %s %d ", &id, &op, &arg)
	return id, op, arg, err
}
