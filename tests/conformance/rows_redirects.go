// Rows: redirects by status, by where they lead, and by method.

package main

import (
	"net/http"
	"strconv"
)

func redirects() []row {
	const two = "Location: http://elsewhere.example/\r\nLocation: x:\r\n"
	var rows []row
	for _, code := range []int{301, 302, 303, 307, 308} {
		rows = append(rows,
			row{strconv.Itoa(code) + " to a page that is well", site(hop("/", code, "/well")), get("/"), both(success)},
			row{strconv.Itoa(code) + " to a page that is sick", site(hop("/", code, "/sick")), get("/"), both(failure)})
	}
	for _, code := range []int{201, 300, 304, 305, 306} {
		rows = append(rows,
			row{strconv.Itoa(code) + ", which is none", status(code, "Location: /sick"), get("/"), both(success)})
	}
	elsewhere := hop("/next", 302, "http://elsewhere.example/")
	return append(rows, []row{
		{"without Location", status(302), get("/"), both(success)},
		{"with an empty Location", says(found + "Location:\r\n" + none), get("/"), both(success)},
		{"with two Locations", says(found + two + none), get("/"), both(success)},
		{"in a loop", site(hop("/", 302, "/")), get("/"), both(failure)},
		{"nine times", site(hops(9, "/well")...), get("/"), both(success)},
		{"ten times", site(hops(10, "/well")...), get("/"), both(failure)},
		{"ten times, the tenth to another host", site(hops(10, "http://elsewhere.example/")...), get("/"), both(success)},
		{"twice, the second to another host", site(hop("/", 302, "/next"), elsewhere), get("/"), both(success)},
	}...)
}

func locations() []row {
	// A site whose page / leads there.
	to := func(location string, pages ...page) start { return site(append(pages, hop("/", 302, location))...) }
	local := get("/").at("localhost")
	const shop = "Host: shop.example"
	byQuery := handles(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "" {
			w.Header().Set("Location", "?ready=1")
			w.WriteHeader(302)
		}
	})
	headers := []string{"Authorization: Bearer x", "Cookie: a=b", "X-Twice: 1", "X-Twice: 2"}
	next := hop("/next", 302, "/well")
	return []row{
		{"the same host and port", to("http://127.0.0.1:{main}/well"), get("/"), both(success)},
		{"another port", to("http://127.0.0.1:{other}/well"), get("/"), both(success)},
		{"another port, sick", to("http://127.0.0.1:{other}/sick"), get("/"), both(failure)},
		{"another port, closed", to("http://127.0.0.1:{nobody}/well"), get("/"), both(failure)},
		{"a port that is a name", to("http://127.0.0.1:web/well"), get("/"), both(failure)},
		{"port 99999", to("http://127.0.0.1:99999/well"), get("/"), both(failure)},
		{"another host", to("http://elsewhere.example/sick"), get("/"), both(success)},
		{"another host, its port a name", to("http://elsewhere.example:abc/"), get("/"), both(failure)},
		{"another host, its port in brackets", to("http://elsewhere.example:<b>\"/"), get("/"), both(failure)},
		{"another host with a blank", to("http://else where.example/"), get("/"), both(failure)},
		{"another host and port 99999", to("http://elsewhere.example:99999/"), get("/"), both(success)},
		{"another host with a lone percent sign", to("http://elsewhere.example/100%/x"), get("/"), both(failure)},
		{"another name of this host", to("http://localhost:{main}/sick"), get("/"), both(success)},
		{"another address of this host", to("http://127.0.0.2:{main}/sick"), get("/"), both(success)},
		{"the host in capitals, sick", to("http://LOCALHOST:{main}/sick"), local, differ(success, failure, sameName)},
		{"the host with a dot, sick", to("http://localhost.:{main}/sick"), local, differ(success, failure, sameName)},
		{"https", to("https://127.0.0.1:{secure}/well"), get("/"), both(success)},
		{"https, sick", to("https://127.0.0.1:{secure}/sick"), get("/"), both(failure)},
		{"http, from https", secureSite(hop("/", 302, "http://127.0.0.1:{other}/well")), getTLS("/"), both(success)},
		{"HTTP in capitals", to("HTTP://127.0.0.1:{main}/well"), get("/"), both(success)},
		{"no scheme", to("//127.0.0.1:{other}/well"), get("/"), both(success)},
		{"no host", to("http:///well"), get("/"), differ(success, failure, nowhere)},
		{"no slashes", to("http:/well"), get("/"), differ(success, failure, nowhere)},
		{"a colon and no scheme", to(":80/well"), get("/"), both(failure)},
		{"mailto", to("mailto:me@127.0.0.1"), get("/"), differ(success, failure, nowhere)},
		{"ftp on the same host", to("ftp://127.0.0.1/well"), get("/"), both(failure)},
		{"ftp on another host", to("ftp://elsewhere.example/well"), get("/"), differ(success, failure, nowhere)},
		{"a name and a password", to("http://me:secret@127.0.0.1:{other}/well"), get("/"), both(success)},
		{"a file beside it", site(hop("/deep/x", 302, "y"), answer200("/deep/y")), get("/deep/x"), both(success)},
		{"a file above it", site(hop("/deep/x", 302, "../well")), get("/deep/x"), both(success)},
		{"dots in the middle", to("/a/./b/../../well"), get("/"), both(success)},
		{"a query alone", byQuery, get("/deep/x"), both(success)},
		{"a fragment alone", to("#part"), get("/"), both(failure)},
		{"a path with a fragment", to("/well#part"), get("/"), both(success)},
		{"a path with a query", to("/well?a=b&c=%20d+e;f"), get("/"), both(success)},
		{"a path with a query and a blank", to("/well?a b"), get("/"), differ(failure, success, query)},
		{"a path with a blank", to("/a b", answer200("/a b")), get("/"), both(success)},
		{"a path with braces", to("/{a}|b^", answer200("/{a}|b^")), get("/"), both(success)},
		{"a path in UTF-8", to("/wohlgemüt", answer200("/wohlgemüt")), get("/"), both(success)},
		{"a path in Latin-1", to("/wohlgem\xfct", answer200("/wohlgem\xfct")), get("/"), both(success)},
		{"a path that is encoded", to("/a%2Fb%41", answer200("/a/bA")), get("/"), both(success)},
		{"a path with a lone percent sign", to("/100%/x", answer200("/100%/x")), get("/"), both(failure)},
		{"a path with a tab", says(found + "Location: /we\tll\r\n" + none), get("/"), both(failure)},
		{"anything, with headers", to("http://127.0.0.1:{other}/well"), get("/", headers...), both(success)},
		{"a path, Host set", to("/well"), get("/", shop), both(success)},
		{"a URL, Host set", to("http://127.0.0.1:{main}/well"), get("/", shop), both(success)},
		{"a URL, then a path, Host set", to("http://127.0.0.1:{main}/next", next), get("/", shop), both(success)},
		{"no scheme, Host set", to("//127.0.0.1:{main}/well"), get("/", shop), both(success, setHost)},
		{"the Host that was set", to("http://shop.example/sick"), get("/", shop), both(success)},
	}
}

