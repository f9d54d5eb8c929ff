// Rows: what the server is asked, byte for byte but for the order and case of header names.

package main

func paths() []row {
	rows := []row{}
	add := func(name, path string, wanted wanted) {
		rows = append(rows, row{name, status(200), get(path), wanted})
	}
	add("none", "", both(success))
	add("of a page", "/well", both(success))
	add("with a query", "/well?a=b&c=%20d+e;f", both(success))
	add("of a query alone", "?a=b", both(success))
	add("with a fragment", "/well#part", both(success))
	add("with dots", "/a/../b//c/.", both(success))
	add("with all that may stand in one", "/~a-b_c.d!e$f&g'h(i)j*k+l,m;n=o:p@q[r]", both(success))
	add("that is encoded", "/a%2Fb%41%7b", both(success))
	add("with a blank", "/a b", both(success))
	add("with quotes", "/\"a\"<b>`c", both(success))
	add("with braces", "/{a}|b^c\\d", both(success))
	add("in UTF-8", "/wohlgemüt", both(success))
	add("with a lone percent sign", "/100%/x", both(success))
	add("with a blank in the query", "/?a b", differ(failure, success, query))
	add("with quotes in the query", "/?\"a\"<b>`c", both(success, query))
	add("with braces in the query", "/?{a}|b^c\\d", both(success))
	add("with UTF-8 in the query", "/?ü", both(success, query))
	return append(rows, row{"on localhost", status(200), get("/").at("localhost"), both(success)})
}

func headers() []row {
	rows := []row{}
	add := func(name string, wanted wanted, lines ...string) {
		rows = append(rows, row{name, status(200), get("/", lines...), wanted})
	}
	add("Host", both(success), "Host: shop.example")
	add("Host with a port", both(success), "host: shop.example:81")
	add("Host, emptied", differ(success, usage, refused), "Host:")
	add("Host twice", differ(success, usage, refused), "Host: a.example", "Host: b.example")
	add("User-Agent", both(success), "user-agent: x")
	add("User-Agent, emptied", both(success), "User-Agent:")
	add("User-Agent twice", both(success, ownHeaders), "User-Agent: x", "User-Agent: y")
	add("Accept", both(success), "Accept: text/plain")
	add("Accept, emptied", both(success), "Accept:")
	add("Accept twice", both(success), "Accept: text/plain", "Accept: text/html")
	add("Accept, emptied and given", both(success, ownHeaders), "Accept:", "Accept: text/html")
	add("Accept-Encoding", both(success), "Accept-Encoding: gzip")
	add("Authorization and Cookie", both(success), "Authorization: Bearer x", "Cookie: a=b")
	add("Connection: close", both(success), "Connection: close")
	add("Connection: keep-alive", both(success, ownHeaders), "Connection: keep-alive")
	add("Content-Length", differ(success, usage, refused), "Content-Length: 5")
	add("Transfer-Encoding", differ(success, usage, refused), "Transfer-Encoding: chunked")
	add("Expect", differ(success, usage, refused), "Expect: 100-continue")
	add("Upgrade", differ(success, usage, refused), "Upgrade: websocket")
	add("TE", differ(success, usage, refused), "TE: trailers")
	add("of one's own", both(success), "x-own: 1")
	add("of one's own, twice", both(success), "X-Own: 1", "x-own: 2")
	add("of one's own, emptied", both(success), "X-Own:")
	add("of one's own, with blanks", both(success), "X-Own:   a b  ")
	add("of one's own, in UTF-8", both(success), "X-Own: wohlgemüt")
	add("of one's own, of 32 KiB", both(success), "X-Own: "+many("x", 32<<10))
	return rows
}
