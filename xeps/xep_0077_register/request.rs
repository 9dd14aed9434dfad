//! What a `jabber:iq:register` set asks for.

use super::NS;
use minidom::Element;

/// It.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// To remove the account.
    Remove,
    /// To make an account, or to change its password.
    Account(Form),
    /// Neither.
    Nonsense,
}

/// The fields that were filled in.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Form {
    username: String,
    password: String,
}

impl Form {
    /// User name and password, if there are both.
    pub(super) fn complete(&self) -> Option<(&str, &str)> {
        let complete = !self.username.is_empty() && !self.password.is_empty();
        complete.then_some((self.username.as_str(), self.password.as_str()))
    }
}

impl Wish {
    pub(super) fn read(query: &Element) -> Wish {
        if !query.is("query", NS) {
            return Wish::Nonsense;
        }
        if query.has_child("remove", NS) {
            // §3.2: "The <remove/> element was not the only child element."
            return if query.children().count() == 1 { Wish::Remove } else { Wish::Nonsense };
        }
        let field = |name| query.get_child(name, NS).map(Element::text).unwrap_or_default();
        Wish::Account(Form { username: field("username"), password: field("password") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &str) -> Wish {
        Wish::read(&format!("<query xmlns='{NS}'>{content}</query>").parse().unwrap())
    }

    #[test]
    fn wishes() {
        let form = |username: &str, password: &str| {
            Wish::Account(Form { username: username.to_owned(), password: password.to_owned() })
        };
        assert_eq!(read("<username>bill</username><password>a &amp; b</password>"), form("bill", "a & b"));
        assert_eq!(read("<username>bill</username><password/><email>b@x</email>"), form("bill", ""));
        assert_eq!(read(""), form("", ""));
        assert_eq!(read("<remove/>"), Wish::Remove);
        assert_eq!(read("<remove/><username>bill</username>"), Wish::Nonsense);
        assert_eq!(read("<remove xmlns='urn:x'/>"), form("", ""));
        assert_eq!(Wish::read(&format!("<other xmlns='{NS}'/>").parse().unwrap()), Wish::Nonsense);
    }

    #[test]
    fn a_form_is_complete_with_both() {
        let form = |username: &str, password: &str| Form {
            username: username.to_owned(),
            password: password.to_owned(),
        };
        assert_eq!(form("a", "b").complete(), Some(("a", "b")));
        assert_eq!(form("a", "").complete(), None);
        assert_eq!(form("", "b").complete(), None);
    }
}
