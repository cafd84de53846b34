//! The mobile shop: what it sells, who visits it, with which device, and when.

/// A product: its number, the words in its page's address, and its price in cents.
pub(crate) struct Product {
    pub number: u32,
    pub slug: &'static str,
    pub category: &'static str,
    pub price_cents: u64,
}

macro_rules! products {
    ($(($number:literal, $slug:literal, $category:literal, $price:literal)),* $(,)?) => {
        [$(Product { number: $number, slug: $slug, category: $category, price_cents: $price }),*]
    };
}

/// What is sold, best-seller first.
pub(crate) const PRODUCTS: [Product; 24] = products![
    (1043, "trail-running-shoe", "shoes", 11990),
    (1017, "merino-t-shirt", "shirts", 5990),
    (1102, "rain-jacket-light", "jackets", 14900),
    (1008, "everyday-sneaker", "shoes", 8900),
    (1131, "wool-socks-3-pack", "socks", 2490),
    (1066, "linen-shirt", "shirts", 6490),
    (1029, "down-vest", "jackets", 12900),
    (1150, "canvas-tote", "bags", 2990),
    (1011, "city-backpack-20l", "bags", 7990),
    (1094, "hiking-boot-mid", "shoes", 16900),
    (1075, "sun-cap", "hats", 2290),
    (1120, "fleece-pullover", "jackets", 7490),
    (1038, "denim-regular", "trousers", 8490),
    (1083, "chino-slim", "trousers", 6990),
    (1141, "beanie-recycled", "hats", 2490),
    (1057, "sandal-cork", "shoes", 6490),
    (1160, "belt-leather", "accessories", 3990),
    (1172, "sunglasses-round", "accessories", 4490),
    (1188, "weekender-40l", "bags", 11900),
    (1195, "windbreaker-kids", "jackets", 4990),
    (1203, "swim-shorts", "trousers", 3490),
    (1214, "scarf-alpaca", "accessories", 5490),
    (1226, "polo-organic", "shirts", 4490),
    (1239, "rain-boot", "shoes", 5490),
];

/// What people search for.
pub(crate) const SEARCHES: [&str; 10] =
    ["sneaker", "rain+jacket", "socks", "backpack", "linen", "gift+card", "boots", "sale", "hat", "merino"];

/// Landing pages other than the front page, with weights.
pub(crate) const LANDINGS: [(&str, u32); 5] = [
    ("/", 52),
    ("/offers", 14),
    ("/new", 12),
    ("/offers?utm_source=newsletter&utm_campaign=summer", 12),
    ("/stores", 10),
];

/// Where visits come from, with weights; empty is a bookmark or the app.
pub(crate) const REFERRERS: [(&str, u32); 5] = [
    ("", 48),
    ("https://www.google.com/", 27),
    ("https://www.instagram.com/", 13),
    ("https://mail.example.com/", 7),
    ("https://duckduckgo.com/", 5),
];

/// Devices, with weights: a mobile shop is mostly visited on phones.
pub(crate) const USER_AGENTS: [(&str, u32); 8] = [
    ("ShopApp/5.2.1 (iPhone16,2; iOS 19.4)", 24),
    ("ShopApp/5.2.0 (Pixel 10; Android 16)", 21),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 19_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.4 Mobile/15E148 Safari/604.1",
        20,
    ),
    (
        "Mozilla/5.0 (Linux; Android 16; SM-S931B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Mobile Safari/537.36",
        18,
    ),
    (
        "Mozilla/5.0 (Linux; Android 15; SM-A556B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/29.0 Chrome/142.0.0.0 Mobile Safari/537.36",
        6,
    ),
    (
        "Mozilla/5.0 (iPad; CPU OS 19_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.3 Mobile/15E148 Safari/604.1",
        5,
    ),
    ("Mozilla/5.0 (Android 16; Mobile; rv:151.0) Gecko/151.0 Firefox/151.0", 4),
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", 2),
];

/// The app version that forgets to say how much a purchase cost.
pub(crate) const POISON_USER_AGENT: &str = "ShopApp/4.8.0-beta (Nexus 5X; Android 8)";

/// How many of a day's visits begin in each hour (UTC), in parts of 1,000: quiet nights, a bump at
/// noon, the peak on the sofa.
pub(crate) const VISITS_OF_HOUR: [u32; 24] =
    [14, 8, 5, 4, 5, 9, 19, 33, 42, 44, 45, 50, 61, 55, 45, 43, 46, 55, 68, 82, 91, 84, 58, 34];
