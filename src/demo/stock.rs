//! Clean stock and procurement, played day by day: sales, transfers, shipments, orders to vendors.
//!
//! Sixty stores and one warehouse. A day depends on the days before only, so that a further day
//! changes none. One day is in memory at a time; who wants rows takes them as they come.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, Days, NaiveDate};

use crate::error::Result;

use super::Shop;
use super::orders::Channel;
use super::random::{Purpose, Random};
use super::vendors::{VENDORS, base_cents, vendors_of};

/// The warehouse's number among the locations; below are the stores.
const WAREHOUSE_ID: &str = "900";

/// One product at one place at the end of a day on which it moved or was counted.
#[derive(Debug, Clone)]
pub(super) struct StockRow {
    /// Index of the store; `None` is the warehouse.
    pub(super) store: Option<usize>,
    pub(super) product: usize,
    pub(super) on_hand: i64,
    pub(super) received: i64,
    pub(super) issued: i64,
    pub(super) status: Status,
    pub(super) counted: bool,
}

/// Whether stock may be sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Available,
    Inspection,
    Blocked,
}

/// Goods that came for a line of a purchase order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Receipt {
    pub(super) on: NaiveDate,
    pub(super) quantity: i64,
}

/// A purchase order, which has one line.
#[derive(Debug, Clone)]
pub(super) struct Purchase {
    pub(super) number: u64,
    pub(super) vendor: usize,
    pub(super) product: usize,
    pub(super) quantity: i64,
    /// A piece, in the vendor's currency.
    pub(super) cents: i64,
    pub(super) ordered_on: NaiveDate,
    pub(super) promised_on: NaiveDate,
    pub(super) receipts: Vec<Receipt>,
}

impl Purchase {
    /// The receipts up to a day.
    pub(super) fn received(&self, until: NaiveDate) -> impl Iterator<Item = &Receipt> {
        self.receipts.iter().filter(move |receipt| receipt.on <= until)
    }
}

/// Who takes the rows of a day.
pub(super) trait Watcher {
    /// The rows of one day, by place and product.
    ///
    /// # Errors
    /// What writing them says.
    fn day(&mut self, shop: &Shop, day: NaiveDate, rows: &[StockRow]) -> Result<()>;
}

/// The number a location is known by.
pub(super) fn location_id(shop: &Shop, store: Option<usize>) -> &str {
    store.map_or(WAREHOUSE_ID, |store| shop.stores[store].id.as_str())
}

/// Plays all days, the opening count first; returns the purchase orders in the order they were made.
///
/// # Errors
/// What the watcher says.
pub(super) fn play(shop: &Shop, watcher: &mut dyn Watcher) -> Result<Vec<Purchase>> {
    let mut stock = Stock::open(shop);
    let shipped = shipped_by_day(shop);
    let mut orders = shop.orders.iter().peekable();
    let mut day = shop.first_day() - Days::new(1);
    while day <= shop.last_day() {
        stock.receive(day);
        stock.transfer();
        while let Some(order) = orders.next_if(|order| order.at.date() <= day) {
            if let Channel::Store(store) = order.channel {
                for line in &order.lines {
                    stock.sell(store, line.product, line.quantity);
                }
            }
        }
        for (product, quantity) in shipped.get(&day).into_iter().flatten() {
            stock.ship(*product, *quantity);
        }
        let opening = day < shop.first_day();
        let rows = stock.close(opening || day.day() == 1);
        watcher.day(shop, day, &rows)?;
        if !opening {
            stock.purchase(shop, day);
        }
        day = day + Days::new(1);
    }
    Ok(stock.purchases)
}

/// Pieces that leave the warehouse, by the day the carrier says that it has them.
fn shipped_by_day(shop: &Shop) -> BTreeMap<NaiveDate, Vec<(usize, i64)>> {
    let mut days: BTreeMap<NaiveDate, Vec<(usize, i64)>> = BTreeMap::new();
    for shipment in &shop.shipments {
        let pieces = days.entry(shipment.milestones[0].arrives_at.date()).or_default();
        let lines = &shop.orders[shipment.order].lines;
        pieces.extend(lines.iter().map(|line| (line.product, line.quantity)));
    }
    days
}

/// What moved of a product at a place during a day.
#[derive(Debug, Clone, Copy, Default)]
struct Moved {
    received: i64,
    issued: i64,
}

struct Stock {
    random: Random,
    products: usize,
    /// Store by store, then the warehouse; product by product.
    on_hand: Vec<i64>,
    moved: BTreeMap<usize, Moved>,
    /// Places in stores that wait for goods.
    wanting: BTreeSet<usize>,
    on_order: Vec<i64>,
    /// Where the warehouse orders more, and how much.
    levels: Vec<(i64, i64)>,
    arriving: BTreeMap<NaiveDate, Vec<(usize, i64)>>,
    purchases: Vec<Purchase>,
}

