//! What XEPs contribute to service discovery (XEP-0030).

use super::Request;
use crate::ports::BoxFuture;
use std::sync::Arc;
use wire::frame::XmlWriter;
use wire::ns;

/// What an entity says of itself in service discovery.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    /// `server`, `account`…
    pub category: &'static str,
    /// `im`, `registered`…
    pub type_: &'static str,
    /// Shown to people; none if empty.
    pub name: String,
}

/// What one entity or node announces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// Feature names, sorted.
    pub features: Vec<String>,
    /// Identities, sorted.
    pub identities: Vec<Identity>,
    /// Data forms of XEP-0128, as XML.
    pub forms: Vec<String>,
}

impl Info {
    /// The `<query/>` of disco#info. `node` is mirrored from the request (XEP-0030 §3.2).
    pub fn to_xml(&self, node: Option<&str>) -> String {
        let mut out = XmlWriter::new();
        out.start("query").attr("xmlns", ns::DISCO_INFO).attr_opt("node", node);
        for identity in &self.identities {
            let name = Some(identity.name.as_str()).filter(|name| !name.is_empty());
            out.start("identity").attr("category", identity.category).attr("type", identity.type_);
            out.attr_opt("name", name).end();
        }
        for feature in &self.features {
            out.start("feature").attr("var", feature).end();
        }
        for form in &self.forms {
            out.raw(form);
        }
        out.into_string()
    }
}

/// One item of an entity: something with an address of its own, or a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// Address.
    pub jid: String,
    /// Node, for what has no address of its own.
    pub node: Option<String>,
    /// Shown to people.
    pub name: Option<String>,
}

/// A question of service discovery to an entity of this server.
#[derive(Clone)]
pub struct Inquiry {
    /// The request: who asks whom. Whom there may not be.
    pub request: Arc<Request>,
    /// The node, if it is not about the entity itself.
    pub node: Option<String>,
    /// The asker may see the presence of the account that is asked; always true at a domain. Who may not, must not
    /// learn from the answer whether the account exists, unless its owner made the node public.
    pub trusted: bool,
}

/// What there is to say about a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Answer to disco#info.
    pub info: Info,
    /// Answer to disco#items.
    pub items: Vec<Item>,
}

/// The shape of what answers for nodes.
pub(crate) type NodeHandler = dyn Fn(Inquiry) -> BoxFuture<'static, Option<Node>> + Send + Sync;
