module github.com/gobatcher/batcher/modeltest

go 1.25.0

require (
	github.com/gobatcher/batcher v0.1.0
	pgregory.net/rapid v1.3.0
)
