// Rows: https, tcp and grpc.

package main

import (
	"context"
	"crypto/elliptic"
	"crypto/tls"
	"io"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	grpcstatus "google.golang.org/grpc/status"
)

func https() []row {
	shows := func(certificate certificate) start { return secure(tlsConfig(certificate)) }
	wantsName := func(config *tls.Config) {
		config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			if hello.ServerName == "" {
				return nil, io.EOF
			}
			return nil, nil
		}
	}
	byName := secure(tlsConfig(certificate{}, wantsName))
	plain, odd := certificate{}, certificate{change: negativeSerial}
	return []row{
		{"that nobody vouches for", shows(plain), getTLS("/well"), both(success)},
		{"that nobody vouches for, 404", shows(plain), getTLS("/"), both(failure)},
		{"of another name", shows(certificate{name: "elsewhere.example"}), getTLS("/well"), both(success)},
		{"that is expired", shows(certificate{expired: true}), getTLS("/well"), both(success)},
		{"of an authority", shows(certificate{isCA: true}), getTLS("/well"), both(success)},
		{"of a serial number below zero", shows(odd), getTLS("/well"), differ(failure, success, unread)},
		{"on localhost", shows(plain), getTLS("/well").at("localhost"), both(success)},
		{"on localhost, Host set", shows(plain), getTLS("/well", "Host: shop.example").at("localhost"), both(success)},
		{"that wants a name, on localhost", byName, getTLS("/well").at("localhost"), both(success)},
		{"that wants a name, on an address", byName, getTLS("/well"), both(failure)},
		{"of a plain server", site(), getTLS("/well"), both(failure)},
		{"asked plainly", shows(plain), get("/well"), both(failure)},
		{"of nobody", nobody, getTLS("/"), both(failure)},
		{"that never answers", mute(hold), getTLS("/well"), both(failure)},
		{"that cuts off", mute(), getTLS("/well"), both(failure)},
		{"that ends without close_notify", rawTLS(say(well)), getTLS("/"), both(success)},
	}
}

func ciphers() []row {
	with := func(certificate certificate, changes ...func(*tls.Config)) start {
		return secure(tlsConfig(certificate, changes...))
	}
	versions := func(least, most uint16) func(*tls.Config) {
		return func(config *tls.Config) { config.MinVersion, config.MaxVersion = least, most }
	}
	suite := func(id uint16) func(*tls.Config) {
		return func(config *tls.Config) { config.CipherSuites, config.MaxVersion = []uint16{id}, tls.VersionTLS12 }
	}
	asks := func(how tls.ClientAuthType) func(*tls.Config) {
		return func(config *tls.Config) { config.ClientAuth = how }
	}
	speaks := func(protocols ...string) func(*tls.Config) {
		return func(config *tls.Config) { config.NextProtos = protocols }
	}
	exchange := func(config *tls.Config) { config.CurvePreferences = []tls.CurveID{tls.CurveP521} }
	any, rsa := certificate{}, certificate{key: rsaKey(2048)}
	rows := []row{}
	add := func(name string, server start, wanted wanted) {
		rows = append(rows, row{name, server, getTLS("/well"), wanted})
	}
	add("TLS 1.3 only", with(any, versions(tls.VersionTLS13, tls.VersionTLS13)), both(success))
	add("TLS 1.2 only", with(any, versions(tls.VersionTLS12, tls.VersionTLS12)), both(success))
	add("TLS 1.1 only", with(any, versions(tls.VersionTLS10, tls.VersionTLS11)), both(failure))
	add("AES-GCM", with(any, suite(tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)), both(success))
	add("ChaCha20", with(any, suite(tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256)), both(success))
	add("CBC only", with(any, suite(tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA)), differ(success, failure, oldTLS))
	add("keys by RSA", with(rsa, suite(tls.TLS_RSA_WITH_AES_128_GCM_SHA256)), both(failure))
	add("keys by P-521", with(any, exchange), differ(success, failure, oldTLS))
	add("a key of P-384", with(certificate{key: ecdsaKey(elliptic.P384())}), both(success))
	add("a key of P-521", with(certificate{key: ecdsaKey(elliptic.P521())}), differ(success, failure, oldTLS))
	add("a key of Ed25519", with(certificate{key: ed25519Key()}), both(success))
	add("a key of RSA", with(rsa), both(success))
	add("a key of RSA, 1024 bits", with(certificate{key: rsaKey(1024)}), differ(success, failure, oldTLS))
	add("a client certificate wanted", with(any, asks(tls.RequestClientCert)), both(success))
	add("a client certificate demanded", with(any, asks(tls.RequireAnyClientCert)), both(failure))
	add("a client certificate demanded, TLS 1.2",
		with(any, asks(tls.RequireAnyClientCert), versions(tls.VersionTLS12, tls.VersionTLS12)), both(failure))
	add("no ALPN", with(any, speaks()), both(success))
	add("another protocol", with(any, speaks("imap")), both(failure))
	add("HTTP/2 and HTTP/1.1", secureHTTP2(true), both(success, http1))
	add("HTTP/2 only", secureHTTP2(false), both(success))
	return rows
}

