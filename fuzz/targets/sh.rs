//! Scripts of `sh -c`, with any variables of the run: read or refused in one line that shows no value. What is put in
//! quotes word by word comes out word by word.
#![no_main]

use exec_probe_fuzz::{SECRET, env};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: exec_probe_fuzz::init(), |data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match exec_probe::sh_calls(text, &env, 22) {
        Ok((calls, _)) => {
            assert!(calls.len() <= text.len() && calls.iter().flatten().all(|word| !word.contains('\0')), "{calls:?}");
            let (others, code) = exec_probe::sh_calls(text, &env, 0).expect("it was read before");
            // Where every tool is content, only these end in another code. Quotes may stand within a name, and
            // variables be one.
            let letters: String = text.chars().filter(char::is_ascii_alphabetic).collect();
            let says = |name: &str| text.contains('$') || letters.contains(name);
            assert!(code == 0 || says("exit") || says("false"), "{code}: {others:?}");
        }
        Err(line) => {
            assert!(line.starts_with("runs only curl, wget, nc and grpc_health_probe"), "{line}");
            assert!(!line.contains(char::is_control) && line.chars().count() <= 1024, "{line}");
            assert!(!line.contains(SECRET) || text.contains(SECRET), "a secret is printed: {line}");
        }
    }
    if !text.contains('\0') {
        let words: Vec<&str> = text.split('\n').collect();
        let quoted: Vec<String> = words.iter().map(|word| format!("'{}'", word.replace('\'', "'\\''"))).collect();
        let (calls, code) = exec_probe::sh_calls(&format!("curl {} || exit 7", quoted.join(" ")), &env, 22)
            .expect("quoted words are words");
        assert_eq!((calls, code), (vec![words.into_iter().map(str::to_owned).collect()], 7));
    }
});
