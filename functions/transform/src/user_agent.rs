//! A user agent's family: a rough name for the browser, app or bot.
//!
//! A table, not a crate: woothee, the small one, has data of 2021, knows neither the shop's app nor feed readers, and
//! brings `regex`, which no function needs and which would take longer to build than this function.

/// Marks of each family, tried in order: a browser that claims to be others comes before those.
const FAMILIES: [(&str, &str); 22] = [
    ("googlebot", "Googlebot"),
    ("bingbot", "Bingbot"),
    ("baiduspider", "Baiduspider"),
    ("bot", "Bot"),
    ("spider", "Bot"),
    ("crawl", "Bot"),
    ("feed", "Feed reader"),
    ("rss", "Feed reader"),
    ("shopapp", "ShopApp"),
    ("curl/", "curl"),
    ("wget/", "Wget"),
    ("python", "Python"),
    ("java/", "Java"),
    ("edg", "Edge"),
    ("opr/", "Opera"),
    ("opera", "Opera"),
    ("samsungbrowser", "Samsung Internet"),
    ("firefox/", "Firefox"),
    ("chrom", "Chrome"),
    ("crios", "Chrome"),
    ("safari/", "Safari"),
    ("msie", "Internet Explorer"),
];

/// The family, or `Other`.
pub(crate) fn family(user_agent: &str) -> &'static str {
    let lower = user_agent.to_ascii_lowercase();
    let known = FAMILIES.iter().find(|(mark, _)| lower.contains(mark));
    match known {
        Some((_, family)) => family,
        None if lower.contains("trident/") => "Internet Explorer",
        None => "Other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_of_real_agents() {
        let cases = [
            ("Mozilla/5.0 (Macintosh) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/32.0 Safari/537.36", "Chrome"),
            ("Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.4 Safari/604.1", "Safari"),
            ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Googlebot"),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:27.0) Gecko/20100101 Firefox/27.0", "Firefox"),
            ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge"),
            ("Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0)", "Internet Explorer"),
            ("Mozilla/5.0 (Windows NT 6.3; Trident/7.0; rv:11.0) like Gecko", "Internet Explorer"),
            ("ShopApp/5.2.1 (iPhone16,2; iOS 19.4)", "ShopApp"),
            ("Tiny Tiny RSS/1.11", "Feed reader"),
            ("-", "Other"),
        ];
        for (user_agent, expected) in cases {
            assert_eq!(family(user_agent), expected, "{user_agent}");
        }
    }
}
