// Node's https; its http2 with TLS, and in plain, where it speaks nothing but HTTP/2.
//
//     node server.js CERTIFICATE KEY HTTPS-PORT HTTP2-TLS-PORT HTTP2-PORT
const { readFileSync } = require('node:fs');
const http2 = require('node:http2');
const https = require('node:https');

const [certificate, key, httpsPort, secureHttp2Port, http2Port] = process.argv.slice(2);
const options = { cert: readFileSync(certificate), key: readFileSync(key), allowHTTP1: true };
const well = (request, response) => response.end('well');

https.createServer(options, well).listen(httpsPort, '127.0.0.1');
http2.createSecureServer(options, well).listen(secureHttp2Port, '127.0.0.1');
http2.createServer(well).listen(http2Port, '127.0.0.1');
