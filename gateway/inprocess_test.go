package gateway_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher/gateway"
)

// A route that is idle does not begin with a part of a call.
func TestCallStaysTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upper{}
		h := newHandler(t, gateway.Route{Upstream: u}, gateway.Options{})
		const words = "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z"
		for range 500 {
			wantAnswer(t, post(h, words), 200, strings.ToUpper(words))
			synctest.Wait()
		}
		if n := len(u.seen()); n != 500 {
			t.Errorf("%d upstream calls for 500 calls, one after the other", n)
		}
	})
}

// An idle Handler owns no goroutine, nor does one that nobody shuts down: the
// bubble would not end while one is blocked.
func TestIdleHandlerOwnsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := gateway.New([]gateway.Route{{Pattern: "/", Protocol: words{}, Upstream: &upper{}, Delay: time.Millisecond}}, gateway.Options{})
		if err != nil {
			t.Fatal(err)
		}
		wantAnswer(t, post(h, "a,b"), 200, "A,B")
	})
}
