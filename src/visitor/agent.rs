//! What kind of program asks, by its User-Agent and its client hints.
//!
//! In: header values. Out: an [`Agent`]: class of device, families of browser and system, class of bot; what the browser
//! fetches ahead of a visit. It must not trust any of it for more than showing things: whoever asks says it of themselves.

/// What a User-Agent tells. Families are one word for all versions: `Chrome`, `iOS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    pub device: &'static str,
    /// `None` if it is no browser, or an unknown one.
    pub browser: Option<&'static str>,
    pub os: Option<&'static str>,
    /// `None` where nothing says that it is a program without a visitor.
    pub bot: Option<Bot>,
}

/// What a program without a visitor is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bot {
    /// Fills the index of a search engine.
    Search,
    /// Gathers text for a language model, or reads for one.
    Ai,
    /// Draws the preview of a link in a message.
    Preview,
    /// Reads feeds.
    Feed,
    /// Looks whether the site is up.
    Monitor,
    /// A library or a command.
    Tool,
    Other,
}

impl Bot {
    /// As code sees it.
    pub fn word(self) -> &'static str {
        match self {
            Bot::Search => "search",
            Bot::Ai => "ai",
            Bot::Preview => "preview",
            Bot::Feed => "feed",
            Bot::Monitor => "monitor",
            Bot::Tool => "tool",
            Bot::Other => "other",
        }
    }
}

/// A request that no visitor made yet: what it shows may never be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ahead {
    /// Fetched, and not shown.
    Prefetch,
    /// Drawn out of sight.
    Prerender,
}

impl Ahead {
    /// As code sees it.
    pub fn word(self) -> &'static str {
        match self {
            Ahead::Prefetch => "prefetch",
            Ahead::Prerender => "prerender",
        }
    }

    /// What `Sec-Purpose` says; in `Purpose` and `X-Purpose` browsers said it before there was that, Firefox in `X-Moz`.
    pub fn said(purpose: &str) -> Option<Self> {
        let purpose = purpose.trim();
        let is_first = |word: &str| purpose.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        match () {
            () if !is_first("prefetch") && !is_first("preview") => None,
            () if purpose.to_ascii_lowercase().contains("prerender") || is_first("preview") => Some(Ahead::Prerender),
            () => Some(Ahead::Prefetch),
        }
    }
}

/// Parts of the names by which bots call themselves that the parser's list does not tell apart, or does not have.
const BOTS: [(&str, Bot); 40] = [
    ("gptbot", Bot::Ai),
    ("oai-searchbot", Bot::Ai),
    ("chatgpt-user", Bot::Ai),
    ("claudebot", Bot::Ai),
    ("claude-user", Bot::Ai),
    ("anthropic-ai", Bot::Ai),
    ("perplexity", Bot::Ai),
    ("ccbot", Bot::Ai),
    ("bytespider", Bot::Ai),
    ("amazonbot", Bot::Ai),
    ("meta-externalagent", Bot::Ai),
    ("applebot", Bot::Search),
    ("googlebot", Bot::Search),
    ("adsbot-google", Bot::Search),
    ("bingbot", Bot::Search),
    ("yandexbot", Bot::Search),
    ("duckduckbot", Bot::Search),
    ("baiduspider", Bot::Search),
    ("yahoo! slurp", Bot::Search),
    ("facebookexternalhit", Bot::Preview),
    ("twitterbot", Bot::Preview),
    ("linkedinbot", Bot::Preview),
    ("slackbot", Bot::Preview),
    ("discordbot", Bot::Preview),
    ("telegrambot", Bot::Preview),
    ("whatsapp/", Bot::Preview),
    ("bingpreview", Bot::Preview),
    ("feedly", Bot::Feed),
    ("feedburner", Bot::Feed),
    ("feedfetcher", Bot::Feed),
    ("uptimerobot", Bot::Monitor),
    ("pingdom", Bot::Monitor),
    ("statuscake", Bot::Monitor),
    ("site24x7", Bot::Monitor),
    ("headlesschrome", Bot::Tool),
    ("curl/", Bot::Tool),
    ("wget/", Bot::Tool),
    ("python-", Bot::Tool),
    ("go-http-client/", Bot::Tool),
    ("okhttp/", Bot::Tool),
];

impl Agent {
    /// Reads `User-Agent`, and whether `Sec-CH-UA-Mobile` says yes, which outweighs it.
    pub fn of(agent: &str, mobile_hint: bool) -> Self {
        let found = woothee::parser::Parser::new().parse(agent);
        let category = found.as_ref().map(|found| found.category);
        let bot = bot(agent, found.as_ref().filter(|found| found.category == "crawler").map(|found| found.name));
        let browser = found.as_ref().filter(|_| bot.is_none()).and_then(|found| browser(found.name));
        let os = found.as_ref().and_then(|found| system(found.os, agent));
        let tablet = agent.contains("iPad") || agent.contains("Tablet");
        let android_tablet = agent.contains("Android") && !agent.contains("Mobile");
        let device = match category {
            _ if bot.is_some() => "bot",
            _ if mobile_hint => "mobile",
            _ if tablet || android_tablet => "tablet",
            Some("smartphone" | "mobilephone") => "mobile",
            _ => "desktop",
        };
        Self { device, browser, os, bot }
    }
}

