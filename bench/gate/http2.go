package main

import (
	"encoding/binary"
	"strconv"
)

// streams is the number of requests on a connection of HTTP/2: as many as net/http allows by default.
const streams = 250

// requests2 is a whole connection of HTTP/2 (RFC 9113): its preface, its settings, and n requests with one item each.
func requests2(item string, n int) []byte {
	text := frame([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), settingsFrame, 0, 0, nil)
	body := []byte(`{"instances":[` + item + `]}`)
	var head []byte
	for _, field := range [][2]string{{":method", "POST"}, {":scheme", "http"}, {":path", "/v1/models/m:predict"}, {":authority", "m"},
		{"content-type", "application/json"}, {"content-length", strconv.Itoa(len(body))}} {
		head = append(head, 0) // a literal, not to be indexed (RFC 7541, section 6.2.2)
		for _, text := range field {
			head = append(append(head, byte(len(text))), text...)
		}
	}
	for i := range n {
		id := uint32(2*i + 1)
		text = frame(text, headersFrame, endHeaders, id, head)
		text = frame(text, dataFrame, endStream, id, body)
	}
	return text
}

const (
	dataFrame, headersFrame, settingsFrame = 0, 1, 4
	endStream, endHeaders                  = 1, 4
)

// frame appends a frame.
func frame(text []byte, kind, flags byte, stream uint32, payload []byte) []byte {
	text = append(text, byte(len(payload)>>16), byte(len(payload)>>8), byte(len(payload)), kind, flags)
	return append(binary.BigEndian.AppendUint32(text, stream), payload...)
}
