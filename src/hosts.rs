//! Who may be spoken to: the one policy for providers of language models, and for the hub of embedding models with the
//! hosts that it sends on to.
//!
//! Addresses are read by the parser of the client that connects (`reqwest::Url`), so the host that is checked is the
//! host that is spoken to: user names, backslashes, upper case, punycode and IPv6 mean the same in both places.
//!
//! `MUSTER_ALLOWED_HOSTS` is a comma-separated list of `host` (any port) or `host:port` (the port of the scheme where
//! the address names none). Not set: every host. Set and blank: none. A list that cannot be read allows nothing and
//! says so. This machine is a host like any other.

use crate::env;
use reqwest::Url;

/// An http or https address with a host.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Address(Url);

impl Address {
    /// Address of a text; `None` where it is none.
    pub(crate) fn parse(text: &str) -> Option<Address> {
        let url = Url::parse(text).ok()?;
        let plain = ["http", "https"].contains(&url.scheme()) && url.host_str().is_some_and(|host| !host.is_empty());
        plain.then_some(Address(url))
    }

    /// Address that a redirect leads to from this one, which may be relative; `None` where it is none.
    pub(crate) fn redirected(&self, location: &str) -> Option<Address> {
        Address::parse(self.0.join(location).ok()?.as_str())
    }

    /// The whole address, as the parser writes it.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Scheme, host and port, without what may stand before and behind.
    pub(crate) fn server(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// Whether scheme, host and port are those of another address.
    pub(crate) fn is_server_of(&self, other: &Address) -> bool {
        let of = |address: &Address| (address.is_encrypted(), address.0.port_or_known_default());
        self.name() == other.name() && of(self) == of(other)
    }

    /// Host in lower case and punycode, an IPv6 address in brackets.
    pub(crate) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Whether it names this machine, whatever a name server says.
    pub(crate) fn is_loopback(&self) -> bool {
        let bare = self.host().trim_start_matches('[').trim_end_matches(']');
        bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// Whether a user name or a password stands in it.
    pub(crate) fn has_credentials(&self) -> bool {
        !self.0.username().is_empty() || self.0.password().is_some()
    }

    /// Whether a query or a fragment stands behind its path.
    pub(crate) fn has_query(&self) -> bool {
        self.0.query().is_some() || self.0.fragment().is_some()
    }

    /// Host as it is compared: a dot at the end says only that the name is complete.
    fn name(&self) -> &str {
        self.host().trim_end_matches('.')
    }
}

/// The hosts that may be spoken to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Allowed {
    /// List as given; `None` = every host.
    list: Option<String>,
}

/// Reason why a host may not be spoken to.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum HostError {
    #[error("is not in MUSTER_ALLOWED_HOSTS ({list})")]
    NotListed { list: String },
    #[error("cannot be checked: MUSTER_ALLOWED_HOSTS must list 'host' or 'host:port', got '{entry}'")]
    Unreadable { entry: String },
}

impl Allowed {
    /// Hosts of the environment variable.
    pub(crate) fn from_environment() -> Allowed {
        // what is not UTF-8 becomes an entry that is no host
        Allowed { list: env::ALLOWED_HOSTS.raw().map(|value| value.to_string_lossy().into_owned()) }
    }

    /// Hosts of a list.
    #[cfg(test)]
    pub(crate) fn of(list: &str) -> Allowed {
        Allowed { list: Some(list.to_string()) }
    }

    /// Checks the host of an address.
    ///
    /// # Errors
    ///
    /// Where the host of `address` is not on the list, or the list cannot be read; the error goes on from "host … ".
    pub(crate) fn check(&self, address: &Address) -> Result<(), HostError> {
        let Some(list) = &self.list else { return Ok(()) };
        let mut listed = false;
        for entry in list.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let entry = Entry::parse(entry).ok_or_else(|| HostError::Unreadable { entry: entry.to_string() })?;
            listed |= entry.host.name() == address.name()
                && entry.port.is_none_or(|port| address.0.port_or_known_default() == Some(port));
        }
        if listed { Ok(()) } else { Err(HostError::NotListed { list: list.trim().to_string() }) }
    }

    /// Whether there is a list, and the host of `address` is on it.
    pub(crate) fn lists(&self, address: &Address) -> bool {
        self.list.is_some() && self.check(address).is_ok()
    }
}

/// One entry of the list.
struct Entry {
    /// The host, as an address without a path.
    host: Address,
    /// Port; `None` = any.
    port: Option<u16>,
}

