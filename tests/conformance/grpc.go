// gRPC servers: grpc-go with its own health service, or with one that answers as a row says.

package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"sort"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
)

// checker is a health service with one answer to everything.
type checker func(ctx context.Context) (*healthpb.HealthCheckResponse, error)

type checkerServer struct {
	healthpb.UnimplementedHealthServer
	check checker
}

func (s checkerServer) Check(
	ctx context.Context, _ *healthpb.HealthCheckRequest,
) (*healthpb.HealthCheckResponse, error) {
	return s.check(ctx)
}

func checks(answers checker) start {
	return grpcServer(func(server *grpc.Server) { healthpb.RegisterHealthServer(server, checkerServer{check: answers}) })
}

// healthServer is grpc-go's own health service: the server and `good` serve, `bad` does not.
func healthServer() start {
	return grpcServer(func(server *grpc.Server) {
		service := health.NewServer()
		service.SetServingStatus("good", healthpb.HealthCheckResponse_SERVING)
		service.SetServingStatus("bad", healthpb.HealthCheckResponse_NOT_SERVING)
		healthpb.RegisterHealthServer(server, service)
	})
}

// grpcServer is a gRPC server with what is registered.
func grpcServer(register func(*grpc.Server), options ...grpc.ServerOption) start {
	return func() *server {
		s := newServer()
		server := grpc.NewServer(append(options, grpc.UnaryInterceptor(s.recordCall))...)
		register(server)
		listener := s.listen("main")
		s.ends = append(s.ends, server.Stop)
		go server.Serve(listener)
		return s
	}
}

// sends is an HTTP/2 server that sends this as its answer to every call, with status OK after it. A header without a
// value is left out.
func sends(contentType, encoding, answer string) start {
	return ends(contentType, encoding, answer, "0")
}

// ends is sends with the statuses that the trailers end the call by.
func ends(contentType, encoding, answer string, statuses ...string) start {
	return http2Only(func(w http.ResponseWriter, _ *http.Request) {
		// Go adds a content type of its own where the header is not there at all.
		w.Header()["Content-Type"] = nil
		if contentType != "" {
			w.Header().Set("Content-Type", contentType)
		}
		if encoding != "" {
			w.Header().Set("Grpc-Encoding", encoding)
		}
		io.WriteString(w, answer)
		w.Header()[http.TrailerPrefix+"Grpc-Status"] = statuses
	})
}

// message is gRPC's frame around a message that is not compressed.
func message(text string) string {
	return string(append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(text))), text...))
}

// compressed is gRPC's frame around a message in gzip.
func compressed(text string) string {
	var small bytes.Buffer
	writer := gzip.NewWriter(&small)
	io.WriteString(writer, text)
	writer.Close()
	return "\x01" + message(small.String())[1:]
}

// recordCall notes a call in one line: method, whether the client named a deadline, service, metadata by name.
func (s *server) recordCall(
	ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler,
) (any, error) {
	got, _ := metadata.FromIncomingContext(ctx)
	var lines []string
	for name, values := range got {
		for _, value := range values {
			lines = append(lines, name+": "+value)
		}
	}
	sort.Strings(lines)
	text := fmt.Sprintf("%s, service: %q", info.FullMethod, request.(*healthpb.HealthCheckRequest).Service)
	if _, limited := ctx.Deadline(); limited {
		text += ", deadline: true"
	}
	s.asked.add(strings.Join(append([]string{text}, lines...), ", "))
	return handler(ctx, request)
}
