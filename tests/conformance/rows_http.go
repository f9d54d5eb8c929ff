// Rows: statuses, and answers of every shape and speed.

package main

import (
	"io"
	"net/http"
	"strconv"
	"time"
)

func statuses() []row {
	const switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"
	const hints = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
	rows := []row{
		{"099", says("HTTP/1.1 099 Odd\r\n" + none), get("/"), both(failure)},
		{"100 and no more", says("HTTP/1.1 100 Continue\r\n\r\n"), get("/"), both(failure)},
		{"100, then 200", says("HTTP/1.1 100 Continue\r\n\r\n" + well), get("/"), both(success)},
		{"101, closed", raw(say(switching)), get("/"), both(failure)},
		{"101, held", says(switching), get("/"), differ(hangs, failure, atHeaders)},
		{"102 six times, then 200", says(many("HTTP/1.1 102 Processing\r\n\r\n", 6) + well), get("/"), both(success)},
		{"103 with headers, then 200", says(hints + well), get("/"), both(success)},
		{"103 with headers, then 503", says(hints + "HTTP/1.1 503 No\r\n" + none), get("/"), both(failure)},
	}
	add := func(verdict verdict, codes ...int) {
		for _, code := range codes {
			rows = append(rows, row{strconv.Itoa(code), status(code), get("/"), both(verdict)})
		}
	}
	add(success, 200, 201, 204, 206, 299, 300, 304, 399)
	add(failure, 400, 401, 404, 407, 429, 499, 500, 503, 599, 600, 999)
	return append(rows,
		row{"1000", says("HTTP/1.1 1000 Odd\r\n" + none), get("/"), both(failure)},
		row{"1000, then 200", says("HTTP/1.1 1000 Odd\r\n\r\n" + well), get("/"), both(failure)})
}

func answers() []row {
	dripping := drip(ok+"X: "+many("x", 1000), 4, 100*time.Millisecond)
	return []row{
		{"from nobody", nobody, get("/"), both(failure)},
		{"never, not accepted", fullBacklog, get("/"), both(failure)},
		{"never", raw(hold), get("/"), both(failure)},
		{"cut off before the request", mute(), get("/"), both(failure)},
		{"cut off", raw(), get("/"), both(failure, anotherLook)},
		{"cut off by a reset", raw(reset), get("/"), both(failure, anotherLook)},
		{"cut off in the headers", raw(say(ok + "Content-Le")), get("/"), both(failure)},
		{"stalls in the headers", says(ok + "X: y\r\n"), get("/"), both(failure)},
		{"after 300 ms", raw(pause(300*time.Millisecond), say(well), hold), get("/"), both(success)},
		{"in drips, 350 ms", raw(drip(well, 6, 50*time.Millisecond), hold), get("/"), both(success)},
		{"in drips without end", raw(dripping), get("/"), both(failure)},
		{"of HTTP/2 only", http2Only(empty200), get("/"), both(failure)},
		{"of HTTP/0.9", raw(say("well\n")), get("/"), both(failure)},
		{"of SSH", mute(say("SSH-2.0-OpenSSH_9.2\r\n"), hold), get("/"), both(failure)},
	}
}

func statusLines() []row {
	line := func(text string) start { return says(text + "\r\n" + none) }
	return []row{
		{"HTTP/1.0", raw(say("HTTP/1.0 200 OK\r\n\r\nwell")), get("/"), both(success)},
		{"HTTP/1.0, 503", raw(say("HTTP/1.0 503 No\r\n\r\nsick")), get("/"), both(failure)},
		{"without a reason phrase", line("HTTP/1.1 200"), get("/"), both(success)},
		{"without a reason phrase, 503", line("HTTP/1.1 503"), get("/"), both(failure)},
		{"with a blank for a reason phrase", line("HTTP/1.1 200 "), get("/"), both(success)},
		{"with UTF-8", line("HTTP/1.1 200 wohlgemüt"), get("/"), both(success)},
		{"with a bare line feed", says("HTTP/1.1 200 OK\nContent-Length: 0\n\n"), get("/"), both(success)},
		{"after an empty line", says("\r\n" + well), get("/"), differ(failure, success, grammar)},
		{"with two blanks", line("HTTP/1.1  200 OK"), get("/"), both(success)},
		{"with five blanks", line("HTTP/1.1     200 OK"), get("/"), both(success)},
		{"with two blanks, 503", line("HTTP/1.1  503 No"), get("/"), both(failure)},
		{"with two blanks before its reason", line("HTTP/1.1 200  OK"), get("/"), both(success)},
		{"with a tab for a blank", line("HTTP/1.1\t200 OK"), get("/"), both(failure)},
		{"with a blank and a tab", line("HTTP/1.1 \t200 OK"), get("/"), both(failure)},
		{"after a blank", line(" HTTP/1.1 200 OK"), get("/"), both(failure)},
		{"with two digits", line("HTTP/1.1 20 OK"), get("/"), both(failure)},
		{"without digits", line("HTTP/1.1 OK"), get("/"), both(failure)},
		{"HTTP/1.2", line("HTTP/1.2 200 OK"), get("/"), differ(success, failure, grammar)},
		{"HTTP/2.0", line("HTTP/2.0 200 OK"), get("/"), differ(success, failure, grammar)},
		{"HTTP/2", line("HTTP/2 200 OK"), get("/"), both(failure)},
		{"http/1.1", line("http/1.1 200 OK"), get("/"), both(failure)},
		{"ICY", line("ICY 200 OK"), get("/"), both(failure)},
	}
}

