// Kubernetes' own probers and exec-probe, side by side, against the same servers. The kubelet's httpGet, tcpSocket and
// grpc are k8s.io/kubernetes/pkg/probe, compiled in; exec-probe is the binary that EXEC_PROBE names, run by the
// kubelet's prober for exec.
//
//	conformance               the table; the last line is "N passed, M failed"
//	conformance -run TEXT     only the rows with TEXT in their name
//	conformance -differences  the README's list of accepted differences
//	conformance -rewritten FILE  not the table, but probes that a cluster rewrote: rewritten.go
//
// A row fails where a verdict is not the one that it states, where the verdicts, the requests or the waiting differ and
// no accepted difference says so, and where one that it names does not show.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"regexp"
	"slices"
	"strings"
)

// atOnce is how many rows run at a time: those that take long wait, and leave even two cores idle.
const atOnce = 8

// seen is what came of a row.
type seen struct {
	kubelet, ours answer
	differ        kind
	shown         []*difference // the accepted differences that did show
	wrong         []string
}

func main() {
	log.SetFlags(0)
	only := flag.String("run", "", "only the rows with this in their name")
	differences := flag.Bool("differences", false, "print the README's list of accepted differences")
	commands := flag.String("rewritten", "", "a file of probes that a cluster rewrote, to be asked instead of the table")
	flag.Parse()
	if *differences {
		fmt.Print(list())
		return
	}
	if os.Getenv("EXEC_PROBE") == "" {
		log.Fatal("EXEC_PROBE is to name the binary")
	}
	if *commands != "" {
		askRewritten(*commands)
		return
	}
	rows := slices.DeleteFunc(table(), func(row row) bool { return !strings.Contains(row.name, *only) })
	printLine("", "", "kubelet", "exec-probe", "the kubelet says", "exec-probe says")
	shown := map[*difference]bool{}
	failed := 0
	for at, result := range run(rows) {
		got := <-result
		for _, one := range got.shown {
			shown[one] = true
		}
		failed += report(rows[at], got)
	}
	if *only == "" {
		list := row{name: "the README's list of accepted differences"}
		rows = append(rows, list)
		failed += report(list, seen{wrong: bookkeeping(shown)})
	}
	end(len(rows), failed)
}

// end prints the last line.
func end(rows, failed int) {
	fmt.Printf("%d passed, %d failed\n", rows-failed, failed)
	if failed > 0 {
		os.Exit(1)
	}
}

// run asks all rows, some at once, and gives the results in the table's order.
func run(rows []row) []chan seen {
	results := make([]chan seen, len(rows))
	for at := range results {
		results[at] = make(chan seen, 1)
	}
	turns := make(chan struct{}, atOnce)
	go func() {
		for at := range rows {
			turns <- struct{}{}
			go func() {
				results[at] <- rows[at].run()
				<-turns
			}()
		}
	}()
	return results
}

// run lets the kubelet's prober ask the row's server, and then exec-probe.
func (r row) run() seen {
	server := r.server()
	defer server.close()
	port := server.places["main"]
	server.asked.turn("kubelet")
	got := seen{kubelet: askKubelet(r.asked, port)}
	server.asked.turn("exec-probe")
	got.ours = askExecProbe(r.asked, port)

	for _, answer := range []*answer{&got.kubelet, &got.ours} {
		answer.message = server.mask(answer.message)
	}
	kubelets, ours, always := compared(server.requests("kubelet"), server.requests("exec-probe"))
	if got.kubelet.verdict != got.ours.verdict {
		got.differ |= inVerdict
	}
	if !slices.Equal(kubelets, ours) {
		got.differ |= inRequests
	}
	if got.kubelet.waited != got.ours.waited {
		got.differ |= inTime
	}
	got.shown = always
	r.judge(&got)
	if len(got.wrong) > 0 {
		got.wrong = append(got.wrong, "the kubelet said: "+got.kubelet.message, "exec-probe said: "+got.ours.message)
	}
	if len(got.wrong) > 0 && got.differ&inRequests != 0 {
		got.wrong = append(got.wrong,
			fmt.Sprintf("the kubelet asked: %q", kubelets), fmt.Sprintf("exec-probe asked: %q", ours))
	}
	return got
}

// judge says what is not as the row has it.
func (r row) judge(got *seen) {
	wrong := func(format string, args ...any) { got.wrong = append(got.wrong, fmt.Sprintf(format, args...)) }
	if got.kubelet.verdict != r.wanted.kubelet {
		wrong("the kubelet's verdict is %s, wanted %s", got.kubelet.verdict, r.wanted.kubelet)
	}
	if got.ours.verdict != r.wanted.ours {
		wrong("exec-probe's verdict is %s, wanted %s", got.ours.verdict, r.wanted.ours)
	}
	unexplained := got.differ
	for _, one := range r.wanted.because {
		if got.differ&one.kind == 0 {
			wrong("this accepted difference does not show: %s", one.title)
			continue
		}
		unexplained &^= one.kind
		got.shown = append(got.shown, one)
	}
	if unexplained != 0 {
		wrong("a difference without a reason: %s", unexplained)
	}
}

var (
	nameSent     = regexp.MustCompile(`(?i)(user-agent): (?:kube-probe|exec-probe)/[^,]*`)
	refererSent  = regexp.MustCompile(`, Referer: [^,]*`)
	encodingSent = regexp.MustCompile(`(?i), grpc-accept-encoding: gzip`)
	timeoutSent  = regexp.MustCompile(`, Grpc-Timeout: [^,]*`)
	deadlineSeen = regexp.MustCompile(`, deadline: true`)
)

// compared leaves out of the requests in what they differ everywhere, and says what that was.
func compared(kubelets, ours []string) ([]string, []string, []*difference) {
	var always []*difference
	replace := func(requests []string, what *regexp.Regexp, by string, why *difference) {
		for at, request := range requests {
			if what.MatchString(request) {
				requests[at] = what.ReplaceAllString(request, by)
				always = append(always, why)
			}
		}
	}
	replace(kubelets, nameSent, "$1: NAME", ownName)
	replace(ours, nameSent, "$1: NAME", ownName)
	// Of the kubelet's alone: should exec-probe send them, it is to show.
	replace(kubelets, refererSent, "", referer)
	replace(kubelets, encodingSent, "", noCompression)
	replace(kubelets, timeoutSent, "", grpcTimeout)
	replace(kubelets, deadlineSeen, "", grpcTimeout)
	return kubelets, ours, always
}

// report prints a row, why it may differ, and what is wrong with it. Returns 1 if that is anything.
func report(row row, got seen) int {
	mark := "ok"
	if len(got.wrong) > 0 {
		mark = "FAIL"
	}
	printLine(mark, row.name, string(got.kubelet.verdict), string(got.ours.verdict),
		cut(short(got.kubelet.message), 50), cut(short(got.ours.message), 80))
	for _, one := range row.wanted.because {
		fmt.Printf("       %s (%s)\n", one.title, one.kind&got.differ)
	}
	for _, one := range got.wrong {
		fmt.Printf("     ! %s\n", strings.TrimSpace(one))
	}
	return min(len(got.wrong), 1)
}

func printLine(mark, name, kubelet, ours, kubeletSays, weSay string) {
	line := fmt.Sprintf("%-4s %-52s %-8s %-10s  %-50s  %s", mark, name, kubelet, ours, kubeletSays, weSay)
	fmt.Println(strings.TrimRight(line, " "))
}

func cut(text string, most int) string {
	if chars := []rune(text); len(chars) > most {
		return string(chars[:most-1]) + "…"
	}
	return text
}
