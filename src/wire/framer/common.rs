//! The short cut for tags as nearly all are written.
//!
//! **Invariant:** it takes nothing that the state machine would not take, with the same result; whatever is out of the
//! ordinary, wrong or incomplete it leaves to the machine.

use super::chars::{NAME, NAME_START, is, run, value_run};
use super::names::{Attr, Bound};
use super::tokens::{Token, Tokens};
use super::{Context, FramerError};
use crate::frame::head::Span;

impl Tokens {
    /// Takes a whole tag in one go if all of it is there and written the way nearly all are: ASCII, one blank before an
    /// attribute, none elsewhere, no references. Otherwise `None`, nothing is taken and the machine goes step by step.
    /// A chat message costs 0.53 instead of 0.67 µs; the property test that cuts input anywhere compares the two.
    #[inline(always)]
    pub(super) fn common_tag(
        &mut self,
        bytes: &[u8],
        open: usize,
        context: &Context<'_>,
    ) -> Result<Option<(usize, Option<Token>)>, FramerError> {
        match self.scan_common_tag(bytes, open, context) {
            None => Ok(None),
            Some(CommonTag::Start { tail, closed }) => {
                let end = tail + 1 + usize::from(closed);
                let token = self.start_tag(bytes, tail, closed, context)?;
                Ok(Some((end, token)))
            }
            Some(CommonTag::End { end }) => {
                let token = self.end_tag();
                Ok(Some((end, token)))
            }
        }
    }

    #[inline(always)]
    fn scan_common_tag(&mut self, bytes: &[u8], open: usize, context: &Context<'_>) -> Option<CommonTag> {
        let limits = context.limits;
        let start = open + 1;
        if *bytes.get(start)? == b'/' {
            let name = self.stack.last()?.name.of(bytes);
            let end = start + 1 + name.len();
            if bytes.get(start + 1..end)? != name || *bytes.get(end)? != b'>' {
                return None;
            }
            return Some(CommonTag::End { end: end + 1 });
        }
        let (mut pos, local) = common_name(bytes, start, limits.name_bytes)?;
        self.tag = Span::new(start, pos);
        self.tag_local = (local - start) as u32;
        self.attrs.clear();
        loop {
            match *bytes.get(pos)? {
                b' ' => {}
                b'>' => return Some(CommonTag::Start { tail: pos, closed: false }),
                b'/' if *bytes.get(pos + 1)? == b'>' => {
                    return Some(CommonTag::Start { tail: pos, closed: true });
                }
                _ => return None,
            }
            let start = pos + 1;
            if self.attrs.len() >= limits.attributes {
                return None;
            }
            let (end, local) = common_name(bytes, start, limits.name_bytes)?;
            if *bytes.get(end)? != b'=' {
                return None;
            }
            let quote = *bytes.get(end + 1)?;
            if quote != b'\'' && quote != b'"' {
                return None;
            }
            let value = end + 2;
            let value_end = value + value_run(bytes.get(value..)?);
            if *bytes.get(value_end)? != quote {
                return None;
            }
            self.attrs.push(Attr {
                name: Span::new(start, end),
                local: (local - start) as u32,
                value: Span::new(value, value_end),
                escaped: false,
                bound: Bound::Nowhere,
            });
            pos = value_end + 1;
        }
    }
}

/// What [`Tokens::scan_common_tag`] found.
enum CommonTag {
    Start { tail: usize, closed: bool },
    End { end: usize },
}

/// The end of the ASCII name that starts there, and where its local part starts.
#[inline(always)]
fn common_name(bytes: &[u8], start: usize, limit: usize) -> Option<(usize, usize)> {
    let mut local = start;
    let mut end = common_part(bytes, start)?;
    if *bytes.get(end)? == b':' {
        local = end + 1;
        end = common_part(bytes, local)?;
    }
    (end - start <= limit).then_some((end, local))
}

#[inline(always)]
fn common_part(bytes: &[u8], start: usize) -> Option<usize> {
    if !is(*bytes.get(start)?, NAME_START) {
        return None;
    }
    Some(start + 1 + run(&bytes[start + 1..], NAME))
}
