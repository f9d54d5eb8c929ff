// A row's server: its ports, what it was asked, its end. Below: servers on raw sockets, for what no library would do.

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// server is what one row asks, started for that row alone. It stands on 127.0.0.1 and says what it was asked.
type server struct {
	places map[string]int // its ports by name; main is the one that is asked, the others are for redirects
	asked  recorder
	ctx    context.Context // done as the row ends
	ends   []func()
	busy   sync.WaitGroup
}

// mainPort is the port of a row's server, any that is free unless a command names one: then rows run one by one.
var mainPort = 0

// start makes a row's server.
type start func() *server

func newServer() *server {
	s := &server{places: map[string]int{}}
	s.asked.requests = map[string][]string{}
	ctx, cancel := context.WithCancel(context.Background())
	s.ctx, s.ends = ctx, append(s.ends, cancel)
	return s
}

// listen opens a port.
func (s *server) listen(name string) net.Listener {
	listener, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(s.free(name)))
	if err != nil {
		log.Fatal(err)
	}
	s.places[name] = listener.Addr().(*net.TCPAddr).Port
	s.ends = append(s.ends, func() { listener.Close() })
	return listener
}

// free is the port to take, 0 for any.
func (s *server) free(name string) int {
	if name == "main" {
		return mainPort
	}
	return 0
}

// closed adds a port that nobody listens on and nobody else gets: it is bound.
func (s *server) closed(name string) *server {
	s.places[name] = bindOnly(s, s.free(name))
	return s
}

// close ends everything that the row started.
func (s *server) close() {
	for _, end := range s.ends {
		end()
	}
	s.busy.Wait()
}

// fill puts ports in place of their names: {main}.
func (s *server) fill(text string) string {
	for name, port := range s.places {
		text = strings.ReplaceAll(text, "{"+name+"}", strconv.Itoa(port))
	}
	return text
}

var sourcePort = regexp.MustCompile(`127\.0\.0\.1:\d+->`)

// mask puts names in place of ports, so that two runs read the same.
func (s *server) mask(text string) string {
	text = sourcePort.ReplaceAllString(text, "127.0.0.1->")
	for name, port := range s.places {
		text = strings.ReplaceAll(text, ":"+strconv.Itoa(port), ":{"+name+"}")
	}
	return text
}

// recorder keeps the requests that each asker made.
type recorder struct {
	mutex    sync.Mutex
	asker    string
	requests map[string][]string
}

func (r *recorder) turn(asker string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.asker = asker
}

func (r *recorder) add(request string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.requests[r.asker] = append(r.requests[r.asker], request)
}

func (r *recorder) of(asker string) []string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return append([]string(nil), r.requests[asker]...)
}

// requests is what an asker asked, ports by name.
func (s *server) requests(asker string) []string {
	requests := s.asked.of(asker)
	for at := range requests {
		requests[at] = s.mask(requests[at])
	}
	return requests
}

// describe is a request in one line: method, target, host, headers by name, and the name that TLS gave.
func describe(request *http.Request) string {
	var lines []string
	for name, values := range request.Header {
		for _, value := range values {
			lines = append(lines, name+": "+value)
		}
	}
	sort.Strings(lines)
	text := fmt.Sprintf("%s %s, Host: %s", request.Method, request.RequestURI, request.Host)
	if request.TLS != nil {
		text += ", SNI: " + request.TLS.ServerName
	}
	return strings.Join(append([]string{text}, lines...), ", ")
}

// step is one thing a raw server does with a connection; false ends it.
type step func(s *server, conn net.Conn) bool

func say(text string) step {
	return func(_ *server, conn net.Conn) bool {
		_, err := io.WriteString(conn, text)
		return err == nil
	}
}

func pause(length time.Duration) step {
	return func(s *server, _ net.Conn) bool {
		select {
		case <-s.ctx.Done():
			return false
		case <-time.After(length):
			return true
		}
	}
}

// drip says a text in small pieces.
func drip(text string, size int, every time.Duration) step {
	return func(s *server, conn net.Conn) bool {
		for at := 0; at < len(text); at += size {
			if !say(text[at:min(at+size, len(text))])(s, conn) || !pause(every)(s, conn) {
				return false
			}
		}
		return true
	}
}

// repeat says a text until nobody listens any more.
func repeat(text string, every time.Duration) step {
	return func(s *server, conn net.Conn) bool {
		for say(text)(s, conn) && pause(every)(s, conn) {
		}
		return false
	}
}

// hold does nothing until the asker leaves or the row ends.
func hold(s *server, conn net.Conn) bool {
	io.Copy(io.Discard, conn)
	return false
}

// reset ends the connection without a word, by RST.
func reset(_ *server, conn net.Conn) bool {
	conn.(*net.TCPConn).SetLinger(0)
	return false
}

// raw is a server that reads a request and then does these steps.
func raw(steps ...step) start {
	return func() *server {
		s := newServer()
		s.accept(s.listen("main"), func(conn net.Conn) {
			request, err := http.ReadRequest(bufio.NewReader(conn))
			if err == nil {
				s.asked.add(describe(request))
			}
			s.run(conn, steps)
		})
		return s
	}
}

// mute is a server that does these steps without reading a request.
func mute(steps ...step) start {
	return func() *server {
		s := newServer()
		s.accept(s.listen("main"), func(conn net.Conn) { s.run(conn, steps) })
		return s
	}
}

func (s *server) run(conn net.Conn, steps []step) {
	for _, step := range steps {
		if !step(s, conn) {
			return
		}
	}
}

// accept hands each connection to a goroutine; whoever is connected when the row ends is cut off.
func (s *server) accept(listener net.Listener, talk func(net.Conn)) {
	s.busy.Add(1)
	go func() {
		defer s.busy.Done()
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.busy.Add(1)
			done := make(chan struct{})
			go func() {
				defer s.busy.Done()
				defer close(done)
				defer conn.Close()
				talk(conn)
			}()
			go func() {
				select {
				case <-s.ctx.Done():
					conn.Close()
				case <-done:
				}
			}()
		}
	}()
}
