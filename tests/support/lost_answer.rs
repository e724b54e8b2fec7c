//! A way to the database that loses answers.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Both what a client sends and what PostgreSQL answers end so.
const COMMIT: &[u8] = b"COMMIT\0";
const CHUNK: usize = 64 * 1024;

/// A port that leads to the database.
pub(crate) struct LosesAnswers {
    url: String,
    armed: Arc<AtomicBool>,
    listening: JoinHandle<()>,
}

impl LosesAnswers {
    /// Everything passes, for now.
    pub(crate) async fn to(database_url: &str) -> LosesAnswers {
        let (user, address) = database_url.rsplit_once('@').expect("a user");
        let (server, name) = address.split_once('/').expect("a database");
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("{user}@127.0.0.1:{}/{name}", listener.local_addr().unwrap().port());
        let armed = Arc::new(AtomicBool::new(false));
        let listening = tokio::spawn(listen(listener, server.to_owned(), armed.clone()));
        LosesAnswers { url, armed, listening }
    }

    /// The database, by this way.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The next COMMIT is carried out, and its connection is closed in place of the answer.
    pub(crate) fn lose_next(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }

    /// Whether that has come to pass.
    pub(crate) fn has_lost_it(&self) -> bool {
        !self.armed.load(Ordering::SeqCst)
    }
}

impl Drop for LosesAnswers {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, server: String, armed: Arc<AtomicBool>) {
    while let Ok((client, _)) = listener.accept().await {
        let (server, armed) = (server.clone(), armed.clone());
        // An error is an end like any other: both sides see a closed connection.
        tokio::spawn(async move { carry(client, &server, &armed).await });
    }
}

async fn carry(mut client: TcpStream, server: &str, armed: &AtomicBool) -> io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    let (mut asked, mut answered) = (vec![0; CHUNK], vec![0; CHUNK]);
    let mut is_doomed = false;
    loop {
        tokio::select! {
            read = client.read(&mut asked) => match read? {
                0 => return Ok(()),
                count => {
                    is_doomed |= asked[..count].ends_with(COMMIT) && armed.swap(false, Ordering::SeqCst);
                    server.write_all(&asked[..count]).await?;
                }
            },
            read = server.read(&mut answered) => match read? {
                0 => return Ok(()),
                // The answer has come, so it has happened.
                _ if is_doomed => return Ok(()),
                count => client.write_all(&answered[..count]).await?,
            },
        }
    }
}
