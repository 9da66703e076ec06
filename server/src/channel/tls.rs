//! Whom a TLS connection trusts: the public authorities, and one that the settings add.
//!
//! Deliberately absent: any way not to verify a certificate.

use lettre::transport::smtp::{
    Error,
    client::{Certificate, TlsParameters},
};

/// Longest certificate in PEM, in bytes.
const PEM_MAX: usize = 64 * 1024;

/// TLS to a host. The extra authority was checked when it was set; one that cannot be read is an error.
pub(super) fn tls_to(host: &str, ca_certificate: Option<&str>) -> Result<TlsParameters, Error> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(pem) = ca_certificate {
        builder = builder.add_root_certificate(Certificate::from_pem(pem.as_bytes())?);
    }
    builder.build()
}

/// Whether a text is a certificate in PEM that can be trusted; else what is wrong with it.
pub fn check_certificate(pem: &str) -> Result<(), String> {
    if pem.len() > PEM_MAX {
        return Err("it is longer than 64 KiB".into());
    }
    if pem.contains("PRIVATE KEY") {
        return Err(
            "it holds a private key, which must stay on its server; paste the certificate alone"
                .into(),
        );
    }
    let begin = pem.find("-----BEGIN CERTIFICATE-----");
    let end = pem.find("-----END CERTIFICATE-----");
    if begin.zip(end).is_none_or(|(begin, end)| begin >= end) {
        return Err("write the certificate with its lines -----BEGIN CERTIFICATE----- and -----END CERTIFICATE-----".into());
    }
    tls_to("localhost", Some(pem))
        .map(|_| ())
        .map_err(|error| format!("it cannot be read as a certificate: {error}"))
}
