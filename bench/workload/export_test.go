package workload

// What the tests hand subjects and passes of their own.
var (
	RunDo    = runDo
	RunBurst = runBurst
	RunOpen  = runOpen
	Arrivals = arrivals
	Repeat   = repeat
)
