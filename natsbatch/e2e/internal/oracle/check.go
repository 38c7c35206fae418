package oracle

import (
	"errors"
	"fmt"
	"strings"
)

// shown is how many offenders a complaint names.
const shown = 5

// Check gives what must never be, of whatever happened in between:
//
//   - an acknowledged request that has neither a result nor a definite error;
//   - an answer that belongs to another request, or to none;
//   - two different results of one request, or a result and a definite error;
//   - a result without a run.
func (b Book) Check() error {
	return errors.Join(
		b.none("acknowledged and lost", func(r *Request) bool {
			return r.Acked > 0 && len(r.Answers) == 0 && len(r.Failures) == 0
		}),
		b.none("answered with another request's result", func(r *Request) bool {
			for _, a := range r.Answers {
				if hash, _, _ := strings.Cut(a, " "); hash != r.Hash {
					return true
				}
			}
			return false
		}),
		b.none("with more than one visible outcome", func(r *Request) bool {
			return len(r.Answers) > 1 || len(r.Failures) > 1 || len(r.Answers) > 0 && len(r.Failures) > 0
		}),
		b.none("answered and never run", func(r *Request) bool { return len(r.Answers) > 0 && len(r.Runs) == 0 }),
		b.none("never sent", func(r *Request) bool { return r.Sent == 0 }),
	)
}

// AllAnswered is Check, and complains of any request without a result.
func (b Book) AllAnswered() error {
	return errors.Join(b.Check(), b.none("without a result", func(r *Request) bool { return len(r.Answers) == 0 }))
}

// none complains of the requests that are like this.
func (b Book) none(what string, like func(*Request) bool) error {
	found := b.Find(like)
	if len(found) == 0 {
		return nil
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%d %s:", len(found), what)
	for _, id := range found[:min(shown, len(found))] {
		fmt.Fprintf(&text, "\n\t%s: %+v", id, *b[id])
	}
	if len(found) > shown {
		text.WriteString("\n\t…")
	}
	return errors.New(text.String())
}