func tcps() []row {
	return []row{
		{"open", mute(hold), connect(), both(success)},
		{"open, on localhost", mute(hold), connect().at("localhost"), both(success)},
		{"open, not accepted yet", listening, connect(), both(success)},
		{"open, with TLS", secure(tlsConfig(certificate{})), connect(), both(success)},
		{"open, with a greeting", mute(say("220 mail\r\n"), hold), connect(), both(success)},
		{"open, then cut off", mute(), connect(), both(success)},
		{"open, then reset", mute(pause(50*time.Millisecond), reset), connect(), both(success)},
		{"closed", nobody, connect(), both(failure)},
		{"full backlog", fullBacklog, connect(), both(failure)},
	}
}

func grpcs() []row {
	answers := func(change func(context.Context, *healthpb.HealthCheckResponse)) start {
		return checks(func(ctx context.Context) (*healthpb.HealthCheckResponse, error) {
			answer := &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_SERVING}
			change(ctx, answer)
			return answer, nil
		})
	}
	fails := func(code codes.Code) start {
		return checks(func(context.Context) (*healthpb.HealthCheckResponse, error) {
			return nil, grpcstatus.Error(code, "as told")
		})
	}
	is := func(status healthpb.HealthCheckResponse_ServingStatus) start {
		return answers(func(_ context.Context, answer *healthpb.HealthCheckResponse) { answer.Status = status })
	}
	slow := answers(func(context.Context, *healthpb.HealthCheckResponse) { time.Sleep(300 * time.Millisecond) })
	hung := checks(func(ctx context.Context) (*healthpb.HealthCheckResponse, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	long := answers(func(_ context.Context, answer *healthpb.HealthCheckResponse) {
		// Field 15, which nobody knows, of 8 KiB.
		answer.ProtoReflect().SetUnknown([]byte("\x7a\x80\x40" + many("x", 8192)))
	})
	givesUp := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	longMetadata := answers(func(ctx context.Context, _ *healthpb.HealthCheckResponse) {
		grpc.SetHeader(ctx, metadata.Pairs("x-long", many("x", 20<<10)))
	})
	return []row{
		{"SERVING", healthServer(), check(""), both(success)},
		{"SERVING, on localhost", healthServer(), check("").at("localhost"), both(success)},
		{"SERVING, of a service", healthServer(), check("good"), both(success)},
		{"SERVING, after 300 ms", slow, check(""), both(success)},
		{"SERVING, in 8 KiB", long, check(""), differ(success, failure, grpcLimits)},
		{"SERVING, with metadata of 20 KiB", longMetadata, check(""), differ(success, failure, grpcLimits)},
		{"NOT_SERVING, of a service", healthServer(), check("bad"), both(failure)},
		{"NOT_SERVING", is(healthpb.HealthCheckResponse_NOT_SERVING), check(""), both(failure)},
		{"UNKNOWN", is(healthpb.HealthCheckResponse_UNKNOWN), check(""), both(failure)},
		{"SERVICE_UNKNOWN", is(healthpb.HealthCheckResponse_SERVICE_UNKNOWN), check(""), both(failure)},
		{"serving status 42", is(42), check(""), both(failure)},
		{"NOT_FOUND: a service that it does not know", healthServer(), check("nobody"), both(failure)},
		{"UNIMPLEMENTED: no health service", grpcServer(func(*grpc.Server) {}), check(""), both(failure)},
		{"UNAVAILABLE", fails(codes.Unavailable), check(""), both(failure)},
		{"UNAUTHENTICATED", fails(codes.Unauthenticated), check(""), both(failure)},
		{"DEADLINE_EXCEEDED", fails(codes.DeadlineExceeded), check(""), both(failure)},
		{"OK, without an answer", fails(codes.OK), check(""), both(failure)},
		{"hung", hung, check(""), both(failure)},
		{"silent", mute(hold), check(""), both(failure)},
		{"not accepted", fullBacklog, check(""), both(failure)},
		{"closed", nobody, check(""), both(failure, grpcAtOnce)},
		{"cut off", mute(), check(""), both(failure, grpcAtOnce)},
		{"of an HTTP/1.1 server", site(), check(""), both(failure, grpcAtOnce)},
		{"of an HTTP/2 server without gRPC", http2Only(http.NotFound), check(""), both(failure)},
		{"of an HTTP/2 server that says 200", http2Only(empty200), check(""), both(failure)},
		{"of an HTTP/2 server that gives up", http2Only(givesUp), check(""), both(failure)},
		{"of a server with TLS", secureHTTP2(true), check(""), both(failure, grpcAtOnce)},
		{"of an SSH server", mute(say("SSH-2.0-OpenSSH_9.2\r\n"), hold), check(""), both(failure, grpcAtOnce)},
	}
}

func replies() []row {
	serving, sick, small := message("\x08\x01"), message("\x08\x02"), compressed("\x08\x01")
	flag := func(flag string) string { return flag + serving[1:] }
	encoded := func(name, answer string) start { return sends("application/grpc", name, answer) }
	ended := func(statuses ...string) start { return ends("application/grpc", "", serving, statuses...) }
	rows := []row{
		{"gzip named, sent as it is", encoded("gzip", serving), check(""), both(success)},
		{"gzip named, sent as it is, NOT_SERVING", encoded("gzip", sick), check(""), both(failure)},
		{"an unknown encoding named, sent as it is", encoded("br", serving), check(""), both(success)},
		{"identity named, sent as it is", encoded("identity", serving), check(""), both(success)},
		{"in gzip", encoded("gzip", small), check(""), differ(success, failure, noCompression)},
		{"in an unknown encoding", encoded("br", small), check(""), both(failure)},
		{"in an encoding without a name", encoded("", small), check(""), both(failure)},
		{"identity named, said to be compressed", encoded("identity", flag("\x01")), check(""), both(failure)},
		{"a flag that nobody knows", encoded("gzip", flag("\x02")), check(""), both(failure)},
		{"a status of two digits", ended("00"), check(""), both(success)},
		{"a status with a sign", ended("+0"), check(""), differ(success, failure, oneStatus)},
		{"a status that is no number", ended("OK"), check(""), both(failure)},
		{"two statuses, OK first", ended("0", "14"), check(""), both(failure)},
		{"two statuses, OK last", ended("14", "0"), check(""), differ(success, failure, oneStatus)},
	}
	for _, one := range []struct {
		contentType string
		same        verdict
	}{
		{"application/grpc", success},
		{"application/grpc+proto", success},
		{"application/grpc+json", success},
		{"application/grpc+", success},
		{"application/grpc;charset=utf-8", success},
		{"application/grpc; charset=utf-8", success},
		{"application/grpc ; charset=utf-8", failure},
		{"Application/gRPC", failure},
		{"application/grpc-web", failure},
		{"application/grpc-web+proto", failure},
		{"application/grpcx", failure},
		{"application/grp", failure},
		{"", failure},
	} {
		name := "of the type " + strconv.Quote(one.contentType)
		rows = append(rows, row{name, sends(one.contentType, "", serving), check(""), both(one.same)})
	}
	return rows
}