/// `crawler`: what the parser calls it, if it takes it for one.
fn bot(agent: &str, crawler: Option<&str>) -> Option<Bot> {
    let agent = agent.to_ascii_lowercase();
    let known = BOTS.iter().find(|(part, _)| agent.contains(part)).map(|(_, bot)| *bot);
    known.or_else(|| {
        crawler.map(|name| match name {
            "HTTP Library" | "Indy Library" | "Google AppEngine" => Bot::Tool,
            name if name.contains("RSS") || name.contains("Feed") => Bot::Feed,
            "msnbot" | "Naver Yeti" | "Yahoo! Japan" | "goo" | "Google Desktop" => Bot::Search,
            "facebook" | "twitter" | "mixi" | "Google Web Preview" => Bot::Preview,
            _ => Bot::Other,
        })
    })
}

fn browser(name: &str) -> Option<&'static str> {
    Some(match name {
        "Chrome" => "Chrome",
        "Firefox" => "Firefox",
        "Safari" => "Safari",
        "Edge" => "Edge",
        "Opera" => "Opera",
        "SamsungBrowser" => "Samsung Internet",
        "Vivaldi" => "Vivaldi",
        "Yandex Browser" => "Yandex",
        "Internet Explorer" => "Internet Explorer",
        "Webview" => "WebView",
        "Google Search App" => "Google App",
        _ => return None,
    })
}

fn system(name: &str, agent: &str) -> Option<&'static str> {
    Some(match name {
        "iOS" | "iPhone" | "iPad" | "iPod" => "iOS",
        "Mac OSX" | "Mac OS Classic" => "macOS",
        "Android" => "Android",
        "ChromeOS" => "ChromeOS",
        "Linux" => "Linux",
        "BSD" => "BSD",
        name if name.starts_with("Windows Phone") => "Windows Phone",
        name if name.starts_with("Windows") => "Windows",
        _ if agent.contains("Android") => "Android",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_of_what_people_use() {
        let chrome = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0";
        let cases = [
            (format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64) {chrome} Safari/537.36"), "desktop", "Chrome", "Windows"),
            (
                format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64) {chrome} Safari/537.36 Edg/131.0.0.0"),
                "desktop",
                "Edge",
                "Windows",
            ),
            (format!("Mozilla/5.0 (Linux; Android 10; K) {chrome} Mobile Safari/537.36"), "mobile", "Chrome", "Android"),
            (format!("Mozilla/5.0 (Linux; Android 10; K) {chrome} Safari/537.36"), "tablet", "Chrome", "Android"),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1".to_owned(),
                "mobile",
                "Safari",
                "iOS",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0".to_owned(),
                "desktop",
                "Firefox",
                "Linux",
            ),
        ];
        for (text, device, browser, os) in cases {
            let agent = Agent::of(&text, false);
            assert_eq!(
                (agent.device, agent.browser, agent.os, agent.bot),
                (device, Some(browser), Some(os), None),
                "{text}"
            );
        }
        assert_eq!(Agent::of("", false), Agent { device: "desktop", browser: None, os: None, bot: None });
        assert_eq!(Agent::of("", true).device, "mobile");
    }

    #[test]
    fn bots_are_told_by_what_they_are_for() {
        let cases = [
            ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", Bot::Search),
            (
                "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
                Bot::Ai,
            ),
            ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", Bot::Preview),
            ("curl/8.5.0", Bot::Tool),
            ("Mozilla/5.0 (compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)", Bot::Monitor),
            ("Mozilla/5.0 (compatible; SomeNewBot/1.0; +https://new.example)", Bot::Other),
        ];
        for (text, bot) in cases {
            let agent = Agent::of(text, false);
            assert_eq!((agent.device, agent.bot, agent.browser), ("bot", Some(bot), None), "{text}");
        }
    }

    #[test]
    fn what_is_fetched_ahead_is_known() {
        let cases = [
            ("prefetch", Some(Ahead::Prefetch)),
            ("prefetch;prerender", Some(Ahead::Prerender)),
            ("prefetch;anonymous-client-ip", Some(Ahead::Prefetch)),
            ("Prefetch", Some(Ahead::Prefetch)),
            ("preview", Some(Ahead::Prerender)),
            ("", None),
            ("navigate", None),
            ("é", None),
        ];
        for (said, expected) in cases {
            assert_eq!(Ahead::said(said), expected, "{said}");
        }
    }
}
