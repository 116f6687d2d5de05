//! Certificates that Inlay fetches by itself, from a certificate authority that the tests bring up: real HTTPS, signatures
//! that are verified, challenges that are looked for.

mod authority;
mod issuing;
mod jws;
mod looking;
