//! A client's stream, byte by byte: for what client libraries do not let one see.
//!
//! Trusts any certificate and remembers it.

use crate::stentor::PATIENCE;
use base64::prelude::{BASE64_STANDARD, Engine};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// One connection.
pub struct Stream {
    connection: Connection,
    domain: String,
    received: String,
}

enum Connection {
    Clear(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    /// Connects; nothing is said yet.
    pub fn connect(address: SocketAddr, domain: &str) -> Stream {
        let socket = TcpStream::connect(address).expect("the server listens");
        socket.set_read_timeout(Some(PATIENCE)).expect("an option");
        socket.set_write_timeout(Some(PATIENCE)).expect("an option");
        Stream { connection: Connection::Clear(socket), domain: domain.to_owned(), received: String::new() }
    }

    /// Connects with direct TLS.
    pub fn connect_tls(address: SocketAddr, domain: &str) -> Stream {
        Stream::connect(address, domain).encrypt(&[b"xmpp-client"])
    }

    /// Connects, secures the stream with STARTTLS and opens it anew.
    pub fn secure(address: SocketAddr, domain: &str) -> Stream {
        let mut stream = Stream::connect(address, domain);
        stream.open();
        stream.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
        stream.receive("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
        let mut stream = stream.encrypt(&[]);
        stream.open();
        stream
    }

    /// The TLS handshake, complete on return.
    pub fn encrypt(self, protocols: &[&[u8]]) -> Stream {
        self.try_encrypt(protocols).expect("the handshake succeeds")
    }

    /// The same; an error if the server does not take part.
    pub fn try_encrypt(self, protocols: &[&[u8]]) -> io::Result<Stream> {
        let Connection::Clear(mut socket) = self.connection else { panic!("it is encrypted already") };
        let config = trusting(protocols);
        let name = ServerName::try_from(self.domain.clone()).expect("a name");
        let mut tls = ClientConnection::new(Arc::new(config), name).expect("a client");
        while tls.is_handshaking() {
            tls.complete_io(&mut socket)?;
        }
        let connection = Connection::Tls(Box::new(StreamOwned::new(tls, socket)));
        Ok(Stream { connection, domain: self.domain, received: String::new() })
    }

    /// The server's certificate.
    pub fn certificate(&self) -> CertificateDer<'static> {
        let Connection::Tls(tls) = &self.connection else { panic!("it is not encrypted") };
        let chain = tls.conn.peer_certificates().expect("a certificate");
        chain.first().expect("a certificate").clone().into_owned()
    }

    /// Opens a stream and waits for its features.
    pub fn open(&mut self) -> String {
        let domain = self.domain.clone();
        self.send(&format!(
            "<?xml version='1.0'?><stream:stream to='{domain}' version='1.0' xmlns='jabber:client' \
             xmlns:stream='http://etherx.jabber.org/streams'>"
        ));
        self.receive("</stream:features>")
    }

    /// Logs in with PLAIN, binds the resource, becomes available.
    pub fn log_in(&mut self, user: &str, password: &str, resource: &str) {
        self.authenticate(user, password);
        self.receive("<success");
        self.open();
        self.send(&format!(
            "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
             <resource>{resource}</resource></bind></iq><presence/>"
        ));
        self.receive("</iq>");
        // The echo of the presence: from here on this session gets what is for its account.
        self.receive("<presence");
        self.receive("/>");
    }

    /// Sends the credentials for PLAIN.
    pub fn authenticate(&mut self, user: &str, password: &str) {
        let plain = BASE64_STANDARD.encode(format!("\0{user}\0{password}"));
        self.send(&format!(
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>"
        ));
    }

    /// Sends text.
    pub fn send(&mut self, text: &str) {
        self.write(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
    }

    /// Waits for a text and takes everything up to its end.
    pub fn receive(&mut self, wanted: &str) -> String {
        loop {
            if let Some(start) = self.received.find(wanted) {
                let rest = self.received.split_off(start + wanted.len());
                return std::mem::replace(&mut self.received, rest);
            }
            let more = self.read();
            assert!(more, "the connection ended before {wanted:?}: {}", self.received);
        }
    }

    /// Takes everything up to the end of the connection.
    pub fn rest(&mut self) -> String {
        while self.read() {}
        std::mem::take(&mut self.received)
    }

    /// Proves that the connection lives: asks the server for an answer.
    pub fn ping(&mut self) {
        self.send("<iq type='get' id='alive'><ping xmlns='urn:xmpp:ping'/></iq>");
        self.receive("id='alive'");
        self.receive(">");
    }

    /// Writes bytes; an error if the server has gone.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.connection {
            Connection::Clear(socket) => socket.write_all(bytes),
            Connection::Tls(tls) => tls.write_all(bytes).and_then(|()| tls.flush()),
        }
    }

    /// Reads what comes within a time; `None` if nothing does, nothing at the end of the connection.
    pub fn read_within(&mut self, time: Duration, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let socket = match &mut self.connection {
            Connection::Clear(socket) => socket,
            Connection::Tls(tls) => tls.get_mut(),
        };
        socket.set_read_timeout(Some(time))?;
        match self.read_some(buffer) {
            // Both kinds stand for a timeout.
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(None),
            read => read.map(Some),
        }
    }

    fn read_some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.connection {
            Connection::Clear(socket) => socket.read(buffer),
            Connection::Tls(tls) => tls.read(buffer),
        }
    }

    fn read(&mut self) -> bool {
        let mut buffer = [0; 4096];
        match self.read_some(&mut buffer) {
            Ok(length) => {
                self.received.push_str(std::str::from_utf8(&buffer[..length]).expect("ASCII in these tests"));
                length > 0
            }
            Err(error) => panic!("reading: {error}; received so far: {}", self.received),
        }
    }
}

/// For clients that trust any certificate: tests that are about something else.
pub fn trusting(protocols: &[&[u8]]) -> ClientConfig {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    config
}

/// Accepts every certificate, but not every signature: the server must have the key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