impl Entry {
    fn parse(text: &str) -> Option<Entry> {
        // an IPv6 address may stand without brackets, since more than one colon cannot be a port
        let bare = text.matches(':').count() > 1 && !text.starts_with('[');
        let text = if bare { format!("[{text}]") } else { text.to_string() };
        if text.contains(['/', '\\', '?', '#', '@']) || text.contains(char::is_whitespace) || text.contains('\u{fffd}')
        {
            return None;
        }
        // a scheme's own port is dropped by the parser, so that the port is read apart
        let (host, port) = match text.rsplit_once(':').filter(|(host, _)| !host.starts_with('[') || host.ends_with(']'))
        {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (text.as_str(), None),
        };
        Some(Entry { host: Address::parse(&format!("https://{host}/"))?, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(list: &str, address: &str) -> bool {
        Allowed::of(list).check(&Address::parse(address).unwrap()).is_ok()
    }

    #[test]
    fn addresses_lead_to_the_host_that_the_client_connects_to() {
        for (text, host, loopback) in [
            ("https://huggingface.co", "huggingface.co", false),
            ("HTTPS://Example.ORG:8080/path?x@y", "example.org", false),
            ("http://user:word@example.org/", "example.org", false),
            // the client takes a backslash for a slash
            (r"https://allowed.org\@evil.org/", "allowed.org", false),
            ("https://allowed.org@evil.org/", "evil.org", false),
            ("http://127.0.0.1.evil.org/v1", "127.0.0.1.evil.org", false),
            ("http://evil.org#localhost", "evil.org", false),
            ("http://localhost:11434/v1", "localhost", true),
            ("http://LOCALHOST/", "localhost", true),
            // a name server is asked for this one
            ("http://localhost./", "localhost.", false),
            ("http://127.0.0.1:80/", "127.0.0.1", true),
            // other ways to write it
            ("http://0x7f.1/", "127.0.0.1", true),
            ("http://[::1]:80/", "[::1]", true),
            ("http://[0:0:0:0:0:0:0:1]/", "[::1]", true),
            ("http://[::ffff:127.0.0.1]/", "[::ffff:7f00:1]", false),
            ("http://10.0.0.1/", "10.0.0.1", false),
            ("https://bücher.example/", "xn--bcher-kva.example", false),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.host(), address.is_loopback()), (host, loopback), "{text}");
        }
        for text in ["", "localhost", "ftp://localhost/v1", "file:///etc/passwd", "https://", "http://a b/", "//host"] {
            assert_eq!(Address::parse(text), None, "{text}");
        }
    }

    #[test]
    fn parts_beside_the_host_are_seen() {
        let of = |text: &str| Address::parse(text).unwrap();
        assert!(of("https://u@x/").has_credentials() && of("https://:p@x/").has_credentials());
        assert!(!of(r"https://x\@y/").has_credentials());
        assert!(of("https://x/?a").has_query() && of("https://x/#a").has_query() && !of("https://x/a").has_query());
        assert!(of("https://x/").is_encrypted() && !of("http://x/").is_encrypted());
    }

    /// The table for providers and for the hub: both call this one function.
    #[test]
    fn lists() {
        for (list, address, expected) in [
            ("example.org", "https://example.org", true),
            ("example.org", "https://example.org:8080/x", true),
            ("example.org", "https://sub.example.org", false),
            ("example.org", "https://example.org.evil.org", false),
            ("other.org, Example.ORG ", "https://EXAMPLE.org/", true),
            ("example.org:8080", "http://example.org:8080/", true),
            ("example.org:8080", "http://example.org/", false),
            // the port of the scheme where none is named
            ("example.org:443", "https://example.org/", true),
            ("example.org:443", "https://example.org:443/", true),
            ("example.org:443", "http://example.org/", false),
            ("example.org:80", "http://example.org/", true),
            ("example.org:443", "https://example.org:8443/", false),
            // a dot at the end
            ("example.org", "https://example.org./", true),
            ("example.org.", "https://example.org/", true),
            // user names and backslashes
            ("allowed.org", "https://allowed.org@evil.org/", false),
            ("allowed.org", r"https://allowed.org\@evil.org/", true),
            ("evil.org", r"https://allowed.org\@evil.org/", false),
            // IPv6, in and without brackets
            ("[::1]", "http://[::1]:80/", true),
            ("::1", "http://[0:0::1]/", true),
            ("[::1]:8080", "http://[::1]:8080/", true),
            ("[::1]:8080", "http://[::1]/", false),
            ("127.0.0.1", "http://127.0.0.1:9/", true),
            ("localhost", "http://127.0.0.1/", false),
            // punycode
            ("bücher.example", "https://xn--bcher-kva.example/", true),
            ("xn--bcher-kva.example", "https://BÜCHER.example/", true),
            // a list that is set and empty allows nothing, not even this machine
            ("", "https://example.org/", false),
            (" \t", "http://127.0.0.1/", false),
            (",", "http://127.0.0.1/", false),
        ] {
            assert_eq!(allowed(list, address), expected, "{list:?} {address}");
        }
        let any = Address::parse("https://example.org").unwrap();
        assert_eq!(Allowed::default().check(&any), Ok(()));
    }

    #[test]
    fn servers_are_told_by_scheme_host_and_port() {
        let same = |one: &str, two: &str| Address::parse(one).unwrap().is_server_of(&Address::parse(two).unwrap());
        assert!(same("https://api.example.org", "https://API.example.org.:443/v1"));
        for other in ["http://api.example.org", "https://api.example.org:8443", "https://api.example.org.evil.org"] {
            assert!(!same("https://api.example.org", other), "{other}");
        }
        let to = |location: &str| {
            let address = Address::parse("https://hub.example/org/name").unwrap().redirected(location);
            address.map(|address| address.as_str().to_string())
        };
        for (location, address) in [
            ("/api/x?y", Some("https://hub.example/api/x?y")),
            ("https://files.example/z", Some("https://files.example/z")),
            ("//files.example/z", Some("https://files.example/z")),
            (r"https://hub.example\@files.example/", Some("https://hub.example/@files.example/")),
            ("file:///etc/passwd", None),
        ] {
            assert_eq!(to(location).as_deref(), address, "{location}");
        }
        let any = Address::parse("https://example.org").unwrap();
        assert!(!Allowed::default().lists(&any) && Allowed::of("example.org").lists(&any));
    }

    #[test]
    fn lists_that_cannot_be_read_allow_nothing() {
        let address = Address::parse("https://example.org").unwrap();
        for entry in
            ["https://example.org", "example.org:port", "example.org:99999", "a b", "x@y", "\u{fffd}", "*.org/"]
        {
            let error = Allowed::of(&format!("example.org,{entry}")).check(&address).unwrap_err();
            assert_eq!(error, HostError::Unreadable { entry: entry.to_string() });
        }
        let error = Allowed::of("a.org, b.org:1").check(&address).unwrap_err().to_string();
        assert_eq!(error, "is not in MUSTER_ALLOWED_HOSTS (a.org, b.org:1)");
    }
}
