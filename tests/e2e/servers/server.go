// Go's net/http: with TLS, and in plain with HTTP/2 alone.
//
//	go-server CERTIFICATE KEY TLS-PORT HTTP2-PORT
package main

import (
	"log"
	"net/http"
	"os"
)

func main() {
	certificate, key := os.Args[1], os.Args[2]
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("well")) })
	http2 := &http.Server{Addr: "127.0.0.1:" + os.Args[4], Protocols: &http.Protocols{}}
	http2.Protocols.SetUnencryptedHTTP2(true)
	go func() { log.Fatal(http2.ListenAndServe()) }()
	log.Fatal(http.ListenAndServeTLS("127.0.0.1:"+os.Args[3], certificate, key, nil))
}
