//! A broker that asks who may do what, and a hand in its rules.

use std::io::{Read, Write};
use std::net::TcpStream;

use stack::{Native, Options};
use tokio::task::{block_in_place, spawn_blocking};

use super::setup::Addresses;

/// Kafka's numbers for what a rule is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Resource {
    Topic = 2,
    Group = 3,
}

/// Kafka's numbers for what may be done.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operation {
    Read = 3,
    Write = 4,
    Describe = 8,
    DescribeConfigs = 10,
}

/// A broker with an authorizer, and a database. Everybody may do everything with what has no rules.
pub(crate) struct Guarded {
    native: Native,
}

impl Guarded {
    pub(crate) async fn start() -> Self {
        let properties = [
            ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
            ("allow.everyone.if.no.acl.found", "true"),
        ];
        let kafka_properties = properties.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let options = Options { kafka_properties, ..Options::default() };
        let native = spawn_blocking(move || Native::start(&options)).await.unwrap().unwrap();
        Guarded { native }
    }

    pub(crate) fn addresses(&self) -> Addresses {
        Addresses { brokers: self.native.kafka_brokers(), database_url: self.native.database_url() }
    }

    /// From now on everybody may do everything with it but this.
    pub(crate) fn take_away(&self, operation: Operation, resource: Resource, name: &str) {
        const ALL: u8 = 2;
        const ALLOW: u8 = 3;
        const DENY: u8 = 2;
        let rules = [(ALL, ALLOW), (operation as u8, DENY)];
        block_in_place(|| create_acls(&self.native.kafka_brokers(), (resource as u8, name), &rules));
    }
}

/// `CreateAcls`, version 1, by the message definitions of Kafka: there is no call for it here, and
/// Kafka's own tool takes seconds.
fn create_acls(broker: &str, (resource, name): (u8, &str), rules: &[(u8, u8)]) {
    const PREFIXED: u8 = 4;
    let mut request = Vec::new();
    request.extend(30i16.to_be_bytes());
    request.extend(1i16.to_be_bytes());
    request.extend(7i32.to_be_bytes());
    put(&mut request, "test");
    request.extend((rules.len() as i32).to_be_bytes());
    for (operation, permission) in rules {
        request.push(resource);
        put(&mut request, name);
        request.push(PREFIXED);
        put(&mut request, "User:ANONYMOUS");
        put(&mut request, "*");
        request.extend([*operation, *permission]);
    }
    let mut stream = TcpStream::connect(broker).unwrap();
    stream.write_all(&(request.len() as i32).to_be_bytes()).unwrap();
    stream.write_all(&request).unwrap();
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; i32::from_be_bytes(length) as usize];
    stream.read_exact(&mut answer).unwrap();
    // Correlation id, throttling time, count; then per rule an error code and no message.
    let results: Vec<&[u8]> = answer[12..].chunks(4).collect();
    assert!(results.len() == rules.len() && results.iter().all(|result| result[..2] == [0, 0]), "{answer:?}");
}

fn put(request: &mut Vec<u8>, text: &str) {
    request.extend((text.len() as i16).to_be_bytes());
    request.extend(text.as_bytes());
}
