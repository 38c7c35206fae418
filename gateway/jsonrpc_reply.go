package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/gobatcher/batcher/gateway/internal/jsonraw"
)

// Split finds the answer to each call by its id, and puts a hole in place of the
// id. One error in place of all answers may be due to one request.
func (JSONRPC) Split(_ Key, items []Item, answer Answer) ([]Result, error) {
	a := rpcAnswers{items: items, results: make([]Result, len(items))}
	if err := a.take(trim(answer.Body)); err != nil {
		return nil, err
	}
	if a.forAll {
		return a.results, rpcDoubt(a.code)
	}
	return a.results, nil
}

// rpcDoubt returns what has the batch sent again in parts, if one request in it
// may have caused the error that is the answer to all; else nil. Errors with other
// codes, such as that of a limit, are nobody's fault.
func rpcDoubt(code string) error {
	if !rpcUndone(code) && code != "-32603" { // internal error
		return nil
	}
	e := Errorf(http.StatusBadGateway, "the upstream answered all calls with one error")
	e.Undone, e.Repeat = rpcUndone(code), true
	return e
}

// rpcUndone reports whether nothing has been executed of a batch that is answered
// with this code alone: by the specification, sections 5.1 and 6, the server could
// not read it, or found no batch in it.
func rpcUndone(code string) bool { return code == "-32700" || code == "-32600" }

// rpcCodeOf returns the code of an error.
func rpcCodeOf(failure []byte) (code string) {
	if jsonraw.Kind(failure) == '{' {
		_ = jsonraw.Members(failure, func(name string, value jsonraw.Span) {
			if name == "code" {
				code = string(value.Of(failure))
			}
		})
	}
	return code
}

// Refuse gives each call its own answer all the same: with many servers the
// status of the whole says what has become of one call in it. It is the status
// of the errors among the answers, and of all answers if there are no errors. An
// answer that does not fit reaches nobody: it may hold what is others'. What is
// no answer of JSON-RPC, such as a proxy's page, is left as it is.
func (JSONRPC) Refuse(_ Key, items []Item, answer Answer, e *Error) []Result {
	body := trim(answer.Body)
	if !isRPCAnswer(body, len(items)) {
		return nil
	}
	a := rpcAnswers{items: items, results: make([]Result, len(items)), status: answer.Status}
	e.Body = nil // Explain has one with each call's own id
	if err := a.take(body); err != nil {
		e.Text += fmt.Sprintf(", and that does not fit the batch: %v", err)
		e.Repeat = true
		return nil
	}
	if a.forAll {
		e.Undone = e.Undone || rpcUndone(a.code)
	} else {
		e.Repeat, e.Undone = false, false
	}
	if !a.failed {
		for i := range a.results {
			a.results[i].Status = a.status
		}
	}
	return a.results
}

// isRPCAnswer reports whether body is meant as an answer to n items, or cannot
// be distinguished from one.
func isRPCAnswer(body []byte, n int) bool {
	switch jsonraw.Kind(body) {
	case '[':
		return true
	case '{':
		m, err := rpcMembersOf(body)
		i, ok := decimal(m.id.Of(body))
		return err != nil || m.version != nil || ok && i > 0 && i <= n
	}
	return false
}

// rpcAnswers assigns the answers to the items of a batch.
type rpcAnswers struct {
	items   []Item
	results []Result
	status  int      // of an item whose answer is an error
	failed  bool     // one is
	forAll  bool     // one error stands in place of all answers
	unnamed [][]byte // errors that name no call
	only    bool     // one answer is all that there is
	code    string   // of the last error
}

// take finds the answer to each call in body. It fails if one has none.
func (a *rpcAnswers) take(body []byte) error {
	switch {
	case len(body) == 0:
	case body[0] == '[':
		answers, err := jsonraw.Elements(body, len(a.items))
		if err != nil {
			return err
		}
		a.only = len(answers) == 1
		for i, answer := range answers {
			if err := a.place(answer); err != nil {
				return fmt.Errorf("answer %d: %w", i+1, err)
			}
		}
	default:
		a.only = true
		if err := a.place(body); err != nil {
			return err
		}
		if len(a.unnamed) > 0 {
			a.spread(a.unnamed[0])
			return nil
		}
	}
	return a.finish()
}

