//! The one test crate: the built binary against servers of its own, one module per subject.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says where"
)]

mod binary;
mod certificates;
mod docs;
mod dropin;
mod expectations;
mod file;
mod grpc;
mod held_back;
mod hostile;
mod http;
mod http2;
mod install;
mod messages;
mod numbers;
mod placeholders;
mod proxy;
mod recipes;
mod run;
mod serve;
mod support;
mod tcp;
mod tls;
mod troubleshooting;
mod usage;
