//! The ad platforms' reports: CSV, a file a platform and day, in each platform's own words.
//!
//! A day's first report is too low; days later the platform says what it really was.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};

use crate::error::Result;

use super::super::Shop;
use super::super::campaigns::{CAMPAIGNS, Platform, Spend};
use super::super::files::Landing;
use super::super::random::{Purpose, Random};
use super::{csv_bytes, decimal_text};

const GOOGLE_ADS: &[&str] = &[
    "customer_id",
    "date",
    "_fivetran_synced",
    "ad_network_type",
    "clicks",
    "cost_micros",
    "device",
    "id",
    "name",
    "impressions",
    "currency_code",
];
const INSTAGRAM_ADS: &[&str] = &[
    "campaign_id",
    "date",
    "account_id",
    "campaign_name",
    "impressions",
    "inline_link_clicks",
    "spend",
    "account_currency",
    "_fivetran_synced",
];
const GOOGLE_ANALYTICS: &[&str] = &[
    "Date",
    "Session source / medium",
    "Session campaign",
    "Campaign ID",
    "Ad impressions",
    "Ad clicks",
    "Ad cost",
    "Currency",
    "Exported at",
];

/// Writes all reports.
pub(super) fn write(shop: &Shop, files: &mut Landing) -> Result<()> {
    let mut random = Random::new(Purpose::AdFiles);
    let mut drawn_for = shop.options.until;
    let mut reports: BTreeMap<(&str, NaiveDate), Vec<Vec<String>>> = BTreeMap::new();
    for spend in &shop.spend {
        if spend.day > drawn_for {
            drawn_for = spend.day;
            let number = spend.day.signed_duration_since(shop.options.until).num_days();
            random = Random::of(Purpose::AdFiles, number as usize);
        }
        let last_day =
            if spend.day > shop.options.until { shop.last_day() } else { shop.options.until };
        let platform = CAMPAIGNS[spend.campaign].platform;
        let final_day = if random.chance(250) {
            let low = random.between(88, 97);
            let early = Spend {
                impressions: spend.impressions * low / 100,
                clicks: spend.clicks * low / 100,
                cents: spend.cents * low / 100,
                ..*spend
            };
            let row = row(&early, spend.day + Days::new(1));
            reports.entry((platform.name(), spend.day)).or_default().push(row);
            (spend.day + Days::new(2)).min(last_day)
        } else {
            spend.day
        };
        let row = row(spend, spend.day + Days::new(4));
        if random.chance(20) {
            reports.entry((platform.name(), final_day)).or_default().push(row.clone());
        }
        reports.entry((platform.name(), final_day)).or_default().push(row);
    }
    for ((platform, day), rows) in reports {
        let header = match platform {
            "google_ads" => GOOGLE_ADS,
            "instagram_ads" => INSTAGRAM_ADS,
            _ => GOOGLE_ANALYTICS,
        };
        files.put(
            &format!("ad_performance/{platform}/{day}.csv"),
            &csv_bytes(b',', header, &rows)?,
        )?;
    }
    Ok(())
}

fn row(spend: &Spend, synced: NaiveDate) -> Vec<String> {
    let campaign = &CAMPAIGNS[spend.campaign];
    let (impressions, clicks) = (spend.impressions.to_string(), spend.clicks.to_string());
    match campaign.platform {
        Platform::GoogleAds => vec![
            campaign.account.to_string(),
            spend.day.to_string(),
            format!("{synced} 06:10:11"),
            "SEARCH".to_owned(),
            clicks,
            (spend.cents * 10_000).to_string(),
            spend.device.to_owned(),
            campaign.id.to_string(),
            campaign.name.to_owned(),
            impressions,
            campaign.currency.to_owned(),
        ],
        Platform::InstagramAds => vec![
            campaign.id.to_string(),
            spend.day.to_string(),
            campaign.account.to_string(),
            campaign.name.replace('-', " - ").to_uppercase(),
            impressions,
            clicks,
            decimal_text(spend.cents),
            campaign.currency.to_owned(),
            format!("{synced} 07:00:00"),
        ],
        Platform::GoogleAnalytics => vec![
            spend.day.format("%Y%m%d").to_string(),
            format!("{} / {}", campaign.source, campaign.medium),
            campaign.name.to_owned(),
            campaign.id.to_string(),
            impressions,
            clicks,
            decimal_text(spend.cents),
            campaign.currency.to_owned(),
            format!("{synced} 05:00:00"),
        ],
    }
}
