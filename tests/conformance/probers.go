// The two who ask: the kubelet's probers, and exec-probe as the kubelet runs it.

package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	// As in the kubelet, where its tracing brings it along.
	_ "google.golang.org/grpc/encoding/gzip"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/kubernetes/pkg/probe"
	kubeexec "k8s.io/kubernetes/pkg/probe/exec"
	kubegrpc "k8s.io/kubernetes/pkg/probe/grpc"
	kubehttp "k8s.io/kubernetes/pkg/probe/http"
	kubetcp "k8s.io/kubernetes/pkg/probe/tcp"
	"k8s.io/utils/exec"
)

// A probe of timeoutSeconds 1, and the --timeout that the README advises for it.
const (
	kubeletTimeout = time.Second
	ourTimeout     = 900 * time.Millisecond
)

// asked is what a row asks, by both.
type asked interface {
	probeAsKubelet(port int) (probe.Result, string, error)
	arguments(port int) []string
}

// question is one probe, as a manifest's httpGet, tcpSocket or grpc block states it.
type question struct {
	handler string // http, https, tcp or grpc
	host    string
	method  string
	path    string
	headers []string // Name: value
	service string
}

func get(path string, headers ...string) question {
	return question{handler: "http", host: "127.0.0.1", method: "GET", path: path, headers: headers}
}

func getTLS(path string, headers ...string) question {
	asked := get(path, headers...)
	asked.handler = "https"
	return asked
}

func send(method, path string) question {
	asked := get(path)
	asked.method = method
	return asked
}

func connect() question { return question{handler: "tcp", host: "127.0.0.1"} }

func check(service string) question {
	return question{handler: "grpc", host: "127.0.0.1", service: service}
}

func (q question) at(host string) question {
	q.host = host
	return q
}

// verdict is what the kubelet makes of a probe.
type verdict string

const (
	success verdict = "success"
	failure verdict = "failure"
	// errored: the kubelet throws the result away, so that the probe neither passes nor fails (prober/worker.go).
	errored verdict = "error"
	// hangs: the kubelet's prober does not come back, long after its time-out.
	hangs verdict = "hangs"
	// usage: exec-probe refuses the command line, exit 64. The kubelet takes it for a failure, and shows why.
	usage verdict = "usage"
	// defect: exec-probe ended in a way that it never should.
	defect verdict = "DEFECT"
)

// answer is one prober's verdict with its message, and whether its time-out was used up.
type answer struct {
	verdict verdict
	message string
	waited  bool
}

// askKubelet lets the kubelet's own prober ask. It waits for twice the time-out.
func askKubelet(q asked, port int) answer {
	answers := make(chan answer, 1)
	go func() { answers <- answerOfKubelet(q, port) }()
	select {
	case given := <-answers:
		return given
	case <-time.After(2 * kubeletTimeout):
		return answer{hangs, "", true}
	}
}

func answerOfKubelet(q asked, port int) answer {
	began := time.Now()
	result, message, err := q.probeAsKubelet(port)
	given := answer{message: message, waited: time.Since(began) >= kubeletTimeout*95/100}
	switch {
	case err != nil:
		given.verdict, given.message = errored, err.Error()
	case result == probe.Success || result == probe.Warning:
		given.verdict = success
	case result == probe.Failure:
		given.verdict = failure
	default:
		given.verdict, given.message = errored, string(result)
	}
	return given
}

func (q question) probeAsKubelet(port int) (probe.Result, string, error) {
	switch q.handler {
	case "tcp":
		return kubetcp.New().Probe(q.host, port, kubeletTimeout)
	case "grpc":
		return kubegrpc.New().Probe(q.host, q.service, port, kubeletTimeout)
	}
	action := &v1.HTTPGetAction{
		Host:   q.host,
		Port:   intstr.FromInt32(int32(port)),
		Path:   q.path,
		Scheme: v1.URIScheme(strings.ToUpper(q.handler)),
	}
	for _, header := range q.headers {
		name, value, _ := strings.Cut(header, ":")
		action.HTTPHeaders = append(action.HTTPHeaders, v1.HTTPHeader{Name: name, Value: strings.TrimPrefix(value, " ")})
	}
	request, err := kubehttp.NewRequestForHTTPGetAction(action, nil, "", "probe")
	if err != nil {
		return probe.Unknown, "", err
	}
	if q.method == "GET" {
		return kubehttp.New(false).Probe(request, kubeletTimeout)
	}
	// The kubelet only GETs. For other methods Go's client is asked, set up as the kubelet's, with its redirect rule.
	request.Method = q.method
	return kubehttp.DoHTTPProbe(request, &http.Client{
		Timeout:       kubeletTimeout,
		CheckRedirect: kubehttp.RedirectChecker(false),
		Transport: &http.Transport{
			TLSClientConfig:    &tls.Config{InsecureSkipVerify: true},
			DisableKeepAlives:  true,
			DisableCompression: true,
		},
	})
}

// askExecProbe runs exec-probe through the kubelet's prober for exec.
func askExecProbe(q asked, port int) answer {
	// Longer than its own limit: one that outlives it is found by the time it took.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	command := &watched{Cmd: exec.New().CommandContext(ctx, os.Getenv("EXEC_PROBE"), q.arguments(port)...)}
	command.SetEnv([]string{})
	began := time.Now()
	result, message, err := kubeexec.New().Probe(command)
	took := time.Since(began)
	given := answer{message: message, waited: took >= ourTimeout*95/100}
	switch {
	case err != nil:
		given.verdict, given.message = defect, err.Error()
	case took > ourTimeout+time.Second:
		given.verdict, given.message = defect, fmt.Sprintf("took %s: %s", took, message)
	case result == probe.Success && command.exit == 0:
		given.verdict = success
	case result == probe.Failure && command.exit == 1:
		given.verdict = failure
	case result == probe.Failure && command.exit == 64:
		given.verdict = usage
	default:
		given.verdict, given.message = defect, fmt.Sprintf("exit %d: %s", command.exit, message)
	}
	return given
}

// arguments is exec-probe's command line for the same question, written as the README says.
func (q question) arguments(port int) []string {
	place := q.host + ":" + strconv.Itoa(port)
	args := []string{q.handler, "--timeout=" + ourTimeout.String()}
	switch q.handler {
	case "tcp":
	case "grpc":
		if q.service != "" {
			args = append(args, "--service="+q.service)
		}
	default:
		args[0] = "http"
		if q.method != "GET" {
			args = append(args, "--method="+q.method)
		}
		for _, header := range q.headers {
			args = append(args, "--header="+header)
		}
		place = q.handler + "://" + place + q.path
	}
	return append(args, place)
}

// watched keeps the exit status, which the kubelet's prober for exec drops.
type watched struct {
	exec.Cmd
	exit int
}

func (w *watched) Wait() error {
	err := w.Cmd.Wait()
	if exit, ok := err.(exec.ExitError); ok {
		w.exit = exit.ExitStatus()
	}
	return err
}

var measured = regexp.MustCompile(` \(\d+\.\dms\)`)

// short is a message without what stands before its first colon and space, whom was asked, and without measured times.
func short(message string) string {
	message = strings.TrimSpace(strings.Map(func(char rune) rune { return max(char, ' ') }, message))
	for _, begins := range []string{`Get "`, `Head "`, `Post "`, "http ", "tcp ", "grpc ", "exec-probe "} {
		if !strings.HasPrefix(message, begins) {
			continue
		}
		if _, said, found := strings.Cut(message, ": "); found {
			return measured.ReplaceAllString(said, "")
		}
	}
	return message
}