// place assigns an answer to the item whose place its id is.
func (a *rpcAnswers) place(answer []byte) error {
	m, err := rpcMembersOf(answer)
	if err != nil {
		return err
	}
	if m.failed() {
		a.code = rpcCodeOf(m.failure)
	}
	if m.isUnnamed(answer) {
		if m.failed() {
			a.unnamed = append(a.unnamed, m.withHole(answer))
		}
		return nil // a result can be that of a notification only, which nobody waits for
	}
	i, ok := decimal(m.id.Of(answer))
	switch i--; {
	case !ok || i < 0 || i >= len(a.items) || !isRPCCall(a.items[i]):
		if a.only && m.failed() && rpcUndone(a.code) { // servers such as monerod say 0 where they know no id
			a.unnamed = append(a.unnamed, cutOut(answer, m.id))
			return nil
		}
		return errors.New("its id was not asked for")
	case a.results[i].Body != nil:
		return errors.New("its id comes twice")
	}
	a.give(i, cutOut(answer, m.id), m.failed())
	return nil
}

// isUnnamed reports whether an answer names no call.
func (m rpcMembers) isUnnamed(answer []byte) bool {
	return m.id == jsonraw.Span{} || string(m.id.Of(answer)) == "null"
}

// withHole returns an answer that names no call with a hole for the id.
func (m rpcMembers) withHole(answer []byte) []byte {
	if m.id == (jsonraw.Span{}) {
		return append(append([]byte(`{"id":`), hole...), append([]byte{','}, answer[1:]...)...)
	}
	return cutOut(answer, m.id)
}

func (a *rpcAnswers) give(i int, answer []byte, failed bool) {
	a.results[i].Body = answer
	if failed {
		a.results[i].Status, a.failed = a.status, true
	}
}

// spread answers every call with the same error.
func (a *rpcAnswers) spread(failure []byte) {
	a.failed, a.forAll = true, true
	for i, item := range a.items {
		if a.results[i].Status = a.status; isRPCCall(item) {
			a.results[i].Body = failure
		}
	}
}

// finish assigns an error that names no call to the only call without an answer:
// a server that finds a request invalid does not know its id. If several calls
// have none, or there are several such errors, it is not known whose they are, but
// that does not matter if the errors are equal and enough. If no call has an
// answer, a single error is that of all: some servers put into an array what they
// say of the batch. Others, such as geth, say of a batch that they have not
// executed it in an answer to its first call. Where no call lacks an answer such
// errors are those of notifications, which some servers answer against the rules:
// nobody gets them, and nobody else pays for them.
func (a *rpcAnswers) finish() error {
	calls, done := 0, 0
	var missing []int
	for i, item := range a.items {
		if !isRPCCall(item) {
			continue
		}
		calls++
		if a.results[i].Body == nil {
			missing = append(missing, i)
		} else {
			done = i
		}
	}
	a.failed = a.failed || len(a.unnamed) > 0
	switch {
	case len(missing) == 0:
	case len(missing) <= len(a.unnamed) && a.alike():
		for _, i := range missing {
			a.give(i, a.unnamed[0], true)
		}
	case len(missing) == calls && len(a.unnamed) == 1:
		a.spread(a.unnamed[0])
	case len(missing) < calls && a.only && rpcUndone(a.code):
		a.spread(a.results[done].Body)
	default:
		return fmt.Errorf("%d calls have no answer with their id", len(missing))
	}
	return nil
}

// alike reports whether the errors that name no call are equal.
func (a *rpcAnswers) alike() bool {
	return !slices.ContainsFunc(a.unnamed, func(failure []byte) bool { return !bytes.Equal(failure, a.unnamed[0]) })
}
