//! A certificate for 127.0.0.1 and the authority that signed it.
//!
//! The mock AWS speaks TLS, so that the template's "nothing without TLS" statements are in force in the tests as well.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// The files of one server.
#[derive(Clone, Debug)]
pub(crate) struct Certificates {
    /// What clients trust, PEM.
    pub authority: PathBuf,
    /// The server's certificate, PEM.
    pub certificate: PathBuf,
    /// The server's private key, PEM.
    pub key: PathBuf,
}

impl Certificates {
    /// Makes them in `folder`, for 127.0.0.1 and localhost.
    pub(crate) fn make_in(folder: &Path) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names are valid names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "auto-remediate tests");
        let authority_key = KeyPair::generate().expect("a key can be made");
        let authority = params
            .self_signed(&authority_key)
            .expect("a certificate can sign itself");
        let issuer = Issuer::new(params, authority_key);

        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let params = CertificateParams::new(names).expect("these are valid names");
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params
            .signed_by(&key, &issuer)
            .expect("the authority can sign");

        let write = |name: &str, text: String| {
            let path = folder.join(name);
            fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            path
        };
        Self {
            authority: write("authority.pem", authority.pem()),
            certificate: write("certificate.pem", certificate.pem()),
            key: write("key.pem", key.serialize_pem()),
        }
    }
}
