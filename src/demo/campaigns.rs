//! Clean marketing: how visitors come, the campaigns, and what each cost a day.

use chrono::{Days, NaiveDate};

use super::Options;
use super::random::{Purpose, Random};

/// Whose report a campaign's cost is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Platform {
    GoogleAds,
    InstagramAds,
    /// Costs of others, loaded into the analytics tool.
    GoogleAnalytics,
}

impl Platform {
    pub(super) fn name(self) -> &'static str {
        match self {
            Platform::GoogleAds => "google_ads",
            Platform::InstagramAds => "instagram_ads",
            Platform::GoogleAnalytics => "google_analytics",
        }
    }
}

/// A campaign.
#[derive(Debug)]
pub(super) struct Campaign {
    pub(super) id: u64,
    pub(super) name: &'static str,
    pub(super) platform: Platform,
    pub(super) source: &'static str,
    pub(super) medium: &'static str,
    pub(super) channel: &'static str,
    pub(super) account: u64,
    pub(super) currency: &'static str,
    /// About what it costs a day at scale 1.
    daily_cents: i64,
}

const fn campaign(
    id: u64,
    name: &'static str,
    platform: Platform,
    how: (&'static str, &'static str, &'static str),
    paid: (u64, &'static str, i64),
) -> Campaign {
    let (source, medium, channel) = how;
    let (account, currency, daily_cents) = paid;
    Campaign { id, name, platform, source, medium, channel, account, currency, daily_cents }
}

const SEARCH: (&str, &str, &str) = ("google", "cpc", "paid_search");
const SOCIAL: (&str, &str, &str) = ("instagram", "paid_social", "paid_social");

pub(super) const CAMPAIGNS: &[Campaign] = &[
    campaign(
        9_935_249_409,
        "brand-eu",
        Platform::GoogleAds,
        SEARCH,
        (2_121_450_128, "EUR", 180_000),
    ),
    campaign(
        9_935_249_517,
        "generic-audio",
        Platform::GoogleAds,
        SEARCH,
        (2_121_450_128, "EUR", 240_000),
    ),
    campaign(
        9_935_250_022,
        "shopping-tv",
        Platform::GoogleAds,
        SEARCH,
        (2_121_450_977, "USD", 310_000),
    ),
    campaign(
        9_935_250_130,
        "shopping-uk",
        Platform::GoogleAds,
        SEARCH,
        (2_121_451_003, "GBP", 120_000),
    ),
    campaign(
        6_215_293_444,
        "stories-phones",
        Platform::InstagramAds,
        SOCIAL,
        (1_700_252_260, "EUR", 210_000),
    ),
    campaign(
        6_215_293_871,
        "reels-games",
        Platform::InstagramAds,
        SOCIAL,
        (1_700_252_918, "USD", 160_000),
    ),
    campaign(
        6_215_294_002,
        "lookalike-uk",
        Platform::InstagramAds,
        SOCIAL,
        (1_700_253_340, "GBP", 90_000),
    ),
    campaign(
        501,
        "newsletter-weekly",
        Platform::GoogleAnalytics,
        ("newsletter", "email", "email"),
        (77, "EUR", 20_000),
    ),
    campaign(
        502,
        "price-comparison",
        Platform::GoogleAnalytics,
        ("pricewatch", "affiliate", "affiliate"),
        (77, "EUR", 60_000),
    ),
];

/// How a visit came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Touch {
    Direct,
    OrganicSearch,
    Referral,
    /// Of [`CAMPAIGNS`].
    Campaign(usize),
}

impl Touch {
    pub(super) fn draw(random: &mut Random) -> Self {
        match random.between(0, 99) {
            0..=31 => Touch::Direct,
            32..=54 => Touch::OrganicSearch,
            55..=61 => Touch::Referral,
            _ => Touch::Campaign(random.index(CAMPAIGNS.len())),
        }
    }

    pub(super) fn channel(self) -> &'static str {
        match self {
            Touch::Direct => "direct",
            Touch::OrganicSearch => "organic_search",
            Touch::Referral => "referral",
            Touch::Campaign(number) => CAMPAIGNS[number].channel,
        }
    }

    pub(super) fn campaign(self) -> Option<&'static Campaign> {
        match self {
            Touch::Campaign(number) => Some(&CAMPAIGNS[number]),
            Touch::Direct | Touch::OrganicSearch | Touch::Referral => None,
        }
    }
}

/// A part of what a campaign cost on a day.
#[derive(Debug)]
pub(super) struct Spend {
    pub(super) day: NaiveDate,
    /// Of [`CAMPAIGNS`].
    pub(super) campaign: usize,
    /// Google tells phones from desktops.
    pub(super) device: &'static str,
    pub(super) impressions: i64,
    pub(super) clicks: i64,
    pub(super) cents: i64,
}

/// Every campaign, day and device, days after the history included; some campaigns rest on some days.
pub(super) fn spend(options: &Options, more_days: u32) -> Vec<Spend> {
    let mut random = Random::new(Purpose::Ads);
    let mut all = Vec::new();
    for number in 0..u64::from(options.days) {
        spend_of_day(options, options.first_day() + Days::new(number), &mut random, &mut all);
    }
    for number in 1..=more_days {
        let day = options.until + Days::new(u64::from(number));
        spend_of_day(options, day, &mut Random::of(Purpose::Ads, number as usize), &mut all);
    }
    all
}

fn spend_of_day(options: &Options, day: NaiveDate, random: &mut Random, all: &mut Vec<Spend>) {
    let percent = (options.scale * 100.0).round().max(1.0) as i64;
    for (campaign, what) in CAMPAIGNS.iter().enumerate() {
        if random.chance(40) {
            continue;
        }
        let devices: &[&str] = match what.platform {
            Platform::GoogleAds => &["MOBILE", "DESKTOP"],
            Platform::InstagramAds | Platform::GoogleAnalytics => &["ALL"],
        };
        for device in devices {
            let share = what.daily_cents * percent / 100 / devices.len() as i64;
            let cents = (share * random.between(70, 130) / 100).max(1);
            let clicks = (cents / random.between(18, 60)).max(1);
            let impressions = clicks * random.between(20, 90);
            all.push(Spend { day, campaign, device, impressions, clicks, cents });
        }
    }
}
