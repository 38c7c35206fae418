// Package fault marks the places where a crash is worth testing. In a program
// nothing happens there.
package fault

import "sync/atomic"

// Point is a place.
type Point string

// The places, in the order in which a request comes by.
const (
	Accepted Point = "accepted" // a front end has an envelope's acknowledgement
	Taken    Point = "taken"    // a worker has decided to run a delivery
	Ran      Point = "ran"      // Func has returned, nothing is stored or sent
	Replied  Point = "replied"  // those who wait have been answered, nothing is acknowledged
	Stored   Point = "stored"   // the results are stored, the delivery is not acknowledged
	Parted   Point = "parted"   // what runs again is stored, the delivery is not acknowledged
	Divided  Point = "divided"  // a redelivered envelope is marked as split, its parts are not stored
	Cut      Point = "cut"      // its parts are stored, the delivery is not acknowledged
	Buried   Point = "buried"   // a dead letter is stored, nothing else
)

var hook atomic.Pointer[func(Point)]

// Set has f called at every place, from any goroutine; nil ends that.
func Set(f func(Point)) {
	if f == nil {
		hook.Store(nil)
		return
	}
	hook.Store(&f)
}

// At says that p is reached.
func At(p Point) {
	if f := hook.Load(); f != nil {
		(*f)(p)
	}
}
