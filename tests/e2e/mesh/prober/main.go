// Asks as the kubelet asks, by its own packages: reads probes as JSON, runs all of them at once, prints what each found.
//
//	prober TIMEOUT < probes > answers
//
// It asks from where it runs: httpGet, tcpSocket and grpc from the node's network, exec inside the pod's.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/kubernetes/pkg/probe"
	kubeexec "k8s.io/kubernetes/pkg/probe/exec"
	kubegrpc "k8s.io/kubernetes/pkg/probe/grpc"
	kubehttp "k8s.io/kubernetes/pkg/probe/http"
	kubetcp "k8s.io/kubernetes/pkg/probe/tcp"
	"k8s.io/utils/exec"
)

type question struct {
	// http, https, tcp, grpc or exec
	Handler string   `json:"handler"`
	Host    string   `json:"host"`
	Port    int      `json:"port"`
	Path    string   `json:"path"`
	Headers []header `json:"headers"`
	Service string   `json:"service"`
	Command []string `json:"command"`
}

type header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type answer struct {
	// success, failure, or unknown: the kubelet then acts as if it had not asked
	Result  string `json:"result"`
	Message string `json:"message"`
}

func (q question) ask(timeout time.Duration) (probe.Result, string, error) {
	switch q.Handler {
	case "tcp":
		return kubetcp.New().Probe(q.Host, q.Port, timeout)
	case "grpc":
		return kubegrpc.New().Probe(q.Host, q.Service, q.Port, timeout)
	case "exec":
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		command := exec.New().CommandContext(ctx, q.Command[0], q.Command[1:]...)
		command.SetEnv([]string{})
		return kubeexec.New().Probe(command)
	case "http", "https":
		action := &v1.HTTPGetAction{
			Host:   q.Host,
			Port:   intstr.FromInt32(int32(q.Port)),
			Path:   q.Path,
			Scheme: v1.URIScheme(strings.ToUpper(q.Handler)),
		}
		for _, line := range q.Headers {
			action.HTTPHeaders = append(action.HTTPHeaders, v1.HTTPHeader{Name: line.Name, Value: line.Value})
		}
		request, err := kubehttp.NewRequestForHTTPGetAction(action, nil, "", "probe")
		if err != nil {
			return probe.Unknown, "", err
		}
		return kubehttp.New(false).Probe(request, timeout)
	}
	return probe.Unknown, "", fmt.Errorf("no handler %q", q.Handler)
}

func (q question) answer(timeout time.Duration) answer {
	result, message, err := q.ask(timeout)
	switch {
	case err != nil:
		return answer{"unknown", err.Error()}
	case result == probe.Warning:
		// A redirect to another host: the kubelet takes it for success.
		return answer{"success", message}
	}
	return answer{string(result), message}
}

func run() error {
	timeout, err := time.ParseDuration(os.Args[1])
	if err != nil {
		return err
	}
	var questions []question
	if err := json.NewDecoder(os.Stdin).Decode(&questions); err != nil {
		return err
	}
	answers := make([]answer, len(questions))
	var asking sync.WaitGroup
	for number, asked := range questions {
		asking.Go(func() { answers[number] = asked.answer(timeout) })
	}
	asking.Wait()
	return json.NewEncoder(os.Stdout).Encode(answers)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
