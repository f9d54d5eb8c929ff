// The table: what is asked of which server, and what the kubelet and exec-probe are to make of it. A row that names a
// difference has it from differences.go; every other row is the same on both sides, requests and waiting included.

package main

import (
	"strings"
)

// row is one question to one server, and what both probers are to make of it.
type row struct {
	name   string
	server start
	asked  asked
	wanted wanted
}

// wanted is both verdicts, and why the verdicts, the requests or the waiting differ.
type wanted struct {
	kubelet, ours verdict
	because       []*difference
}

func both(same verdict, because ...*difference) wanted { return wanted{same, same, because} }

func differ(kubelet, ours verdict, because ...*difference) wanted {
	return wanted{kubelet, ours, because}
}

// table is all rows, each under the name of its group.
func table() []row {
	var rows []row
	for _, group := range []struct {
		name string
		rows []row
	}{
		{"status", statuses()},
		{"redirect", redirects()},
		{"redirect to", locations()},
		{"redirect elsewhere,", unreadable()},
		{"method", methods()},
		{"path", paths()},
		{"header", headers()},
		{"answer", answers()},
		{"interim answer", interims()},
		{"status line", statusLines()},
		{"answer's header", answerHeaders()},
		{"fold", folds()},
		{"blank", blanks()},
		{"length", lengths()},
		{"encoding", encodings()},
		{"body", bodies()},
		{"https", https()},
		{"https with", ciphers()},
		{"tcp", tcps()},
		{"grpc", grpcs()},
		{"grpc reply", replies()},
	} {
		for _, row := range group.rows {
			row.name = group.name + " " + row.name
			rows = append(rows, row)
		}
	}
	return rows
}

const (
	ok   = "HTTP/1.1 200 OK\r\n"
	none = "Content-Length: 0\r\n\r\n" // ends the headers of an answer without a body
	well = ok + "Content-Length: 4\r\n\r\nwell"
)

// says is a server that answers with this text and keeps the connection.
func says(text string) start { return raw(say(text), hold) }

// many repeats a text.
func many(text string, times int) string { return strings.Repeat(text, times) }
