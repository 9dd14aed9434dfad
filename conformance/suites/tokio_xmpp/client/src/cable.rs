//! A network cable between a client and the server, to be cut and mended.

use std::net::SocketAddr;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub struct Cable {
    /// Where the client connects to.
    pub address: SocketAddr,
    broken: watch::Sender<bool>,
}

impl Cable {
    pub async fn to(server: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (broken, state) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let mut state = state.clone();
                tokio::spawn(async move {
                    if state.wait_for(|broken| !broken).await.is_ok() {
                        let _ = carry(client, server, state).await;
                    }
                });
            }
        });
        Ok(Self { address, broken })
    }

    /// Ends the connections; new ones wait.
    pub fn cut(&self) {
        self.broken.send_replace(true);
    }

    pub fn mend(&self) {
        self.broken.send_replace(false);
    }
}

async fn carry(
    mut client: TcpStream,
    server: SocketAddr,
    mut state: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = state.wait_for(|broken| *broken) => {}
    }
    Ok(())
}
