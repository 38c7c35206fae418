package durable

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
)

// stream is one whose usage a room asks for.
type stream struct {
	natsbatch.Usage
	asked int
	err   error
}

func (s *stream) usage(context.Context) (natsbatch.Usage, error) {
	s.asked++
	return s.Usage, s.err
}

// newStream gives a stream for 1,600 bytes and 100 messages, and a room of it.
func newStream(t *testing.T) (*stream, *room) {
	t.Helper()
	s := &stream{Usage: natsbatch.Usage{MaxBytes: 1600, MaxMessages: 100}}
	r, err := newRoom(t.Context(), s.usage)
	if err != nil {
		t.Fatal(err)
	}
	return s, r
}

// enters lets a request in that must find room.
func enters(t *testing.T, r *room, bytes int64) (leave func()) {
	t.Helper()
	leave, err := r.enter(t.Context(), bytes)
	if err != nil {
		t.Fatal(err)
	}
	return leave
}

func TestRoomIsHalfOfTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := newStream(t)
		for _, c := range []struct {
			bytes, messages, n int64
			want               error
		}{
			{0, 0, 400, nil}, {0, 0, 401, natsbatch.ErrTooLarge},
			{400, 1, 400, nil}, {401, 1, 400, natsbatch.ErrFull},
			{0, 49, 1, nil}, {0, 50, 1, natsbatch.ErrFull},
			{0, 40, 160, nil}, {0, 40, 161, natsbatch.ErrFull},
		} {
			time.Sleep(fresh)
			s.Bytes, s.Messages = c.bytes, c.messages
			leave, err := r.enter(t.Context(), c.n)
			if !errors.Is(err, c.want) {
				t.Errorf("%+v: %v", c, err)
			}
			if err == nil {
				leave()
			}
		}
	})
}

// What has entered counts until a reading shows it, and as long as it is under way.
func TestRoomCountsWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := newStream(t)
		s.Bytes = 700
		time.Sleep(fresh)
		first := enters(t, r, 60)
		if _, err := r.enter(t.Context(), 60); !errors.Is(err, natsbatch.ErrFull) {
			t.Errorf("beside one under way: %v", err)
		}
		s.Bytes = 760
		first()
		if _, err := r.enter(t.Context(), 60); !errors.Is(err, natsbatch.ErrFull) {
			t.Errorf("beside one that is stored: %v", err)
		}
		enters(t, r, 40)() // counts once
		s.Bytes = 0
		time.Sleep(fresh)
		enters(t, r, 400)()
	})
}

// Others cannot know of what is under way, so that is little.
func TestRoomLetsLittleInAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, r := newStream(t)
		first := enters(t, r, 84)
		second, third := enters(t, r, 16), make(chan func(), 1)
		fourth := enters(t, r, 16) // which is too much
		go func() { third <- enters(t, r, 100) }()
		synctest.Wait()
		if len(third) > 0 {
			t.Fatal("one more did not wait")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := r.enter(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who has left: %v", err)
		}
		first()
		(<-third)()
		second()
		fourth()
		enters(t, r, 101)
		if _, err := r.enter(t.Context(), 1); !errors.Is(err, errNoTurn) {
			t.Errorf("who waits too long: %v", err)
		}
	})
}

// The server is asked rarely, and keeps nobody out if it does not answer.
func TestRoomAsksRarely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := newStream(t)
		s.asked, s.err = 0, errors.New("away")
		for range 10 {
			enters(t, r, 1)()
		}
		if s.asked != 1 {
			t.Errorf("asked %d times at once", s.asked)
		}
		time.Sleep(fresh)
		for range 3 {
			enters(t, r, 1)()
		}
		if s.asked != 2 {
			t.Errorf("asked %d times, want a second time after %v", s.asked, fresh)
		}
	})
}

// The size of a request is no less than what is stored of it.
func TestSizeOfARequest(t *testing.T) {
	for name, req := range map[string]httpRequest{
		"empty": {},
		"body":  {Method: "POST", URI: "/a", Body: make([]byte, 100_001)},
		"head":  {Header: http.Header{"X-A": {strings.Repeat("a", 5000), "b"}, "X-B": {}}},
	} {
		text, err := req.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if got, least := req.size(), int64(len(text)+500); got < least || got > least+1000 {
			t.Errorf("%s: %d bytes, want about %d", name, got, least)
		}
	}
}
