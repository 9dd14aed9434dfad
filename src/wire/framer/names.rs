//! Namespaces: what a start tag declares, what its prefixes mean, and what that says about the frame.
//!
//! Default namespaces are followed for a stanza and its direct children only: deeper down they change neither
//! well-formedness nor routing. Prefixes are followed everywhere.

use super::error::*;
use super::header::Inherited;
use super::references::unescape_value;
use super::tokens::{Token, Tokens};
use super::{Content, Context, FramerError, Stage};
use crate::frame::head::{Head, Kind, Span, StanzaType, Value};
use crate::ns;

/// An attribute of the current tag.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attr {
    pub(super) name: Span,
    /// Bytes of the prefix and its colon; zero without.
    pub(super) local: u32,
    pub(super) value: Span,
    pub(super) escaped: bool,
    /// What its prefix means, once that was looked up.
    pub(super) bound: Bound,
}

/// Where a prefix is bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    /// No prefix.
    Nowhere,
    /// The predefined `xml`.
    Xml,
    /// In the frame: the index of the binding.
    Here(u32),
    /// On the stream root: the index of the prefix.
    Outside(u32),
}

impl Attr {
    fn prefix<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        let whole = self.name.of(bytes);
        &whole[..(self.local as usize).saturating_sub(1)]
    }

    fn local_name<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        &self.name.of(bytes)[self.local as usize..]
    }
}

/// A prefix declared inside the frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Binding {
    prefix: Span,
    value: Value,
}

/// An element whose end tag is still to come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Open {
    /// The name as written.
    pub(super) name: Span,
    /// How many prefixes were bound outside of it.
    pub(super) bindings: u32,
}

/// What a prefix or a default stands for.
#[derive(Debug, Clone, Copy)]
enum Namespace<'c> {
    /// Declared in the frame.
    Here(Value),
    /// Declared on the stream root, predefined, or implied by the stream.
    Outside(&'c str),
}

impl Namespace<'_> {
    fn is(&self, bytes: &[u8], name: &str) -> bool {
        match self {
            Namespace::Here(value) if value.escaped => unescape_value(value.span.text(bytes)) == name,
            Namespace::Here(value) => value.span.of(bytes) == name.as_bytes(),
            Namespace::Outside(outside) => *outside == name,
        }
    }

    fn same(&self, other: &Namespace<'_>, bytes: &[u8]) -> bool {
        match other {
            Namespace::Here(value) => self.is(bytes, &unescape_value(value.span.text(bytes))),
            Namespace::Outside(outside) => self.is(bytes, outside),
        }
    }
}

impl Tokens {
    /// A start tag is complete; `tail` is where its `>` or `/` stands.
    pub(super) fn start_tag(
        &mut self,
        bytes: &[u8],
        tail: usize,
        closed: bool,
        context: &Context<'_>,
    ) -> Result<Option<Token>, FramerError> {
        let bound_outside = self.bindings.len() as u32;
        let default = self.attributes(bytes, context)?;
        if context.stage != Stage::Stream {
            self.prefix_of_tag(bytes, context)?;
            return Ok(Some(Token::Header { closed }));
        }
        self.elements += 1;
        if self.elements > context.limits.children {
            return Err(TOO_MANY_ELEMENTS);
        }
        if self.stack.len() >= context.limits.depth {
            return Err(TOO_DEEP);
        }
        match self.stack.len() {
            0 => self.root_element(bytes, tail, default, context)?,
            1 => self.direct_child(bytes, default, context)?,
            _ => {
                self.prefix_of_tag(bytes, context)?;
            }
        }
        if closed {
            self.bindings.truncate(bound_outside as usize);
            return Ok(self.stack.is_empty().then_some(Token::Frame));
        }
        self.stack.push(Open { name: self.tag, bindings: bound_outside });
        Ok(None)
    }

