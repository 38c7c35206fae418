// Package modeltest checks package batcher against a model of its contract.
//
// A plan is a random list of operations. It runs in a synctest bubble, on
// virtual time, and after each operation all that can be seen of the real
// thing is compared with a model that knows the same rules but no lock, no
// goroutine and no timer. Where the contract leaves an order open (two things
// at one instant, operations in quick succession) the model follows all of
// them as separate worlds and drops those that reality contradicts; a plan
// fails when no world is left. A rare plan has more worlds than can be
// followed: it is ended by Shutdown, and only what holds in all is checked.
//
//	go test -race .                        # a few seconds
//	go test . -run 'Test(Batcher|Keyed|Batch)$' -rapid.checks=100000
//	go test -race . -run Stress -stress=1m
//
// Where to read:
//
//	act.go      what a Func may do, and what that means for its callers
//	fate.go     answers: how the model names them, how they are recognized
//	rules.go    Options, boiled down once more
//	world.go    one possible state of the model
//	enter.go, run.go, leave.go, handle.go    how it changes
//	step.go     what happens by itself; explore.go all orders of it
//	plan.go     random plans
//	ops.go      what a plan may do, to reality and to the model
//	call.go, wait.go    callers; func.go the Func under test; workers.go its goroutines
//	driver.go   runs a plan; look.go compares; finish.go the last checks
//	stress.go, stress_ops.go    the same in real time, without a model
//	target_test.go    TargetTime, of which the model knows nothing
package modeltest
