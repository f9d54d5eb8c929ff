// Rows: the ways in which servers write the head of an answer: what comes before it, folds and blanks, and how it says
// where the body ends.

package main

const found = "HTTP/1.1 302 Found\r\n"

func interims() []row {
	then200 := func(head string) start { return says(head + well) }
	then503 := func(head string) start { return says(head + "HTTP/1.1 503 No\r\n" + none) }
	many120 := many("X-A: b\r\n", 120)
	const mixed = "HTTP/1.1 100 C\r\nX: y\n\r\n"
	return []row{
		{"with bare line feeds", then200("HTTP/1.1 100 C\nX: y\n\n"), get("/"), both(success)},
		{"with a bare line feed before its end", then200(mixed), get("/"), both(success)},
		{"with a bare line feed before its end, then 503", then503(mixed), get("/"), both(failure)},
		{"with a bare line feed for its end", then200("HTTP/1.1 100 C\nX: y\r\n\n"), get("/"), both(success)},
		{"without headers, with a bare line feed", then200("HTTP/1.1 100 C\n\r\n"), get("/"), both(success)},
		{"with two blanks before its status", then200("HTTP/1.1  100 C\r\n\r\n"), get("/"), both(success)},
		{"with a folded header", then200("HTTP/1.1 103 H\r\nX-A: b\r\n c\r\n\r\n"), get("/"), both(success)},
		{"with 120 headers, then 200 with as many",
			says("HTTP/1.1 103 H\r\n" + many120 + "\r\n" + ok + many120 + none), get("/"),
			differ(success, failure, headerLimits)},
	}
}

func folds() []row {
	rows := []row{}
	add := func(name, lines string, same verdict) {
		rows = append(rows, row{name, says(ok + lines + none), get("/"), both(same)})
	}
	add("by two blanks", "X-A: b\r\n  c\r\n", success)
	add("by a tab", "X-A: b\r\n\tc\r\n", success)
	add("twice", "X-A: b\r\n c\r\n d\r\n", success)
	add("before the value", "X-A:\r\n b\r\n", success)
	add("to a line of blanks", "X-A: b\r\n \r\n", success)
	add("with bare line feeds", "X-A: b\n c\n", success)
	add("with a colon", "X-A: b\r\n X/B: c\r\n", success)
	add("with a NUL", "X-A: b\r\n \x00\r\n", failure)
	add("of the status line", " X-A: b\r\n", failure)
	add("of the status line, without a name", " : b\r\n", failure)
	add("of a length", "Content-Length:\r\n 0\r\n", success)
	add("of a length, two numbers", "Content-Length: 0\r\n 0\r\n", failure)
	return append(rows,
		row{"of 503", says("HTTP/1.1 503 No\r\nX-A: b\r\n c\r\n" + none), get("/"), both(failure)},
		row{"of Location", says(found + "Location:\r\n /loop\r\n" + none), get("/"), both(failure)},
		row{"in the middle of Location", says(found + "Location: /lo\r\n op\r\n" + none), get("/"), both(failure)})
}

func blanks() []row {
	rows := []row{}
	add := func(name, line string, same verdict) {
		rows = append(rows, row{name, says(ok + "X-A: b\r\n" + line + "\r\n" + none), get("/"), both(same)})
	}
	add("before a colon", "X-B : c", success)
	add("before a colon, three", "X-B   : c", success)
	add("before a colon, a tab", "X-B\t: c", failure)
	add("in a name", "X B: c", success)
	// It is no length: its name ends with a blank.
	add("before the colon of a length", "Content-Length : 9", success)
	moved := says(found + "Location : /sick\r\n" + none)
	return append(rows, row{"before the colon of Location", moved, get("/"), both(success)})
}

func lengths() []row {
	rows := []row{}
	add := func(name, lines string, same verdict) {
		rows = append(rows, row{name, says(ok + lines + "\r\n\r\nwell"), get("/"), both(same)})
	}
	add("twice the same", "Content-Length: 4\r\nContent-Length: 4", success)
	add("two that differ", "Content-Length: 4\r\nContent-Length: 5", failure)
	add("a list of the same", "Content-Length: 4,4", failure)
	add("a list of the same, with a blank", "Content-Length: 4, 4", failure)
	add("a list that differs", "Content-Length: 4,5", failure)
	add("no number", "Content-Length: four", failure)
	add("none", "Content-Length:", failure)
	add("below zero", "Content-Length: -4", failure)
	add("with a plus sign", "Content-Length: +4", failure)
	add("with blanks around", "Content-Length:   4  ", success)
	add("beyond 64 bits", "Content-Length: 99999999999999999999", failure)
	of204 := says("HTTP/1.1 204 No Content\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n")
	return append(rows, row{"two that differ, of 204", of204, get("/"), both(failure)})
}

func encodings() []row {
	const chunks = "\r\n\r\n4\r\nwell\r\n0\r\n\r\n"
	const gzip = "Transfer-Encoding: gzip\r\n\r\n"
	rows := []row{}
	// Whatever the lines say, the body comes in chunks.
	add := func(name, lines string, same verdict) {
		rows = append(rows, row{name, says(ok + lines + chunks), get("/"), both(same)})
	}
	add("chunked", "Transfer-Encoding: chunked", success)
	add("CHUNKED", "Transfer-Encoding: CHUNKED", success)
	add("chunked, with blanks around", "Transfer-Encoding:  chunked  ", success)
	add("chunked, with a length", "Content-Length: 9\r\nTransfer-Encoding: chunked", success)
	add("chunked, with a length that is none", "Content-Length: four\r\nTransfer-Encoding: chunked", failure)
	add("chunked, chunked", "Transfer-Encoding: chunked, chunked", failure)
	add("chunked, in two lines", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", failure)
	add("chunked and identity, in two lines", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", failure)
	add("chunked, gzip", "Transfer-Encoding: chunked, gzip", failure)
	add("gzip, chunked", "Transfer-Encoding: gzip, chunked", failure)
	add("gzip", "Transfer-Encoding: gzip", failure)
	add("that nobody knows", "Transfer-Encoding: rot13", failure)
	add("without a name", "Transfer-Encoding:", failure)
	identity := says(ok + "Transfer-Encoding: identity\r\nContent-Length: 4\r\n\r\nwell")
	return append(rows,
		row{"identity", identity, get("/"), both(failure)},
		row{"gzip, of 204", says("HTTP/1.1 204 No Content\r\n" + gzip), get("/"), both(failure)},
		row{"gzip, of 503", says("HTTP/1.1 503 No\r\n" + gzip), get("/"), both(failure)},
		row{"gzip, of a redirect", says(found + "Location: /loop\r\n" + gzip), get("/"), both(failure)},
		row{"gzip, of HTTP/1.0", raw(say("HTTP/1.0 200 OK\r\n" + gzip + "well")), get("/"), both(success)})
}