    /// Checks the attributes of the tag and takes its declarations; returns the default namespace declared.
    fn attributes(&mut self, bytes: &[u8], context: &Context<'_>) -> Result<Option<Value>, FramerError> {
        let mut default = None;
        let mut prefixed = 0;
        for (at, attr) in self.attrs.iter().enumerate() {
            let name = attr.name.of(bytes);
            if self.attrs[..at].iter().any(|a| a.name.len == attr.name.len && a.name.of(bytes) == name) {
                return Err(DUPLICATE_ATTRIBUTE);
            }
            if !name.starts_with(b"xmlns") {
                prefixed += usize::from(attr.local != 0);
                continue;
            }
            let value = Value { span: attr.value, escaped: attr.escaped };
            let prefix = match attr.local {
                0 if name.len() == 5 => None,
                6 => Some(attr.local_name(bytes)),
                _ => {
                    prefixed += usize::from(attr.local != 0);
                    continue;
                }
            };
            self.declarations += 1;
            if self.declarations > context.limits.namespaces {
                return Err(TOO_MANY_NAMESPACES);
            }
            let namespace = Namespace::Here(value);
            check_declaration(prefix, &namespace, bytes)?;
            if context.stage == Stage::Stream {
                self.needs_rewrite |=
                    value.escaped || context.must_rescope(&self.stack, prefix, bytes, value);
            }
            match prefix {
                None => default = Some(value),
                Some(b"xml") => {}
                Some(_) => {
                    if self.bindings.len() >= context.limits.prefixes {
                        return Err(TOO_MANY_NAMESPACES);
                    }
                    let prefix = Span::new(attr.name.start as usize + 6, attr.name.end());
                    self.bindings.push(Binding { prefix, value });
                }
            }
        }
        if prefixed > 0 {
            self.check_prefixed(bytes, context)?;
        }
        Ok(default)
    }

    /// Prefixes of attributes are bound, and no two attributes have the same expanded name. Namespaces in XML 1.0 §6.3
    fn check_prefixed(&mut self, bytes: &[u8], context: &Context<'_>) -> Result<(), FramerError> {
        for at in 0..self.attrs.len() {
            let attr = self.attrs[at];
            let prefix = attr.prefix(bytes);
            if prefix.is_empty() || prefix == b"xmlns" {
                continue;
            }
            let bound = self.find(prefix, bytes, context)?;
            self.needs_rewrite |= matches!(bound, Bound::Outside(_));
            self.attrs[at].bound = bound;
            let namespace = self.namespace(bound, context);
            for other in &self.attrs[..at] {
                if other.bound != Bound::Nowhere
                    && other.local_name(bytes) == attr.local_name(bytes)
                    && self.namespace(other.bound, context).same(&namespace, bytes)
                {
                    return Err(DUPLICATE_ATTRIBUTE);
                }
            }
        }
        Ok(())
    }

    /// Where the prefix is bound.
    fn find(&self, prefix: &[u8], bytes: &[u8], context: &Context<'_>) -> Result<Bound, FramerError> {
        if prefix == b"xml" {
            return Ok(Bound::Xml);
        }
        if let Some(at) = self.bindings.iter().rposition(|binding| binding.prefix.of(bytes) == prefix) {
            return Ok(Bound::Here(at as u32));
        }
        let prefixes = context.root.map(|root| &*root.prefixes).unwrap_or_default();
        match prefixes.iter().position(|(bound, _)| bound.as_bytes() == prefix) {
            Some(at) => Ok(Bound::Outside(at as u32)),
            None => Err(UNBOUND_PREFIX),
        }
    }

