module github.com/gobatcher/batcher/gateway

go 1.25.0

require github.com/gobatcher/batcher v0.1.0
