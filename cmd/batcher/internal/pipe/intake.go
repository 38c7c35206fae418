package pipe

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// request is a line and its number, from 1. Requests are passed by pointer, since
// a Weigher that is not a pointer is allocated again to ask for its weight.
type request struct {
	number int64
	text   []byte
}

// Weight is what MaxWeight counts.
func (r *request) Weight() int { return len(r.text) }

// slab hands out requests, many from one allocation. A request that is kept keeps
// its neighbours alive, which are kept for about as long anyway.
type slab []request

func (s *slab) request(number int64, text []byte) *request {
	if len(*s) == 0 {
		*s = make([]request, 128)
	}
	r := &(*s)[0]
	*s = (*s)[1:]
	r.number, r.text = number, text
	return r
}

// readAll submits the lines of r until r or p.ctx ends. Its error is that of a read.
func (p *pipe) readAll(r io.Reader) error {
	from := detach(r)
	defer from.close()
	in := &input{framing: framing{separator: p.cfg.Separator, limit: p.cfg.MaxLine}, from: from}
	for {
		room := p.window.take(p.ctx)
		for ; room > 0 && p.ctx.Err() == nil; room-- {
			text, err := in.next(p.ctx)
			switch {
			case err == nil, errors.As(err, new(tooLong)):
				p.accept(text, err)
			case errors.Is(err, io.EOF), p.ctx.Err() != nil:
				return nil
			default:
				return fmt.Errorf("reading standard input: %w", err)
			}
		}
		if p.ctx.Err() != nil {
			return nil
		}
	}
}

// accept submits a line, unless err says why it cannot. Only the window bounds the
// lines, so Submit does not wait; and an interrupt must not withdraw what has been
// accepted, so the context has no end.
func (p *pipe) accept(text []byte, err error) {
	number := p.ledger.read.Add(1)
	if most := p.cfg.Options.MaxWeight; most > 0 && len(text) > most {
		err = fmt.Errorf("%d bytes, above --max-weight, which is %d", len(text), most)
	}
	if err != nil {
		p.queue.push(claim{number: number, refused: err})
		return
	}
	result := p.batcher.Submit(context.Background(), p.slab.request(number, text))
	if !p.cfg.Unordered {
		p.queue.push(claim{number: number, result: result})
	}
}
