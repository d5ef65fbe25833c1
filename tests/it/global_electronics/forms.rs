//! The ways in which people and spreadsheets write a date, and deliveries of known days written in one of them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use chrono::{Datelike as _, Days, NaiveDate};

/// A date as m/d/yyyy, written otherwise.
pub(super) type Form = fn(NaiveDate) -> String;

/// What becomes of a delivery of such dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All of it is read.
    Right,
    /// What cannot be read is in quarantine.
    Apart,
}
use Outcome::{Apart, Right};

pub(super) fn form(date: NaiveDate, pattern: &str) -> String {
    date.format(pattern).to_string()
}

/// Days since another, as spreadsheets count them.
fn serial(date: NaiveDate, from: (i32, u32, u32)) -> i64 {
    let (year, month, day) = from;
    (date - NaiveDate::from_ymd_opt(year, month, day).unwrap()).num_days()
}

fn in_words(date: NaiveDate, months: &str) -> String {
    let month = months.split(' ').nth(date.month0() as usize).unwrap();
    form(date, &format!("%-d {month} %Y"))
}

/// Month first while that is unmistakable; else as a spreadsheet of another country makes of it.
fn mixed(date: NaiveDate, otherwise: &str) -> String {
    form(date, if date.day() > 12 { "%-m/%-d/%Y" } else { otherwise })
}

pub(super) const FORMS: &[(&str, Outcome, Form)] = &[
    ("iso", Right, |d| form(d, "%Y-%m-%d")),
    ("iso, with midnight", Right, |d| form(d, "%Y-%m-%dT00:00:00Z")),
    ("iso, with another time", Apart, |d| form(d.pred_opt().unwrap(), "%Y-%m-%dT23:00:00Z")),
    ("year and day first", Right, |d| form(d, "%Y-%d-%m")),
    ("year first, slashes", Right, |d| form(d, "%Y/%m/%d")),
    ("short year first", Right, |d| form(d, "%y-%m-%d")),
    ("short year first, slashes", Right, |d| form(d, "%y/%m/%d")),
    ("short year and day first", Right, |d| form(d, "%y-%d-%m")),
    ("day first", Right, |d| form(d, "%d/%m/%Y")),
    ("day first, dots", Right, |d| form(d, "%d.%m.%Y")),
    ("day first, short year", Right, |d| form(d, "%d/%m/%y")),
    ("month first, short year", Right, |d| form(d, "%-m/%-d/%y")),
    ("time of day", Right, |d| form(d, "%-m/%-d/%Y 12:00:00 AM")),
    ("words", Right, |d| form(d, "%-d-%b-%Y")),
    ("words, short year", Right, |d| form(d, "%-d-%b-%y")),
    ("words, year first", Right, |d| form(d, "%Y-%b-%d")),
    ("words, month first", Right, |d| form(d, "%B %-d, %Y")),
    ("words and dot", Right, |d| form(d, "%-d. %B %Y")),
    ("words and weekday", Right, |d| form(d, "%a, %-d %b %Y")),
    ("words and th", Right, |d| form(d, "%B %-dth, %Y")),
    ("eight digits", Right, |d| form(d, "%Y%m%d")),
    ("eight digits, day first", Right, |d| form(d, "%d%m%Y")),
    ("eight digits, month first", Right, |d| form(d, "%m%d%Y")),
    ("six digits", Right, |d| form(d, "%y%m%d")),
    ("six digits, day first", Right, |d| form(d, "%d%m%y")),
    ("serial", Right, |d| serial(d, (1899, 12, 30)).to_string()),
    ("serial of 1904", Right, |d| serial(d, (1904, 1, 1)).to_string()),
    ("serial with a fraction", Right, |d| format!("{}.0", serial(d, (1899, 12, 30)))),
    ("serial of another year", Apart, |d| serial(d, (1899, 12, 31)).to_string()),
    ("seconds", Apart, |d| (serial(d, (1970, 1, 1)) * 86_400).to_string()),
    ("day of the year", Apart, |d| form(d, "%Y-%j")),
    ("week", Apart, |d| form(d, "%G-W%V-%u")),
    ("French", Apart, |d| {
        in_words(
            d,
            "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre",
        )
    }),
    ("Finnish", Apart, |d| {
        in_words(d, "tammi helmi maalis huhti touko kesa heina elo syys loka marras joulu")
    }),
    ("Finnish, short", Apart, |d| in_words(d, "tam hel maa huh tou kes hei elo syy lok mar jou")),
    ("short years where it can be a date", Right, |d| mixed(d, "%m-%d-%y")),
    ("day first where it can be a date", Right, |d| mixed(d, "%d-%m-%Y")),
    ("swapped where it can be a date", Right, |d| mixed(d, "%Y-%d-%m")),
    ("swapped with the same slashes", Apart, |d| mixed(d, "%d/%m/%Y")),
];

