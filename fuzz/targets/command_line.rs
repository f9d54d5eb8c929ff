//! Any command line with any placeholders: arguments are the lines of the input. It runs where nothing listens, so no
//! network probe may be healthy.
#![no_main]

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use exec_probe_fuzz::Contract;
use libfuzzer_sys::fuzz_target;

/// The names by which it takes another tool's command line.
const TOOLS: [&[u8]; 8] =
    [b"curl", b"wget", b"nc", b"netcat", b"grpc_health_probe", b"grpc-health-probe", b"sh", b"bash"];

fuzz_target!(init: exec_probe_fuzz::init(), |data: &[u8]| {
    let mut args: Vec<Vec<u8>> = data.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    if args.iter().any(|arg| arg.contains(&0)) {
        return;
    }
    // An install may write nowhere here: whatever is no option leads to a folder that can't be.
    if args[0] == b"install" {
        for arg in args[1..].iter_mut().filter(|arg| !arg.starts_with(b"-") || arg.as_slice() == b"-") {
            arg.splice(0..0, *b"/proc/none/");
        }
        if args.iter().any(|arg| arg == b"--") {
            return;
        }
    }
    // A server would stay: its last question gets what none may have.
    if args[0] == b"serve" {
        args.extend([b"--then".to_vec(), b"--then".to_vec()]);
    }
    let is_network = matches!(args[0].as_slice(), b"http" | b"tcp" | b"grpc");
    let is_tool = TOOLS.contains(&args[0].as_slice());
    let ran = exec_probe_fuzz::run(args.into_iter().map(OsString::from_vec));
    let is_help = ran.stdout.contains("[OPTIONS]");
    let contract = Contract {
        codes: &|code| match code {
            0 => !is_network || is_help,
            2 => is_tool,
            70 => false,
            code => code <= if is_tool { 127 } else { 124 },
        },
        timeout: Duration::from_secs(if is_tool { 30 } else { 2 }),
    };
    if is_tool { ran.check_tool(&contract) } else { ran.check(&contract) }
});
