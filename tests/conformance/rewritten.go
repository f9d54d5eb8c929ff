// Probes that a cluster's policies rewrote, beside the blocks they came from: the kubelet asks by the block and resolves a
// port's name itself, exec-probe by the command, word by word as it stands in the pod. Each is asked of a server that is
// well, of one that is sick, and of none. The requests have to be the same.

package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"log"
	"net/http"
	"os"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	v1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/probe"
	kubegrpc "k8s.io/kubernetes/pkg/probe/grpc"
	kubehttp "k8s.io/kubernetes/pkg/probe/http"
	kubetcp "k8s.io/kubernetes/pkg/probe/tcp"
	"k8s.io/kubernetes/third_party/forked/golang/expansion"
)

// rewritten is a probe of a container before, and its command after.
type rewritten struct {
	Name      string
	Container v1.Container
	Probe     v1.Probe
	Command   []string
}

// What the pod's address is to the kubelet. By this name, both send the same Host.
const podIP = "localhost"

// The kubelet puts variables in place of $(NAME), in commands alone. None of these is to show.
var variables = map[string]string{"HOME": "expanded", "PATH": "expanded", "A": "expanded"}

func (r rewritten) probeAsKubelet(int) (probe.Result, string, error) {
	switch {
	case r.Probe.HTTPGet != nil:
		request, err := kubehttp.NewRequestForHTTPGetAction(r.Probe.HTTPGet, &r.Container, podIP, "probe")
		if err != nil {
			return probe.Unknown, "", err
		}
		return kubehttp.New(false).Probe(request, kubeletTimeout)
	case r.Probe.TCPSocket != nil:
		port, err := probe.ResolveContainerPort(r.Probe.TCPSocket.Port, &r.Container)
		if err != nil {
			return probe.Unknown, "", err
		}
		return kubetcp.New().Probe(podIP, port, kubeletTimeout)
	}
	service := ""
	if r.Probe.GRPC.Service != nil {
		service = *r.Probe.GRPC.Service
	}
	return kubegrpc.New().Probe(podIP, service, int(r.Probe.GRPC.Port), kubeletTimeout)
}

func (r rewritten) arguments(int) []string {
	words := []string{}
	for _, word := range r.Command[1:] {
		words = append(words, expansion.Expand(word, expansion.MappingFuncFor(variables)))
	}
	return words
}

func (r rewritten) port() int {
	if r.Probe.GRPC != nil {
		return int(r.Probe.GRPC.Port)
	}
	named := &v1.TCPSocketAction{}
	if r.Probe.HTTPGet != nil {
		named.Port = r.Probe.HTTPGet.Port
	} else {
		named = r.Probe.TCPSocket
	}
	port, err := probe.ResolveContainerPort(named.Port, &r.Container)
	if err != nil {
		log.Fatalf("%s: %s", r.Name, err)
	}
	return port
}

// server is one for this probe, well or sick.
func (r rewritten) server(isWell bool) start {
	code, serving := 200, healthpb.HealthCheckResponse_SERVING
	if !isWell {
		code, serving = 503, healthpb.HealthCheckResponse_NOT_SERVING
	}
	switch {
	case r.Probe.GRPC != nil:
		return checks(func(context.Context) (*healthpb.HealthCheckResponse, error) {
			return &healthpb.HealthCheckResponse{Status: serving}, nil
		})
	case r.Probe.HTTPGet != nil && r.Probe.HTTPGet.Scheme == v1.URISchemeHTTPS:
		return func() *server {
			s := newServer()
			answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
			s.serveHTTP(tls.NewListener(s.listen("main"), tlsConfig(certificate{})), answer)
			return s
		}
	}
	return status(code)
}

// rows is the probe in three states. An accepted connection is all that tcpSocket can know.
func (r rewritten) rows() []row {
	sick, gone := failure, both(failure)
	if r.Probe.TCPSocket != nil {
		sick = success
	}
	if r.Probe.GRPC != nil {
		gone = both(failure, grpcAtOnce)
	}
	return []row{
		{r.Name + ": well", r.server(true), r, both(success)},
		{r.Name + ": sick", r.server(false), r, both(sick)},
		{r.Name + ": gone", nobody, r, gone},
	}
}

// askRewritten runs the probes of a file one by one: their commands name the ports.
func askRewritten(file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		log.Fatal(err)
	}
	var probes []rewritten
	if err := json.Unmarshal(text, &probes); err != nil {
		log.Fatal(err)
	}
	count, failed := 0, 0
	for _, one := range probes {
		mainPort = one.port()
		for _, row := range one.rows() {
			failed += report(row, row.run())
			count++
		}
	}
	if count == 0 {
		log.Fatalf("no probes in %s", file)
	}
	end(count, failed)
}