impl Stock {
    fn open(shop: &Shop) -> Self {
        let mut random = Random::new(Purpose::Stock);
        let products = shop.products.len();
        // Pieces a day in thousandths, were all products alike: some 1.5 pieces a line.
        let options = &shop.options;
        let daily = (options.order_lines() * 1_500 / u64::from(options.days)) as i64;
        let levels: Vec<(i64, i64)> = (0..products)
            .map(|product| {
                // Products at the head of the list sell more.
                let share = 2 * (products - product) as i64;
                let thousandths = daily * share / (products * products) as i64;
                ((thousandths * 14 / 1_000).max(4), (thousandths * 21 / 1_000).max(8))
            })
            .collect();
        let mut on_hand = Vec::with_capacity((shop.stores.len() + 1) * products);
        for _ in 0..shop.stores.len() {
            on_hand.extend((0..products).map(|_| random.between(1, 6)));
        }
        on_hand.extend(
            levels.iter().map(|(reorder, quantity)| reorder + random.between(0, *quantity)),
        );
        Self {
            random,
            products,
            on_hand,
            moved: BTreeMap::new(),
            wanting: BTreeSet::new(),
            on_order: vec![0; products],
            levels,
            arriving: BTreeMap::new(),
            purchases: Vec::new(),
        }
    }

    fn warehouse(&self, product: usize) -> usize {
        self.on_hand.len() - self.products + product
    }

    fn add(&mut self, place: usize, quantity: i64) {
        self.on_hand[place] += quantity;
        self.moved.entry(place).or_default().received += quantity;
    }

    fn take(&mut self, place: usize, quantity: i64) {
        self.on_hand[place] -= quantity;
        self.moved.entry(place).or_default().issued += quantity;
    }

    fn receive(&mut self, day: NaiveDate) {
        for (product, quantity) in self.arriving.remove(&day).unwrap_or_default() {
            self.on_order[product] -= quantity;
            self.add(self.warehouse(product), quantity);
        }
    }

    /// Stores that ran out get some from the warehouse, as far as it has them.
    fn transfer(&mut self) {
        for place in std::mem::take(&mut self.wanting) {
            let product = place % self.products;
            let warehouse = self.warehouse(product);
            let quantity = (3 + (place % 4) as i64).min(self.on_hand[warehouse]);
            if quantity > 0 {
                self.take(warehouse, quantity);
                self.add(place, quantity);
            } else {
                self.wanting.insert(place);
            }
        }
    }

    /// What a store does not have was found in the back: it is received and sold at once.
    fn sell(&mut self, store: usize, product: usize, quantity: i64) {
        let place = store * self.products + product;
        let found = quantity - self.on_hand[place];
        if found > 0 {
            self.add(place, found);
        }
        self.take(place, quantity);
        if self.on_hand[place] == 0 {
            self.wanting.insert(place);
        }
    }

    fn ship(&mut self, product: usize, quantity: i64) {
        let warehouse = self.warehouse(product);
        let found = quantity - self.on_hand[warehouse];
        if found > 0 {
            self.add(warehouse, found);
        }
        self.take(warehouse, quantity);
    }

    /// The day's rows: everything at a count, else what moved.
    fn close(&mut self, counted: bool) -> Vec<StockRow> {
        let moved = std::mem::take(&mut self.moved);
        let places: Vec<usize> = match counted {
            true => (0..self.on_hand.len()).collect(),
            false => moved.keys().copied().collect(),
        };
        let stores = self.on_hand.len() / self.products - 1;
        places
            .into_iter()
            .map(|place| {
                let Moved { received, issued } = moved.get(&place).copied().unwrap_or_default();
                let status = match self.random.between(0, 99) {
                    0 => Status::Blocked,
                    1 | 2 => Status::Inspection,
                    _ => Status::Available,
                };
                let store = Some(place / self.products).filter(|store| *store < stores);
                let (product, on_hand) = (place % self.products, self.on_hand[place]);
                StockRow { store, product, on_hand, received, issued, status, counted }
            })
            .collect()
    }

    /// Orders what runs low, from one of the product's vendors.
    fn purchase(&mut self, shop: &Shop, day: NaiveDate) {
        for product in 0..self.products {
            let (reorder, quantity) = self.levels[product];
            if self.on_hand[self.warehouse(product)] + self.on_order[product] >= reorder {
                continue;
            }
            let vendors: Vec<usize> = vendors_of(product).collect();
            let vendor = vendors[self.random.index(vendors.len())];
            let base = base_cents(vendor, product, &shop.products[product]);
            let quantity = quantity + self.random.between(0, 5);
            let promised_on = day + Days::new(VENDORS[vendor].lead_days as u64);
            let receipts = self.receipts(promised_on, quantity);
            for receipt in &receipts {
                self.on_order[product] += receipt.quantity;
                self.arriving.entry(receipt.on).or_default().push((product, receipt.quantity));
            }
            self.purchases.push(Purchase {
                number: 700_001 + self.purchases.len() as u64,
                vendor,
                product,
                quantity,
                cents: (base * self.random.between(98, 103) / 100).max(1),
                ordered_on: day,
                promised_on,
                receipts,
            });
        }
    }

    /// Most goods come at once and in time; some in two parts, and of some the rest never comes.
    fn receipts(&mut self, promised_on: NaiveDate, quantity: i64) -> Vec<Receipt> {
        let late = if self.random.chance(250) { self.random.between(1, 6) } else { 0 };
        let on = promised_on + Days::new(late as u64);
        if !self.random.chance(250) {
            return vec![Receipt { on, quantity }];
        }
        let first = Receipt { on, quantity: (quantity * 6 / 10).max(1) };
        if self.random.chance(200) {
            return vec![first];
        }
        let rest = on + Days::new(self.random.between(2, 8) as u64);
        vec![first, Receipt { on: rest, quantity: quantity - first.quantity }]
    }
}
