//! Input that is nearly right: what a grammar makes, then damaged a little.

/// Streams open like this.
const HEADERS: &[&str] = &[
    "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' xmlns:p='urn:p' \
     xmlns:q='urn:q' xmlns:r='urn:r'>",
    "<?xml version='1.0'?><stream:stream to='example.org' version='1.0' xml:lang='en' xmlns='jabber:client' \
     xmlns:stream='http://etherx.jabber.org/streams'>",
    "<?xml version=\"1.0\" encoding=\"utf-8\" standalone='yes'?>\n<s:stream xmlns:s='http://etherx.jabber.org/streams' \
     xmlns:c='jabber:client' xmlns:p='urn:p'>",
    "<stream xmlns='http://etherx.jabber.org/streams' xmlns:c='jabber:client' xmlns:q='urn:&#113;'>",
    "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' xmlns:db='jabber:server:dialback'>",
    "<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams'>",
];

/// Stanzas as they are.
const STANZAS: &[&str] = &[
    "<message to='juliet@example.org' type='chat' id='1'><body>Hist!</body><request xmlns='urn:xmpp:receipts'/></message>",
    "<presence><priority>1</priority><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v'/></presence>",
    "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>\u{1F600}</resource></bind></iq>",
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>",
    "<iq type='get' id='r'><query xmlns='jabber:iq:roster' ver=''/></iq>",
    "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
    "<stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
];

/// Element names.
const NAMES: &[&str] = &[
    "a",
    "p:a",
    "q:a",
    "r:b",
    "c:message",
    "stream:z",
    "xml:w",
    "body",
    "message",
    "iq",
    "presence",
    "\u{FC}",
    "_-.",
    "x:y:z",
    "xmlns:a",
    "1a",
];

/// Attributes.
const ATTRIBUTES: &[&str] = &[
    " a='b'",
    " b=\"c\"",
    " to='a@b/c'",
    " from=\"x@'y\"",
    " id='&lt;&#10;&quot;'",
    " type='get'",
    " xml:lang='de'",
    " p:a='b'",
    " q:a='b'",
    " r:a='\"'",
    " xmlns:p='urn:q'",
    " xmlns:q='urn:q'",
    " xmlns:p='urn:p'",
    " xmlns='urn:y'",
    " xmlns='jabber:client'",
    " xmlns:c='jabber:client'",
    " xmlns=''",
    " xmlns:q=''",
    " xmlns:p='u&amp;v'",
    " xmlns:r='urn:&#113;'",
    " xmlns:stream='urn:s'",
    " xmlns:xml='http://www.w3.org/XML/1998/namespace'",
    " xmlns:xmlns='urn:x'",
    " stream:y=''",
    " a = 'x'",
    "\n\tc\r\n=\t'&amp;\t'",
    " a='<'",
    " d='\u{1F600}'",
    " e='\u{1}'",
];

/// Character data, and what is not allowed there.
const TEXTS: &[&str] = &[
    "x",
    " ",
    "\n",
    "\r\n",
    "\t",
    "&amp;",
    "&#13;",
    "&#x41;",
    "&#0;",
    "&#xD800;",
    "&#x110000;",
    "&foo;",
    "&",
    ";",
    "]]>",
    "]]",
    "<![CDATA[<&]]>",
    "<![CDATA[",
    "<![CDATA[\r]]>",
    "<![CDATA[]]]]>",
    "\u{FC}",
    "\u{1F600}",
    "\u{FFFE}",
    "\u{7F}\u{85}",
    "\u{0}",
    "<!--",
    "-->",
    "<?x?>",
    "<?xml version='1.0'?>",
    "<!",
    "<!DOCTYPE a>",
    "<",
    ">",
    "/>",
    "</",
    "'",
    "\"",
    "=",
    "xmlns",
    ":",
];

/// Pieces of addresses.
const ADDRESSES: &[&str] = &[
    "@",
    "@",
    "/",
    "/",
    ".",
    ".",
    ":",
    "[",
    "]",
    "::1",
    "127.0.0.1",
    "[::1]",
    "example",
    "org",
    "Juliet",
    "romeo",
    "xn--",
    "xn--fiqs8s",
    "-",
    " ",
    "\u{A0}",
    "\u{AD}",
    "\u{DF}",
    "\u{1E9E}",
    "\u{3C2}",
    "\u{3A3}",
    "\u{130}",
    "\u{131}",
    "\u{2163}",
    "\u{FF21}",
    "\u{FF0E}",
    "\u{3002}",
    "\u{200C}",
    "\u{200D}",
    "\u{94D}\u{200D}",
    "\u{FE0F}",
    "\u{1F600}",
    "\u{1F469}\u{200D}\u{1F4BB}",
    "e\u{301}",
    "\u{301}",
    "\u{340}",
    "\u{5D0}",
    "\u{627}",
    "\u{661}",
    "\u{6F1}",
    "l\u{B7}l",
    "\u{375}\u{3B1}",
    "\u{30A2}\u{30FB}",
    "\u{1100}\u{1161}",
    "\u{AC00}",
    "\u{378}",
    "\u{FDD0}",
    "\u{E000}",
    "\u{0}",
    "\u{7F}",
    "&",
    "'",
    "\"",
    "<",
    ">",
    "\u{212A}",
    "\u{1D400}",
    "\u{10FFFF}",
];

