//! The payment provider's settlements: one CSV a day.
//!
//! References get lost and found, amounts come without the gross or with the fee already taken off,
//! what is taken back is written as a positive number or in brackets. A later version puts right
//! what an earlier one had wrong.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::error::Result;

use super::super::Shop;
use super::super::files::Landing;
use super::super::payments::{Kind, Payment};
use super::super::random::{Purpose, Random};
use super::{csv_bytes, decimal_text, thousands_text};

const COLUMNS: &[&str] = &[
    "Settlement Date",
    "Transaction Id",
    "Type",
    "Merchant Reference",
    "Currency",
    "Gross",
    "Fee",
    "Net",
    "Booked At",
    "Version",
];

/// Writes all days.
pub(super) fn write(shop: &Shop, files: &mut Landing) -> Result<()> {
    let mut days: BTreeMap<NaiveDate, Vec<&Payment>> = BTreeMap::new();
    for payment in &shop.payments {
        days.entry(payment.settled_on()).or_default().push(payment);
    }
    let mut provider = Provider {
        random: Random::new(Purpose::PaymentFiles),
        rows: Vec::new(),
        again: Vec::new(),
    };
    for (day, payments) in days {
        provider.rows = std::mem::take(&mut provider.again);
        for payment in payments {
            provider.payment(payment);
        }
        let content = csv_bytes(b',', COLUMNS, &provider.rows)?;
        files.put(&format!("payments/{day}.csv"), &content)?;
        if provider.random.chance(40) {
            files.put(&format!("payments/{day}_resend.csv"), &content)?;
        }
    }
    Ok(())
}

struct Provider {
    random: Random,
    rows: Vec<Vec<String>>,
    /// Rows that come once more in the next file.
    again: Vec<Vec<String>>,
}

impl Provider {
    fn payment(&mut self, payment: &Payment) {
        let mut right = row(payment);
        if self.random.chance(20) {
            right[3] = format!(" {} ", right[3].to_lowercase());
        }
        if payment.kind == Kind::Capture && self.random.chance(40) {
            right[5] = String::new();
        }
        let mut wrong = right.clone();
        if self.random.chance(8) {
            wrong[3] = String::new();
        } else if payment.kind == Kind::Capture && self.random.chance(8) {
            wrong[5].clone_from(&right[7]);
            wrong[6] = "0.00".to_owned();
        }
        if wrong != right {
            right[9] = "2".to_owned();
            // The old version comes once more tomorrow, when the right one is known already.
            if self.random.chance(500) {
                self.again.push(wrong.clone());
            }
            self.rows.push(wrong);
        }
        if self.random.chance(10) {
            self.rows.push(right.clone());
        }
        self.rows.push(right);
    }
}

fn row(payment: &Payment) -> Vec<String> {
    let kind = match payment.kind {
        Kind::Capture => "CAPTURE",
        Kind::Refund => "REFUND",
        Kind::Chargeback => "CHBK",
    };
    let gross = match payment.kind {
        Kind::Refund => format!("({})", thousands_text(payment.cents.abs())),
        Kind::Capture | Kind::Chargeback => thousands_text(payment.cents.abs()),
    };
    let net = payment.cents - payment.fee_cents;
    let sign = if net < 0 { "-" } else { "" };
    vec![
        payment.settled_on().format("%Y-%m-%d").to_string(),
        payment.id.clone(),
        kind.to_owned(),
        payment.reference.clone(),
        payment.currency.to_owned(),
        gross,
        decimal_text(payment.fee_cents),
        format!("{sign}{}", thousands_text(net.abs())),
        payment.booked_at.format("%Y-%m-%d %H:%M:%S").to_string(),
        "1".to_owned(),
    ]
}
