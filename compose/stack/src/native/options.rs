//! What kind of stack is wanted, and what each of its servers is given.

/// What kind of stack is wanted. The default is one for tests.
#[derive(Clone, Debug)]
pub struct Options {
    /// The broker's largest heap, in MiB.
    pub heap_mib: u32,
    /// Lives for minutes, and its data with it: starts sooner (the JVM's quick compiler only) and
    /// does not wait for the disk (`fsync=off`). For benchmarks, say `false`.
    pub brief: bool,
    /// The loopback port that the broker's second listener names to its clients; a fault proxy
    /// must listen there. `None` picks a free one.
    pub proxied_port: Option<u16>,
    /// More broker properties; they win over the stack's own.
    pub kafka_properties: Vec<(String, String)>,
    /// More server settings; they win over the stack's own.
    pub postgres_settings: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            heap_mib: 384,
            brief: true,
            proxied_port: None,
            kafka_properties: Vec::new(),
            postgres_settings: Vec::new(),
        }
    }
}

/// What every PostgreSQL of a stack is given; `compose.yaml` says the same. Tests open many connections,
/// and so much memory fits on a laptop. Behind a checkpoint the first change of a page writes all of it to
/// the WAL, and ids that are like chance change another page each: with one for every half gigabyte of
/// WAL, as by default, that is most of what a large table writes.
pub(crate) const POSTGRES: [(&str, &str); 4] =
    [("max_connections", "200"), ("shared_buffers", "512MB"), ("max_wal_size", "8GB"), ("checkpoint_timeout", "15min")];

impl Options {
    /// The server's settings, later ones winning over earlier ones.
    pub(crate) fn server_settings(&self) -> Vec<(String, String)> {
        // A killed process loses nothing that it has written; only power loss would.
        let brief = [("fsync", "off"), ("full_page_writes", "off")];
        let given = POSTGRES.into_iter().chain(brief.into_iter().filter(|_| self.brief));
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
        given.chain(self.postgres_settings.iter().cloned()).collect()
    }
}
