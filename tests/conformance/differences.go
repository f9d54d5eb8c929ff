// In what exec-probe is not as the kubelet, and why that is accepted or better. The README has the same list; a row of
// its own compares the two, and fails where a difference showed in no other row.

package main

import (
	_ "embed"
	"fmt"
	"strings"
)

// kind is where two probers can differ; a set of them.
type kind int

const (
	inVerdict  kind = 1 << iota
	inRequests      // what the server is asked
	inTime          // one uses its time-out up, the other does not
)

func (k kind) String() string {
	var names []string
	for at, name := range []string{"verdict", "requests", "time"} {
		if k&(1<<at) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// difference is one such way, where it can show, and its reason.
type difference struct {
	title string
	kind  kind
	why   string
}

// accepted is the list as the README has it.
var accepted []*difference

func accept(title string, kind kind, why string) *difference {
	one := &difference{title, kind, why}
	accepted = append(accepted, one)
	return one
}

var (
	atHeaders = accept("The body does not count", inVerdict|inRequests|inTime,
		"the kubelet reads up to 10 KiB of it, and throws the result away where a body is endless, stalls or breaks off: "+
			"such a server is neither well nor sick. exec-probe has its verdict at the end of the headers.")
	headerLimits = accept("64 KiB and 128 lines of headers", inVerdict,
		"more is a failure that says so; the kubelet takes 10 MiB. Memory stays small whatever a server sends.")
	grammar = accept("Answers that break HTTP's grammar", inVerdict,
		"Go and exec-probe are lenient in different places: an empty line before the answer, HTTP versions that do not "+
			"exist. RFC 9112 lets no server send them.")
	http1 = accept("HTTP/1.1 first", inRequests,
		"over TLS the kubelet speaks HTTP/2 where a server offers it. exec-probe does only where a server takes nothing "+
			"else.")
	nowhere = accept("Redirects that lead nowhere", inVerdict,
		"a Location of another scheme, or without a host, is a failure; to the kubelet it is another host, and so well.")
	sameName = accept("Host names are names", inVerdict|inRequests,
		"a redirect from localhost to LOCALHOST or localhost. stays on the host and is followed; the kubelet compares "+
			"letters.")
	setHost = accept("A set Host and a Location without a scheme", inRequests,
		"//host/path names a host, which is sent; Go takes it for relative and keeps the Host that was set.")
	query = accept("The query is encoded too", inVerdict|inRequests,
		"blanks, quotes, angle brackets and letters beyond ASCII; the kubelet sends them as they are, and servers may "+
			"refuse.")
	refused = accept("Headers that a probe can't mean", inVerdict|inRequests,
		"an empty or second Host, Content-Length, Transfer-Encoding, Expect, Upgrade, TE: exit 64 tells at once; the "+
			"kubelet drops some of them and sends the others.")
	ownHeaders = accept("User-Agent, Accept and Connection as given", inRequests,
		"the kubelet sends the first User-Agent alone, no Accept where the first one is empty, and Connection: close "+
			"besides.")
	ownName = accept("User-Agent", inRequests, "each gives its own name.")
	referer = accept("No Referer", inRequests,
		"Go's client tells the next server where a redirect came from; exec-probe keeps it to itself.")
	anotherLook = accept("Another look", inRequests,
		"a server on loopback that ends the connection without a byte gets up to four short questions more, so that the "+
			"failure can say whether it speaks TLS or HTTP/2 or wants the PROXY protocol. The verdict stays.")
	unread = accept("An unverified certificate is not read", inVerdict|inRequests,
		"Go refuses one that it can't parse, also where it verifies nothing.")
	oldTLS = accept("Old and rare TLS", inVerdict|inRequests,
		"no CBC, no P-521, no RSA below 2048 bits: rustls with ring has none of them.")
	grpcAtOnce = accept("gRPC failures at once", inTime,
		"a closed port, or a server of another protocol, is told when it is seen; the kubelet tries until its time-out.")
	grpcLimits = accept("4 KiB of gRPC message, 16 KiB of metadata", inVerdict,
		"an answer has two bytes; what is much larger is no health check's.")
	noCompression = accept("No compressed gRPC", inVerdict|inRequests,
		"the kubelet offers gzip and reads it, as its tracing brings it along. exec-probe offers nothing, since an answer "+
			"has two bytes: whoever compresses it all the same is a failure.")
	oneStatus = accept("A gRPC status is one, and digits", inVerdict,
		"of two that a call ends with, the one that is not OK counts, and +0 is none; grpc-go takes the last, and a sign.")
	grpcTimeout = accept("No grpc-timeout", inRequests,
		"the kubelet tells the server how long it waits; exec-probe's leaving says the same.")
)

//go:embed README.md
var readme string

// list is what stands in the README between its two marks.
func list() string {
	var text strings.Builder
	for _, one := range accepted {
		line := "-"
		for word := range strings.FieldsSeq(fmt.Sprintf("**%s** (%s): %s", one.title, one.kind, one.why)) {
			if len(line)+1+len(word) > 120 {
				text.WriteString(line + "\n")
				line = " "
			}
			line += " " + word
		}
		text.WriteString(line + "\n")
	}
	return text.String()
}

// bookkeeping says which accepted difference no row showed, and whether the README has them all.
func bookkeeping(shown map[*difference]bool) []string {
	var wrong []string
	for _, one := range accepted {
		if !shown[one] {
			wrong = append(wrong, "no row shows: "+one.title)
		}
	}
	_, rest, _ := strings.Cut(readme, "<!-- differences -->\n")
	if text, _, _ := strings.Cut(rest, "<!-- end -->"); text != list() {
		wrong = append(wrong, "it is not what -differences prints")
	}
	return wrong
}
