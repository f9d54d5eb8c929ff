// The application of examples/kubernetes/grpc-tls.yaml: a gRPC server that wants a client's certificate.
//
//	grpc-application CONTROL TLS PORT
//
// TLS holds tls.crt, tls.key and, for clients, ca.crt; where it is empty, the server speaks without TLS. Only a bearer of the token in CONTROL/token may ask for the service
// orders.v1; it is SERVING unless a file CONTROL/orders.v1 holds another status.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log"
	"net"
	"os"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const service = "orders.v1"

type health struct {
	grpc_health_v1.UnimplementedHealthServer
	control string
}

// Check refuses whoever asks without the token: for the whole server as well, as an interceptor in front of it would.
func (server health) Check(
	ctx context.Context, request *grpc_health_v1.HealthCheckRequest,
) (*grpc_health_v1.HealthCheckResponse, error) {
	token, err := os.ReadFile(server.control + "/token")
	if err != nil {
		return nil, status.Error(codes.Internal, "no token to compare with")
	}
	values := metadata.ValueFromIncomingContext(ctx, "authorization")
	if len(values) != 1 || values[0] != "Bearer "+strings.TrimSpace(string(token)) {
		return nil, status.Error(codes.Unauthenticated, "wanted a bearer token")
	}
	if request.GetService() != service {
		return nil, status.Error(codes.NotFound, "unknown service")
	}
	answer := &grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_SERVING}
	if set, err := os.ReadFile(server.control + "/" + service); err == nil {
		name := strings.TrimSpace(string(set))
		answer.Status = grpc_health_v1.HealthCheckResponse_ServingStatus(
			grpc_health_v1.HealthCheckResponse_ServingStatus_value[name])
	}
	return answer, nil
}

func main() {
	control, folder, port := os.Args[1], os.Args[2], os.Args[3]
	listener, err := net.Listen("tcp", ":"+port)
	if err != nil {
		log.Fatal(err)
	}
	var options []grpc.ServerOption
	if folder != "" {
		options = append(options, grpc.Creds(credentials.NewTLS(mutual(folder))))
	}
	server := grpc.NewServer(options...)
	grpc_health_v1.RegisterHealthServer(server, health{control: control})
	log.Fatal(server.Serve(listener))
}

// mutual wants a certificate of the client's.
func mutual(folder string) *tls.Config {
	certificate, err := tls.LoadX509KeyPair(folder+"/tls.crt", folder+"/tls.key")
	if err != nil {
		log.Fatal(err)
	}
	authority, err := os.ReadFile(folder + "/ca.crt")
	if err != nil {
		log.Fatal(err)
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(authority)
	return &tls.Config{
		Certificates: []tls.Certificate{certificate},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    clients,
	}
}