func answerHeaders() []row {
	kib := "X-A: " + many("x", 1017) + "\r\n"
	with := func(lines string) start { return says(ok + lines + none) }
	cookie := page{"/", 302, []string{"Location: /well", "Set-Cookie: a=b"}, ""}
	return []row{
		{"of 63 KiB", with(many(kib, 63)), get("/"), both(success)},
		{"of 65 KiB", with(many(kib, 65)), get("/"), differ(success, failure, headerLimits)},
		{"of 128 lines", with(many("X-A: b\r\n", 127)), get("/"), both(success)},
		{"of 129 lines", with(many("X-A: b\r\n", 128)), get("/"), differ(success, failure, headerLimits)},
		{"without a colon", with("X-A\r\n"), get("/"), both(failure)},
		{"without a name", with(": b\r\n"), get("/"), both(failure)},
		{"with a slash in its name", with("X/A: b\r\n"), get("/"), both(failure)},
		{"without a value", with("X-A:\r\n"), get("/"), both(success)},
		{"in Latin-1", with("X-A: \xfc\r\n"), get("/"), both(success)},
		{"with a NUL", with("X-A: \x00\r\n"), get("/"), both(failure)},
		{"with a control character", with("X-A: \x01\r\n"), get("/"), both(failure)},
		{"gzip where none is", says(ok + "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nwell"), get("/"), both(success)},
		{"cookie, not sent back", site(cookie), get("/"), both(success)},
	}
}

func bodies() []row {
	const four, sick = ok + "Content-Length: 4\r\n\r\n", "HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\n"
	const seventy, untilClosed = ok + "Content-Length: 70\r\n\r\n", ok + "\r\n"
	const events = ok + "Content-Type: text/event-stream\r\n\r\n"
	const trailers = ok + "Transfer-Encoding: chunked\r\nTrailer: X\r\n\r\n4;a=b\r\nwell\r\n0\r\nX: y\r\n\r\n"
	const badChunk = ok + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n"
	large := handles(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, many("x", 1<<20)) })
	inChunks := handles(func(w http.ResponseWriter, _ *http.Request) {
		for range 5 {
			io.WriteString(w, "well\n")
			w.(http.Flusher).Flush()
		}
	})
	stallsInRedirect := handles(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			w.Header().Set("Location", "/well")
			w.WriteHeader(302)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}
	})
	slow := 50 * time.Millisecond
	return []row{
		{"none, by the status", says("HTTP/1.1 204 No Content\r\n\r\n"), get("/"), both(success)},
		{"until the connection ends", raw(say(untilClosed + "well")), get("/"), both(success)},
		{"in chunks", inChunks, get("/"), both(success)},
		{"in chunks, with trailers", says(trailers), get("/"), both(success)},
		{"of 1 MiB", large, get("/"), both(success)},
		{"of 10 KiB, then silence", says(untilClosed + many("x", 10240)), get("/"), both(success)},
		{"of a byte less, then silence", says(untilClosed + many("x", 10239)), get("/"), differ(errored, success, atHeaders)},
		{"a flood without end", raw(say(untilClosed), repeat(many("x", 4096), 0)), get("/"), both(success)},
		{"after 300 ms", raw(say(four), pause(300*time.Millisecond), say("well"), hold), get("/"), both(success)},
		{"in drips, 350 ms", raw(say(seventy), drip(many("x", 70), 10, slow), hold), get("/"), both(success)},
		{"in drips without end", raw(say(untilClosed), repeat("x", slow)), get("/"), differ(errored, success, atHeaders)},
		{"server-sent events", raw(say(events), repeat("data: x\n\n", slow)), get("/"), differ(errored, success, atHeaders)},
		{"never comes", says(four), get("/"), differ(errored, success, atHeaders)},
		{"stalls", says(four + "we"), get("/"), differ(errored, success, atHeaders)},
		{"stalls, 503", says(sick + "si"), get("/"), differ(errored, failure, atHeaders)},
		{"stalls, of a redirect", stallsInRedirect, get("/"), differ(failure, success, atHeaders)},
		{"breaks off", raw(say(four + "we")), get("/"), differ(errored, success, atHeaders)},
		{"breaks off, 503", raw(say(sick + "si")), get("/"), differ(errored, failure, atHeaders)},
		{"is reset", raw(say(four+"we"), pause(slow), reset), get("/"), differ(errored, success, atHeaders)},
		{"in a bad chunk", says(badChunk), get("/"), differ(errored, success, atHeaders)},
	}
}