// unreadable is Locations that Go can't read, and some that look as if it couldn't.
func unreadable() []row {
	rows := []row{}
	add := func(name, location string, same verdict) {
		rows = append(rows, row{name, says(found + "Location: " + location + "\r\n" + none), get("/"), both(same)})
	}
	add("port 99999", "http://elsewhere.example:99999/", success)
	add("a colon without a port", "http://elsewhere.example:/", success)
	add("a port that is a name", "http://elsewhere.example:web/", failure)
	add("a port that is a name, https", "https://elsewhere.example:web/", failure)
	add("a port that is a name, no scheme", "//elsewhere.example:web/", failure)
	add("a port below zero", "http://elsewhere.example:-1/", failure)
	add("two ports", "http://elsewhere.example:80:80/", failure)
	add("a blank", "http://else where.example/", failure)
	add("a tab", "http://else\twhere.example/", failure)
	add("an encoded letter", "http://elsewhere%41.example/", failure)
	add("half a bracket", "http://[::1/", failure)
	add("brackets around a name", "http://[elsewhere]/", failure)
	add("angle brackets", "http://<elsewhere>/", success)
	add("an underscore", "http://else_where/", success)
	add("UTF-8", "http://elsewhäre.example/", success)
	add("a lone percent sign in the path", "http://elsewhere.example/100%/x", failure)
	add("a blank in the user's name", "http://a b@elsewhere.example/", failure)
	return append(rows,
		row{"no scheme, but a colon", site(hop("/", 302, ":/well")), get("/"), both(failure)},
		row{"a scheme that begins with a digit", site(hop("/", 302, "1x:well")), get("/"), both(failure)})
}

// The kubelet only GETs: these compare with Go's client under the kubelet's redirect rule.
func methods() []row {
	to := func(status int) start { return site(hop("/", status, "/well")) }
	return []row{
		{"HEAD", site(), send("HEAD", "/well"), both(success)},
		{"HEAD, sick", site(), send("HEAD", "/sick"), both(failure)},
		{"HEAD, 302", to(302), send("HEAD", "/"), both(success)},
		{"HEAD, 303", to(303), send("HEAD", "/"), both(success)},
		{"POST", site(), send("POST", "/well"), both(success)},
		{"POST, 301", to(301), send("POST", "/"), both(success)},
		{"POST, 303", to(303), send("POST", "/"), both(success)},
		{"POST, 307", to(307), send("POST", "/"), both(success)},
		{"POST, 308", to(308), send("POST", "/"), both(success)},
		{"PUT, 302", to(302), send("PUT", "/"), both(success)},
		{"PUT, 307", to(307), send("PUT", "/"), both(success)},
		{"DELETE, 302", to(302), send("DELETE", "/"), both(success)},
		{"OPTIONS", site(), send("OPTIONS", "/well"), both(success)},
	}
}
