package gateway_test

import (
	"strings"
	"testing"
	"testing/synctest"

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
