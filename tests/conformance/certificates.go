// Certificates of every kind, made as the program runs, and the TLS configurations that show them.

package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"log"
	"math/big"
	"time"
)

// certificate is what a TLS server shows; all that is left out is as it should be, but nobody signs it.
type certificate struct {
	key     crypto.Signer // ECDSA on P-256 if none
	name    string        // localhost if empty
	expired bool
	isCA    bool
	change  func(der []byte) // breaks it
}

// tlsConfig is a server's configuration with such a certificate, for HTTP/1.1.
func tlsConfig(wanted certificate, changes ...func(*tls.Config)) *tls.Config {
	config := &tls.Config{Certificates: []tls.Certificate{wanted.make()}, NextProtos: []string{"http/1.1"}}
	for _, change := range changes {
		change(config)
	}
	return config
}

func (c certificate) make() tls.Certificate {
	key := c.key
	if key == nil {
		key = ecdsaKey(elliptic.P256())
	}
	if c.name == "" {
		c.name = "localhost"
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: c.name},
		DNSNames:              []string{c.name},
		NotBefore:             now.Add(-48 * time.Hour),
		NotAfter:              now.Add(48 * time.Hour),
		BasicConstraintsValid: true,
		IsCA:                  c.isCA,
	}
	if c.expired {
		template.NotAfter = now.Add(-24 * time.Hour)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		log.Fatal(err)
	}
	if c.change != nil {
		c.change(der)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func ecdsaKey(curve elliptic.Curve) crypto.Signer {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	return key
}

func rsaKey(bits int) crypto.Signer {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		log.Fatal(err)
	}
	return key
}

func ed25519Key() crypto.Signer {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	return key
}

// negativeSerial makes a certificate's serial number, 1, a -1, which RFC 5280 forbids.
func negativeSerial(der []byte) {
	version3 := []byte{0xa0, 3, 2, 1, 2, 2, 1, 1}
	der[bytes.Index(der, version3)+len(version3)-1] = 0xff
}
