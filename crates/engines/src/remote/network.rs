//! Which addresses an engine may have.
//!
//! A name of the public internet that resolves inward (to loopback, private or link-local
//! addresses) is how a request is turned against the organisation's own network, or a
//! confidential one is sent to a stranger behind a trusted name. The addresses are checked
//! where the connection takes them from, so there is no second look-up to trick.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::RemoteError;

/// Where an engine stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// On the internet: only public addresses, only `https`.
    Public,
    /// In the organisation's own network, or on this machine.
    Own,
}

impl Network {
    /// Whether an engine there may have this address. Link-local addresses are never an
    /// engine's: the metadata services of clouds, which hand out credentials, live there.
    #[must_use]
    pub fn allows(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        match (self, address) {
            (_, IpAddr::V4(it)) if it.is_link_local() || it.is_multicast() => false,
            (_, IpAddr::V6(it)) if it.is_unicast_link_local() || it.is_multicast() => false,
            (_, it) if it.is_unspecified() => false,
            (Self::Own, _) => true,
            (Self::Public, IpAddr::V4(it)) => is_public_v4(it),
            (Self::Public, IpAddr::V6(it)) => is_public_v6(it),
        }
    }

    /// Checks an engine's address as it stands in the configuration.
    pub(super) fn check(self, url: &reqwest::Url) -> Result<(), RemoteError> {
        let refused = |reason: &str| RemoteError::Url(url.to_string(), reason.to_owned());
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(refused("an engine is reached by http or https")),
        };
        if self == Self::Public && !secure {
            return Err(refused(
                "a key would travel unencrypted: use https, or say `network = \"own\"` if the engine stands in your own network",
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("a key does not belong into a URL: use `key`"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refused("give the base address, without `?` and `#`"));
        }
        let host = url.host_str().ok_or_else(|| refused("it names no host"))?;
        // An address in the URL never meets the resolver.
        if let Ok(address) = host.trim_matches(['[', ']']).parse()
            && !self.allows(address)
        {
            return Err(refused(
                "its address is not public: say `network = \"own\"` if the engine stands in your own network",
            ));
        }
        Ok(())
    }
}

/// Special-purpose blocks of RFC 6890 and its successors are not public.
fn is_public_v4(it: Ipv4Addr) -> bool {
    let [a, b, c, _] = it.octets();
    !(it.is_loopback()
        || it.is_private()
        || it.is_broadcast()
        || it.is_documentation()
        || a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19))
        || a >= 240)
}

fn is_public_v6(it: Ipv6Addr) -> bool {
    // Only 2000::/3 is given out. Of it: documentation, benchmarks and tunnels that carry an
    // IPv4 address (6to4, Teredo, NAT64 lies outside) are not a provider's.
    let [a, b, ..] = it.segments();
    a & 0xe000 == 0x2000
        && !(a == 0x2001 && (b == 0x0db8 || b == 0 || b == 2))
        && a != 0x2002
        && !(a == 0x3fff && b < 0x1000)
}

/// Looks names up as the machine does, and refuses what the network does not allow.
#[derive(Debug, Clone, Copy)]
pub(super) struct CheckedResolver(pub(super) Network);

impl CheckedResolver {
    pub(super) fn shared(network: Network) -> Arc<Self> {
        Arc::new(Self(network))
    }
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let network = self.0;
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            // One bad address among good ones is no accident: refuse them all.
            if let Some(bad) = found.iter().find(|it| !network.allows(it.ip())) {
                let text = format!(
                    "`{}` resolves to {}, which is not an address that this engine may have",
                    name.as_str(),
                    bad.ip()
                );
                return Err(text.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, public: bool, own: bool) {
        let address: IpAddr = address.parse().unwrap();
        assert_eq!(Network::Public.allows(address), public, "public: {address}");
        assert_eq!(Network::Own.allows(address), own, "own: {address}");
    }

    #[test]
    fn only_public_addresses_are_public() {
        for address in ["1.1.1.1", "104.18.6.192", "2606:4700::6810:1", "100.63.0.1"] {
            check(address, true, true);
        }
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "::1",
            "fd00::1",
            "198.18.0.1",
            "240.0.0.1",
            "::ffff:10.0.0.1",
            "2002:0a00:0001::1",
            "2001:db8::1",
            "64:ff9b::a00:1",
            "::ffff:127.0.0.1",
        ] {
            check(address, false, true);
        }
        for address in ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "0.0.0.0", "::"] {
            check(address, false, false);
        }
    }

    #[track_caller]
    fn url(text: &str, network: Network, expected: Option<&str>) {
        let said = network.check(&reqwest::Url::parse(text).unwrap());
        match (said, expected) {
            (Ok(()), None) => {}
            (Err(error), Some(expected)) => {
                assert!(error.to_string().contains(expected), "{error}");
            }
            (said, expected) => panic!("{text}: {said:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn an_address_is_checked_before_it_is_used() {
        url("https://api.openai.com/v1", Network::Public, None);
        url("http://api.openai.com/v1", Network::Public, Some("https"));
        url("http://127.0.0.1:8000/v1", Network::Own, None);
        url("https://127.0.0.1/v1", Network::Public, Some("own"));
        url("https://2130706433/v1", Network::Public, Some("own"));
        url("https://[::1]/v1", Network::Public, Some("own"));
        url("http://169.254.169.254/latest", Network::Own, Some("not public"));
        url("https://me:pass@api.openai.com/", Network::Public, Some("key"));
        url("file:///etc/passwd", Network::Own, Some("http"));
    }
}