/// What is in a delivery; its keys are its own.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    /// File names and what is in them.
    pub(super) files: Vec<(&'static str, String)>,
    /// Rows of the silver tables it must lead to, as text: `order 367002|2016-01-02|2016-01-05`.
    pub(super) rows: BTreeSet<String>,
}

/// The rows [`Delivery::rows`] tells of.
pub(super) const ROWS: &str = "\
    SELECT concat('order ', order_number, '|', order_date, '|', delivery_date) AS t FROM silver.order_lines \
    UNION ALL SELECT concat('customer ', customer_key, '|', born_on) FROM silver.customers \
    UNION ALL SELECT concat('store ', store_key, '|', opened_on) FROM silver.stores \
    UNION ALL SELECT concat('rate ', currency, '|', day) FROM silver.exchange_rates ORDER BY t";

/// A delivery of its own number: `sales` is how its order lines write dates, `others` how all other files do.
pub(super) fn delivery(number: u32, sales: Form, others: Form) -> Delivery {
    let mut made = Delivery::default();
    let mut text =
        "Order Number,Line Item,Order Date,Delivery Date,CustomerKey,StoreKey,ProductKey,Quantity,\
                    Currency Code\n"
            .to_owned();
    for (n, day) in days((2016, 1, 1), 37, 40) {
        let order = serial(day, (2014, 12, 31)) * 1000 + i64::from(number);
        let delivered = (n % 2 == 1).then(|| day + Days::new(3));
        let written = delivered.map_or_else(String::new, |day| quoted(&sales(day)));
        writeln!(text, "{order},1,{},{written},1,1,1,1,USD", quoted(&sales(day))).unwrap();
        let delivered = delivered.map_or_else(String::new, |day| day.to_string());
        made.rows.insert(format!("order {order}|{day}|{delivered}"));
    }
    made.files.push(("Sales.csv", text));
    let mut text = "CustomerKey,Name,Country,Birthday\n".to_owned();
    for (n, day) in days((1935, 1, 5), 1237, 20) {
        let key = number * 1000 + n;
        writeln!(text, "{key},Nobody,Italy,{}", quoted(&others(day))).unwrap();
        made.rows.insert(format!("customer {key}|{day}"));
    }
    made.files.push(("Customers.csv", text));
    let mut text = "StoreKey,Country,State,Square Meters,Open Date\n".to_owned();
    for (n, day) in days((2005, 3, 4), 401, 10) {
        let key = number * 1000 + n;
        writeln!(text, "{key},Italy,Lazio,100,{}", quoted(&others(day))).unwrap();
        made.rows.insert(format!("store {key}|{day}"));
    }
    made.files.push(("Stores.csv", text));
    let mut text = "Date,Currency Code,Exchange\n".to_owned();
    for (_, day) in days((2016, 1, 1), 91, 20) {
        writeln!(text, "{},C{number},1.5", quoted(&others(day))).unwrap();
        made.rows.insert(format!("rate C{number}|{day}"));
    }
    made.files.push(("Exchange_Rates.csv", text));
    made
}

/// What all orders need: a product, and the dollar's rate on their days, in a form that is proven.
pub(super) fn base(number: u32) -> Delivery {
    let iso: Form = |day| day.to_string();
    let mut made = delivery(number, iso, iso);
    let mut text = "Date,Currency Code,Exchange\n".to_owned();
    for (_, day) in days((2016, 1, 1), 37, 40) {
        writeln!(text, "{day},USD,1").unwrap();
        made.rows.insert(format!("rate USD|{day}"));
    }
    made.files.push(("Exchange_Rates_USD.csv", text));
    made.files.push((
        "Products.csv",
        "ProductKey,Category,Unit Cost USD,Unit Price USD\n1,Audio,$5.00 ,$10.00 \n".to_owned(),
    ));
    made
}

fn days(from: (i32, u32, u32), step: u32, count: u32) -> impl Iterator<Item = (u32, NaiveDate)> {
    let (year, month, day) = from;
    let first = NaiveDate::from_ymd_opt(year, month, day).unwrap();
    (0..count).map(move |n| (n, first + Days::new(u64::from(n * step))))
}

fn quoted(value: &str) -> String {
    if value.contains(',') { format!("\"{value}\"") } else { value.to_owned() }
}
