//! The header of the PROXY protocol: where it ends is known by the same byte however its bytes come, what follows is not part of
//! it, and nothing that anybody sends is more than an error.
#![no_main]

use inlay::http::proxy_protocol::{client, length};
use inlay::limits::PROXY_HEADER_BYTES;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Case<'a> {
    begins: Begins,
    bytes: &'a [u8],
}

#[derive(Arbitrary, Debug)]
enum Begins {
    Anyhow,
    Text,
    /// Command and version, family and transport, the length.
    Binary(u8, u8, u16),
}

fuzz_target!(|case: Case| {
    let mut bytes = match case.begins {
        Begins::Anyhow => Vec::new(),
        Begins::Text => b"PROXY ".to_vec(),
        Begins::Binary(command, family, length) => {
            let mut head = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
            head.extend([command, family]);
            // Lengths that can be are tried more often.
            head.extend((length % 600).to_be_bytes());
            head
        }
    };
    bytes.extend_from_slice(case.bytes);
    let whole = length(&bytes);
    for seen in 0..bytes.len() {
        match (length(&bytes[..seen]), &whole) {
            (Ok(None), _) => {}
            (known, whole) => assert_eq!(&known, whole, "known after {seen} bytes, and then something else"),
        }
    }
    let Ok(Some(length)) = whole else { return };
    assert!(length <= PROXY_HEADER_BYTES, "{length} bytes are held");
    if let Some(header) = bytes.get(..length) {
        // Once more: whom it names hangs on nothing else.
        assert_eq!(client(header), client(&header.to_vec()));
    }
});
