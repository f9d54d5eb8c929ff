// Servers of net/http, and ports that nobody answers on.

package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"syscall"
)

// page is what a site answers to one path: a status, header lines, and a body.
type page struct {
	path    string
	status  int
	headers []string
	body    string
}

func answer200(path string) page { return page{path: path, status: 200, body: "well"} }

// hop is a redirect. In `to`, {main}, {other}, {secure} and {nobody} are the site's ports.
func hop(path string, status int, to string) page {
	return page{path: path, status: status, headers: []string{"Location: " + to}}
}

// hops is so many redirects in a row from /, the last of them to `end`.
func hops(count int, end string) []page {
	pages := []page{}
	for at := range count {
		from, to := "/"+strings.Repeat("x", at), "/"+strings.Repeat("x", at+1)
		if at == count-1 {
			to = end
		}
		pages = append(pages, hop(from, 302, to))
	}
	return pages
}

// site is net/http's server with these pages, on a plain port, on another one and on one with TLS. /well is 200 and
// /sick 503 on all of them; what is not there is 404.
func site(pages ...page) start {
	pages = append(pages, answer200("/well"), page{path: "/sick", status: 503})
	return func() *server {
		s := newServer()
		s.serveHTTP(s.listen("main"), s.pages(pages))
		s.serveHTTP(s.listen("other"), s.pages(pages))
		s.serveHTTP(tls.NewListener(s.listen("secure"), tlsConfig(certificate{})), s.pages(pages))
		s.closed("nobody")
		return s
	}
}

// status is a site that answers so to everything.
func status(code int, headers ...string) start {
	return handles(func(w http.ResponseWriter, _ *http.Request) {
		for _, header := range headers {
			name, value, _ := strings.Cut(header, ": ")
			w.Header().Add(name, value)
		}
		w.WriteHeader(code)
	})
}

// empty200 is a handler that answers 200.
func empty200(http.ResponseWriter, *http.Request) {}

// handles is net/http's server with a handler.
func handles(handler http.HandlerFunc) start {
	return func() *server {
		s := newServer()
		s.serveHTTP(s.listen("main"), handler)
		return s
	}
}

// secure is net/http's server with TLS; /well is 200, all else 404.
func secure(config *tls.Config) start {
	return func() *server {
		s := newServer()
		s.serveHTTP(tls.NewListener(s.listen("main"), config), s.pages([]page{answer200("/well")}))
		return s
	}
}

// http2Only is net/http's server for HTTP/2 without TLS and nothing else.
func http2Only(handler http.HandlerFunc) start {
	return func() *server {
		s := newServer()
		server := s.serveHTTP(nil, handler)
		server.Protocols = &http.Protocols{}
		server.Protocols.SetUnencryptedHTTP2(true)
		go server.Serve(s.listen("main"))
		return s
	}
}

// secureHTTP2 is net/http's server with TLS and HTTP/2, and with HTTP/1.1 beside it or not.
func secureHTTP2(http1 bool) start {
	return func() *server {
		s := newServer()
		server := s.serveHTTP(nil, s.pages([]page{answer200("/well")}))
		server.Protocols = &http.Protocols{}
		server.Protocols.SetHTTP2(true)
		server.Protocols.SetHTTP1(http1)
		server.TLSConfig = tlsConfig(certificate{}, func(config *tls.Config) { config.NextProtos = nil })
		go server.ServeTLS(s.listen("main"), "", "")
		return s
	}
}

// serveHTTP starts net/http's server; without a listener it only makes it.
func (s *server) serveHTTP(listener net.Listener, handler http.Handler) *http.Server {
	recorded := http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		// PRI is HTTP/2's preface: no request, and sent anew as often as the kubelet's gRPC client connects.
		if request.Method != "PRI" {
			s.asked.add(describe(request))
		}
		handler.ServeHTTP(w, request)
	})
	server := &http.Server{
		Handler: recorded,
		// What clients do wrong is what many rows are about.
		ErrorLog: log.New(io.Discard, "", 0),
		// A handler that waits for its request's end is released with the row.
		BaseContext: func(net.Listener) context.Context { return s.ctx },
	}
	s.ends = append(s.ends, func() { server.Close() })
	if listener != nil {
		go server.Serve(listener)
	}
	return server
}

func (s *server) pages(pages []page) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		for _, page := range pages {
			if page.path != request.URL.Path {
				continue
			}
			for _, header := range page.headers {
				name, value, _ := strings.Cut(header, ": ")
				// Not by Set, which a server's own cleaning of values would follow.
				w.Header()[name] = append(w.Header()[name], s.fill(value))
			}
			w.WriteHeader(page.status)
			io.WriteString(w, page.body)
			return
		}
		http.NotFound(w, request)
	})
}

// bindOnly takes a port without listening on it.
func bindOnly(s *server, port int) int {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err == nil {
		s.ends = append(s.ends, func() { syscall.Close(socket) })
		// As net does it: a named port had connections a moment ago.
		syscall.SetsockoptInt(socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
		err = syscall.Bind(socket, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
	}
	if err != nil {
		log.Fatal(err)
	}
	name, err := syscall.Getsockname(socket)
	if err != nil {
		log.Fatal(err)
	}
	return name.(*syscall.SockaddrInet4).Port
}

// nobody is a port that is closed.
func nobody() *server { return newServer().closed("main") }

// fullBacklog is a server that listens and accepts nobody any more, as one does that hangs.
func fullBacklog() *server {
	s := newServer()
	listener := s.listen("main")
	raw, err := listener.(*net.TCPListener).SyscallConn()
	if err != nil {
		log.Fatal(err)
	}
	// A backlog of zero holds one connection; the kernel does not answer whoever comes after it.
	raw.Control(func(socket uintptr) { err = syscall.Listen(int(socket), 0) })
	if err != nil {
		log.Fatal(err)
	}
	first, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	s.ends = append(s.ends, func() { first.Close() })
	return s
}

// listening is a server that has not come to accepting yet.
func listening() *server {
	s := newServer()
	s.listen("main")
	return s
}

// rawTLS is raw over TLS; the connection ends without a close_notify.
func rawTLS(steps ...step) start {
	return func() *server {
		s := newServer()
		config := tlsConfig(certificate{})
		s.accept(s.listen("main"), func(conn net.Conn) {
			protected := tls.Server(conn, config)
			if request, err := http.ReadRequest(bufio.NewReader(protected)); err == nil {
				s.asked.add(describe(request))
				s.run(protected, steps)
			}
		})
		return s
	}
}

// secureSite is a site whose main port has TLS, with a plain one beside it.
func secureSite(pages ...page) start {
	pages = append(pages, answer200("/well"))
	return func() *server {
		s := newServer()
		s.serveHTTP(tls.NewListener(s.listen("main"), tlsConfig(certificate{})), s.pages(pages))
		s.serveHTTP(s.listen("other"), s.pages(pages))
		return s
	}
}
