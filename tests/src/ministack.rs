//! The mock AWS that deploys the template, runs the functions and evaluates IAM: ministack.

use std::ffi::OsStr;
use std::path::Path;

use tempfile::TempDir;

use crate::certificates::Certificates;
use crate::process::Leashed;
use crate::venv::Venv;
use crate::{ACCOUNT, REGION, port};

/// A running ministack with nothing in it.
#[derive(Debug)]
pub struct Ministack {
    // Before the folder: fields are dropped in this order, and the process must end before its folder goes.
    process: Leashed,
    certificates: Certificates,
    url: String,
    _folder: TempDir,
}

impl Ministack {
    /// Starts one, on a free port of 127.0.0.1, over TLS, with IAM evaluation on.
    pub fn start() -> Self {
        let venv = Venv::ready();
        let folder = tempfile::tempdir().expect("the machine has a temporary folder");
        let certificates = Certificates::make_in(folder.path());
        let port = port::free();
        let url = format!("https://127.0.0.1:{port}");
        let environment = environment(port, &url, &certificates);
        let arguments = ["-c", PROGRAM].map(OsStr::new);
        let mut process = Leashed::start(
            &venv,
            folder.path(),
            "ministack",
            &venv.program("python"),
            arguments,
            environment,
        );
        port::wait_for(&mut process, "ministack", port);
        Self {
            process,
            certificates,
            url,
            _folder: folder,
        }
    }

    /// `https://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What its clients have to trust, a PEM file.
    pub fn authority(&self) -> &Path {
        &self.certificates.authority
    }

    /// The last lines that it and its functions wrote.
    pub fn last_words(&self, lines: usize) -> String {
        self.process.last_words(lines)
    }
}

/// Over TLS it would take port 443 as well, which is not ours to take; and it would tell at length of each connection that
/// a client leaves.
///
/// AWS asks for the permission to see when an access key was last used on the user who has the key, whom the request does not
/// name (<https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html>);
/// ministack would ask for it on everything.
const PROGRAM: &str = "
import logging
import ministack.app as app
from ministack.core import iam_actions
from ministack.services import iam

app._port_is_bindable = lambda *_: False
logging.getLogger('asyncio').setLevel(logging.CRITICAL)

named_resource = iam_actions.extract_resource_arn

def resource(service, method, path, headers, body, query, region, account):
    if service == 'iam' and iam_actions._query_param(query, 'Action') == 'GetAccessKeyLastUsed':
        key = iam._access_keys.get(iam_actions._query_param(query, 'AccessKeyId'))
        if key:
            return f\"arn:aws:iam::{account}:user/{key['UserName']}\"
    return named_resource(service, method, path, headers, body, query, region, account)

iam_actions.extract_resource_arn = resource
app.main()
";

/// Functions inherit all of it, beside what the template gives them.
fn environment(port: u16, url: &str, certificates: &Certificates) -> Vec<(&'static str, String)> {
    let path = |path: &Path| path.display().to_string();
    vec![
        ("GATEWAY_PORT", port.to_string()),
        ("BIND_HOST", "127.0.0.1".to_owned()),
        ("AUTH", "true".to_owned()),
        ("USE_SSL", "1".to_owned()),
        ("MINISTACK_SSL_CERT", path(&certificates.certificate)),
        ("MINISTACK_SSL_KEY", path(&certificates.key)),
        ("MINISTACK_ACCOUNT_ID", ACCOUNT.to_owned()),
        ("MINISTACK_REGION", REGION.to_owned()),
        ("IOT_MTLS_ENABLED", "false".to_owned()),
        ("SFTP_ENABLED", "false".to_owned()),
        ("LOG_LEVEL", "INFO".to_owned()),
        ("PYTHONUNBUFFERED", "1".to_owned()),
        // For the functions: without an endpoint they would call the real AWS, without the authority they would trust nobody.
        ("AWS_ENDPOINT_URL", url.to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("SSL_CERT_FILE", path(&certificates.authority)),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
    ]
}