/// Makes inputs from a seed.
pub struct Generator(u64);

impl Generator {
    /// The same seed makes the same inputs.
    pub fn new(seed: u64) -> Generator {
        Generator(seed)
    }

    /// An input for that target.
    pub fn input(&mut self, target: &str) -> Vec<u8> {
        match target {
            "jid" => self.address(),
            _ => self.stream(),
        }
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn one_in(&mut self, odds: usize) -> bool {
        self.below(odds) == 0
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from.get(self.below(from.len())).copied().unwrap_or_default()
    }

    fn stream(&mut self) -> Vec<u8> {
        let mut out = self.next().to_le_bytes()[..5].to_vec();
        // Mostly one of our clients' streams, after login.
        if !self.one_in(4) {
            out[0] = 0;
        }
        let header = if self.one_in(3) { self.pick(HEADERS) } else { HEADERS[0] };
        let mut text = header.to_owned();
        for _ in 0..self.below(5) {
            match self.below(4) {
                0 => text.push_str(self.pick(STANZAS)),
                1 => text.push_str(self.pick(&[" ", "\n", "\r\n\t", ""])),
                _ => self.element(&mut text, 0),
            }
        }
        if !self.one_in(4) {
            let name =
                header.rsplit('<').next().and_then(|tag| tag.split_whitespace().next()).unwrap_or_default();
            text.push_str(&format!("</{name}>"));
        }
        out.extend_from_slice(text.as_bytes());
        if self.one_in(2) {
            for _ in 0..=self.below(3) {
                self.damage(&mut out, 5, &[TEXTS, ATTRIBUTES, STANZAS]);
            }
        }
        out
    }

    fn element(&mut self, out: &mut String, depth: usize) {
        // The damage at the end, and the rarer names, make enough of it malformed.
        let names = if self.one_in(12) { NAMES } else { &NAMES[..12] };
        let name = self.pick(names);
        out.push('<');
        out.push_str(name);
        for _ in 0..self.below(4) {
            let attributes = if self.one_in(12) { ATTRIBUTES } else { &ATTRIBUTES[..22] };
            out.push_str(self.pick(attributes));
        }
        if self.one_in(5) {
            out.push_str("/>");
            return;
        }
        out.push('>');
        for _ in 0..self.below(4) {
            if depth < 6 && self.one_in(2) {
                self.element(out, depth + 1);
            } else if self.one_in(12) {
                out.push_str(self.pick(TEXTS));
            } else {
                out.push_str(self.pick(&[
                    "x",
                    " ",
                    "\r\n",
                    "&amp;",
                    "&#x41;",
                    "]]",
                    "\u{FC}",
                    "<![CDATA[<&]]>",
                    "\u{1F600}",
                ]));
            }
        }
        out.push_str("</");
        out.push_str(name);
        out.push_str(self.pick(&[">", ">", ">", " >"]));
    }

    fn address(&mut self) -> Vec<u8> {
        let mut text = String::new();
        for _ in 0..=self.below(8) {
            match self.below(8) {
                0 => text.push(char::from_u32(self.next() as u32 & 0x1F_FFFF).unwrap_or('x')),
                1 if self.one_in(20) => text.push_str(&self.pick(ADDRESSES).repeat(self.below(700))),
                _ => text.push_str(self.pick(ADDRESSES)),
            }
        }
        let mut out = text.into_bytes();
        if self.one_in(8) {
            self.damage(&mut out, 0, &[ADDRESSES]);
        }
        out
    }

    /// Changes something behind the first `from` bytes.
    fn damage(&mut self, bytes: &mut Vec<u8>, from: usize, pieces: &[&[&str]]) {
        let at = from + self.below(bytes.len() - from + 1);
        let end = (at + self.below(12)).min(bytes.len());
        match self.below(6) {
            0 => drop(bytes.drain(at..end)),
            1 => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            2 => {
                let other = from + self.below(bytes.len() - from + 1);
                let copy = bytes[at.min(other)..at.max(other)].to_vec();
                bytes.splice(at..at, copy.into_iter().take(4096));
            }
            3 => {
                let byte = self.next() as u8;
                if let Some(place) = bytes.get_mut(at) {
                    *place = byte;
                }
            }
            4 => bytes.truncate(at),
            _ => {
                let list = pieces.get(self.below(pieces.len())).copied().unwrap_or_default();
                let piece = self.pick(list);
                bytes.splice(at..at, piece.bytes());
            }
        }
    }
}