    fn namespace<'c>(&self, bound: Bound, context: &Context<'c>) -> Namespace<'c> {
        match bound {
            Bound::Nowhere => Namespace::Outside(""),
            Bound::Xml => Namespace::Outside(ns::XML),
            Bound::Here(at) => Namespace::Here(self.bindings[at as usize].value),
            Bound::Outside(at) => {
                Namespace::Outside(context.root.map_or("", |root| &root.prefixes[at as usize].1))
            }
        }
    }

    /// The namespace of the current tag if it has a prefix.
    fn prefix_of_tag<'c>(
        &mut self,
        bytes: &[u8],
        context: &Context<'c>,
    ) -> Result<Option<Namespace<'c>>, FramerError> {
        if self.tag_local == 0 {
            return Ok(None);
        }
        let prefix = &self.tag.of(bytes)[..self.tag_local as usize - 1];
        let bound = self.find(prefix, bytes, context)?;
        self.needs_rewrite |= matches!(bound, Bound::Outside(_));
        Ok(Some(self.namespace(bound, context)))
    }

    fn local_tag(&self) -> Span {
        Span::new((self.tag.start + self.tag_local) as usize, self.tag.end())
    }

    fn root_element(
        &mut self,
        bytes: &[u8],
        tail: usize,
        default: Option<Value>,
        context: &Context<'_>,
    ) -> Result<(), FramerError> {
        let name = self.local_tag();
        let prefixed = self.prefix_of_tag(bytes, context)?;
        self.needs_rewrite |= prefixed.is_some();
        self.needs_rewrite |= default.is_none() && context.inherited != Inherited::Content;
        let namespace = match (prefixed, default) {
            (Some(namespace), _) => namespace,
            (None, Some(value)) => Namespace::Here(value),
            (None, None) => Namespace::Outside(context.inherited.namespace(context.content)),
        };
        let in_content = namespace.is(bytes, context.content.namespace());
        let kind = match name.of(bytes) {
            b"message" => Kind::Message,
            b"presence" => Kind::Presence,
            b"iq" => Kind::Iq,
            _ => Kind::Other,
        };
        if kind != Kind::Other
            && !in_content
            && Content::ALL.iter().any(|c| namespace.is(bytes, c.namespace()))
        {
            // RFC 6120 §4.8.3: a content namespace that is not this stream's.
            return Err(WRONG_CONTENT_NAMESPACE);
        }
        let kind = if in_content { kind } else { Kind::Other };
        let ns = match namespace {
            Namespace::Here(value) if !in_content => value.span,
            _ => Span::NONE,
        };
        let mut head = Head { kind, name, ns, tail: tail as u32, ..Head::EMPTY };
        while head.tail > 0 && bytes[head.tail as usize - 1].is_ascii_whitespace() {
            head.tail -= 1;
        }
        let mut type_ = None;
        let mut end = self.tag.end();
        let mut tidy = self.declarations == 0;
        for attr in &self.attrs {
            tidy &= bytes[end] == b' '
                && attr.name.start as usize == end + 1
                && attr.value.start as usize == attr.name.end() + 2;
            end = attr.value.end() + 1;
            let slot = match attr.name.of(bytes) {
                b"id" => &mut head.id,
                b"to" => &mut head.to,
                b"from" => &mut head.from,
                b"xml:lang" => &mut head.lang,
                b"type" => {
                    type_ = Some(attr);
                    continue;
                }
                _ => continue,
            };
            *slot = Value { span: attr.value, escaped: attr.escaped };
        }
        head.tidy = tidy && end == tail;
        head.type_ = match type_ {
            Some(attr) if attr.escaped => {
                StanzaType::parse(kind, Some(unescape_value(attr.value.text(bytes)).as_bytes()))
            }
            _ => StanzaType::parse(kind, type_.map(|attr| attr.value.of(bytes))),
        };
        self.head = head;
        Ok(())
    }

    fn direct_child(
        &mut self,
        bytes: &[u8],
        default: Option<Value>,
        context: &Context<'_>,
    ) -> Result<(), FramerError> {
        let namespace = match (self.prefix_of_tag(bytes, context)?, default) {
            (Some(Namespace::Here(value)), _) | (None, Some(value)) => value.span,
            // Known from the stream root only: the frame is rewritten, and this found anew.
            (Some(Namespace::Outside(_)), _) => Span::NONE,
            (None, None) => self.head.ns,
        };
        let bit =
            if namespace.is_none() { context.content_bit } else { context.names.bit_of(namespace.of(bytes)) };
        self.head.children |= bit;
        self.head.child_count += 1;
        if self.head.child_count == 1 {
            self.head.payload_name = self.local_tag();
            self.head.payload_ns = namespace;
        }
        Ok(())
    }
}

/// Which declarations are allowed. Namespaces in XML 1.0 §2.2, §3, §5
fn check_declaration(
    prefix: Option<&[u8]>,
    namespace: &Namespace<'_>,
    bytes: &[u8],
) -> Result<(), FramerError> {
    let allowed = match prefix {
        Some(b"xmlns") => false,
        Some(b"xml") => namespace.is(bytes, ns::XML),
        Some(_) => !namespace.is(bytes, "") && !reserved(namespace, bytes),
        None => !reserved(namespace, bytes),
    };
    if allowed { Ok(()) } else { Err(BAD_NAMESPACE_DECLARATION) }
}

fn reserved(namespace: &Namespace<'_>, bytes: &[u8]) -> bool {
    namespace.is(bytes, ns::XML) || namespace.is(bytes, ns::XMLNS)
}
