//! A proxy before a mock AWS, on which calls meet with the mishaps that a test has prepared.

use std::io::{BufRead, BufReader, Result, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::MockAws;

/// What happens to a call.
#[derive(Clone, Copy)]
pub(crate) enum Mishap {
    /// It is carried out, and the connection breaks before the answer.
    AnswerLost,
    /// It is not carried out; the answer is made from the request.
    Answered(u16, fn(&Value) -> Value),
}

/// The calls that are to meet with something, by operation (`PutItem`), and what met with it already.
#[derive(Default)]
struct Script {
    prepared: Vec<(&'static str, Mishap)>,
    happened: usize,
}

pub(crate) struct Proxy {
    port: u16,
    script: Arc<Mutex<Script>>,
}

impl Proxy {
    pub(crate) fn before(server: &MockAws) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let script = Arc::new(Mutex::new(Script::default()));
        let (upstream, shared) = (server.port, Arc::clone(&script));
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let script = Arc::clone(&shared);
                std::thread::spawn(move || pass_on(&client, upstream, &script));
            }
        });
        Self { port, script }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The next call of this operation meets with it.
    pub(crate) fn next(&self, operation: &'static str, mishap: Mishap) {
        let mut script = self.script.lock().unwrap();
        script.prepared.push((operation, mishap));
    }

    /// How many mishaps have happened; none may be left over.
    pub(crate) fn happened(&self) -> usize {
        let script = self.script.lock().unwrap();
        assert!(script.prepared.is_empty(), "not all mishaps happened");
        script.happened
    }
}

fn pass_on(client: &TcpStream, upstream: u16, script: &Mutex<Script>) -> Result<()> {
    let mut reader = BufReader::new(client);
    while let Some(request) = Message::read(&mut reader)? {
        let mishap = script.lock().unwrap().take(&request);
        if let Some(Mishap::Answered(status, answer)) = mishap {
            let body = answer(&serde_json::from_slice(&request.body)?).to_string();
            let mut client = client;
            write!(
                client,
                "HTTP/1.1 {status} As told\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )?;
            continue;
        }
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, upstream))?;
        request.write(&server)?;
        let answer = Message::read(&mut BufReader::new(&server))?;
        match (mishap, answer) {
            (None, Some(answer)) => answer.write(client)?,
            _ => return Ok(()),
        }
    }
    Ok(())
}

impl Script {
    fn take(&mut self, request: &Message) -> Option<Mishap> {
        let target = request.header("x-amz-target")?;
        let operation = target.rsplit('.').next()?;
        let at = self
            .prepared
            .iter()
            .position(|(prepared, _)| *prepared == operation)?;
        self.happened += 1;
        Some(self.prepared.remove(at).1)
    }
}

/// A request or an answer of HTTP/1.1, with the length of its body declared.
struct Message {
    head: String,
    body: Vec<u8>,
}

impl Message {
    fn read(reader: &mut impl BufRead) -> Result<Option<Self>> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head)? == 0 {
                return Ok(None);
            }
        }
        let mut message = Self {
            head,
            body: Vec::new(),
        };
        let length = message
            .header("content-length")
            .map_or(0, |length| length.parse().unwrap());
        message.body.resize(length, 0);
        reader.read_exact(&mut message.body)?;
        Ok(Some(message))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    fn write(&self, mut to: &TcpStream) -> Result<()> {
        to.write_all(self.head.as_bytes())?;
        to.write_all(&self.body)
    }
}
