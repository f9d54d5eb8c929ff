//! The servers that are asked: nginx for http, https and tcp, tonic's health service for grpc. Both run on one thread
//! of a process of their own, on ports of the kernel's choice, and end with the benchmark, however that ends.

use std::error::Error;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustix::io::FdFlags;
use tonic::transport::server::TcpIncoming;

/// The word by which this program becomes the gRPC server.
pub(crate) const GRPC: &str = "grpc-server";

/// Running servers and where they listen, all on 127.0.0.1.
pub(crate) struct Servers {
    /// nginx; `/ok` answers 200.
    pub(crate) http: u16,
    /// The same nginx with TLS 1.3.
    pub(crate) https: u16,
    /// tonic; SERVING.
    pub(crate) grpc: u16,
    /// The PEM file of the authority that signed the https server's certificate.
    pub(crate) authority: PathBuf,
    /// A folder of authorities without any.
    pub(crate) no_authorities: PathBuf,
    _running: [Running; 2],
}

impl Servers {
    /// Starts them, with their files in `folder`. Whoever connects from now on is answered.
    pub(crate) fn start(folder: &Path) -> Result<Servers, Box<dyn Error>> {
        let authority = certificates(folder)?;
        let no_authorities = folder.join("no-authorities");
        fs::create_dir_all(&no_authorities)?;
        let (nginx, http, https) = nginx(folder)?;
        let mut tonic = Running(
            Command::new(std::env::current_exe()?).arg(GRPC).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?,
        );
        let mut port = String::new();
        let stdout = tonic.0.stdout.take().ok_or("the gRPC server has no output")?;
        BufReader::new(stdout).read_line(&mut port)?;
        let grpc = port.trim().parse().map_err(|_| format!("the gRPC server's port is {port:?}"))?;
        Ok(Servers { http, https, grpc, authority, no_authorities, _running: [nginx, tonic] })
    }
}

/// A server that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // A signal that can be heard, because nginx has a worker to end as well. One that has ended by itself was
        // missed by its contestants already.
        let _ = i32::try_from(self.0.id()).map(|id| kill(Pid::from_raw(id), Signal::SIGTERM));
        let _ = self.0.wait();
    }
}

/// Debian's nginx and its ports, plain and with TLS. It can't choose a port, but takes over sockets that listen
/// already, as at an upgrade.
fn nginx(folder: &Path) -> Result<(Running, u16, u16), Box<dyn Error>> {
    let (plain, secure) = (TcpListener::bind(LOOPBACK)?, TcpListener::bind(LOOPBACK)?);
    for listener in [&plain, &secure] {
        rustix::io::fcntl_setfd(listener, FdFlags::empty())?;
    }
    let (http, https) = (plain.local_addr()?.port(), secure.local_addr()?.port());
    let config = NGINX.replace("{http}", &http.to_string()).replace("{https}", &https.to_string());
    fs::write(folder.join("nginx.conf"), config)?;
    // setpriv: it has no other way to notice that this program is gone.
    let nginx = Command::new("setpriv")
        .args(["--pdeathsig", "TERM", "nginx", "-c", "nginx.conf", "-e", "error.log", "-p"])
        .arg(folder)
        .env("NGINX", format!("{};{};", plain.as_raw_fd(), secure.as_raw_fd()))
        .spawn()?;
    Ok((Running(nginx), http, https))
}

/// Makes an authority and a certificate of its own for 127.0.0.1. Returns the authority's file.
fn certificates(folder: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let mut params = CertificateParams::new([])?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(["127.0.0.1".to_owned()])?;
    params.distinguished_name.push(rcgen::DnType::CommonName, "server");
    let server = params.signed_by(&key, &authority)?;
    fs::write(folder.join("server.pem"), server.pem())?;
    fs::write(folder.join("server.key"), key.serialize_pem())?;
    let path = folder.join("authority.pem");
    fs::write(&path, authority.pem())?;
    Ok(path)
}

/// Serves the health service, prints the port, and ends once standard input does: with the benchmark.
pub(crate) fn serve_grpc() -> Result<(), Box<dyn Error>> {
    // One thread, as nginx has one worker.
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(LOOPBACK).await?;
        writeln!(io::stdout(), "{}", listener.local_addr()?.port())?;
        let (_, health) = tonic_health::server::health_reporter();
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let ended = tokio::task::spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new()));
        let ended = async { drop(ended.await) };
        Ok(tonic::transport::Server::builder()
            .add_service(health)
            .serve_with_incoming_shutdown(incoming, ended)
            .await?)
    })
}

/// Any free port of this host.
const LOOPBACK: (&str, u16) = ("127.0.0.1", 0);

const NGINX: &str = "
daemon off;
user root;
worker_processes 1;
error_log error.log crit;
pid nginx.pid;
events {}
http {
    access_log off;
    client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp;
    uwsgi_temp_path temp; scgi_temp_path temp;
    default_type text/plain;
    server {
        listen 127.0.0.1:{http};
        location = /ok { return 200 ok; }
    }
    server {
        listen 127.0.0.1:{https} ssl;
        ssl_protocols TLSv1.3;
        ssl_certificate server.pem;
        ssl_certificate_key server.key;
        location = /ok { return 200 ok; }
    }
}
";
