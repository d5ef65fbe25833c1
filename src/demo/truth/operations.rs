//! The clean tables of money, goods and vendors.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{BooleanArray, Int32Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use chrono::NaiveDate;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;

use crate::error::{Error, Result};

use super::super::deliver::says_lead_days;
use super::super::payments::Payment;
use super::super::shipments::Shipment;
use super::super::stock::{Purchase, Status, StockRow, location_id};
use super::super::vendors::{Offer, VENDORS};
use super::super::{Order, Shop};
use super::{Columns, dates, money, text, times};

pub(super) fn payments(shop: &Shop) -> Result<Columns> {
    let all = || shop.payments.iter();
    let order = |payment: &Payment| payment.is_ours.then(|| payment.reference.clone());
    Ok(vec![
        ("payment_id", text(all().map(|payment| Some(payment.id.as_str())))),
        ("kind", text(all().map(|payment| Some(payment.kind.name())))),
        ("order_id", text(all().map(order))),
        ("reference", text(all().map(|payment| Some(payment.reference.as_str())))),
        ("settled_on", dates(all().map(Payment::settled_on))),
        ("booked_at", times(all().map(|payment| Some(payment.booked_at)))),
        ("currency", text(all().map(|payment| Some(payment.currency)))),
        ("amount", money(all().map(|payment| Some(payment.cents)))?),
        ("fee", money(all().map(|payment| Some(payment.fee_cents)))?),
    ])
}

pub(super) fn refunds(shop: &Shop) -> Result<Columns> {
    let rows: Vec<_> = shop
        .orders
        .iter()
        .filter_map(|order| order.refund.as_ref().map(|refund| (order, refund)))
        .collect();
    let id = |(order, _): &(&Order, _)| Some(order.id.clone());
    Ok(vec![
        ("order_id", text(rows.iter().map(id))),
        ("refunded_at", times(rows.iter().map(|(_, refund)| Some(refund.at)))),
        ("reason", text(rows.iter().map(|(_, refund)| Some(refund.reason)))),
        ("amount", money(rows.iter().map(|(_, refund)| Some(refund.cents)))?),
    ])
}

pub(super) fn shipments(shop: &Shop) -> Result<Columns> {
    let all = || shop.shipments.iter();
    let order = |shipment: &Shipment| Some(shop.orders[shipment.order].id.clone());
    let at = |number: usize| {
        move |shipment: &Shipment| shipment.milestones.get(number).map(|milestone| milestone.at)
    };
    let grams: Int32Array =
        all().map(|shipment| shipment.known_grams().map(|g| g as i32)).collect();
    Ok(vec![
        ("shipment_id", text(all().map(|shipment| Some(shipment.id.as_str())))),
        ("order_id", text(all().map(order))),
        ("carrier", text(all().map(|shipment| Some(shipment.carrier.name)))),
        ("weight_g", Arc::new(grams)),
        ("promised_on", dates(all().map(|shipment| shipment.promised_on))),
        ("shipped_at", times(all().map(at(0)))),
        ("in_transit_at", times(all().map(at(1)))),
        ("delivered_at", times(all().map(at(2)))),
    ])
}

pub(super) fn vendors() -> Result<Columns> {
    let all = || VENDORS.iter();
    let terms = Int32Array::from_iter_values(all().map(|vendor| vendor.terms_days as i32));
    Ok(vec![
        ("vendor_id", text(all().map(|vendor| Some(vendor.id)))),
        ("name", text(all().map(|vendor| Some(vendor.name)))),
        ("country", text(all().map(|vendor| Some(vendor.country)))),
        ("currency", text(all().map(|vendor| Some(vendor.currency)))),
        ("terms_days", Arc::new(terms)),
    ])
}

/// The newest offer of each vendor for each product.
pub(super) fn vendor_offers(shop: &Shop) -> Result<Columns> {
    let mut newest: BTreeMap<(usize, usize), &Offer> = BTreeMap::new();
    for (_, _, offers) in &shop.catalogues {
        newest.extend(offers.iter().map(|offer| ((offer.vendor, offer.product), offer)));
    }
    let all = || newest.values().copied();
    let lead_days: Int32Array = all()
        .map(|offer| says_lead_days(offer, shop.first_day()).then_some(offer.lead_days as i32))
        .collect();
    let available = all().map(|offer| offer.available as i32);
    let discontinued: BooleanArray = all().map(|offer| Some(offer.discontinued)).collect();
    Ok(vec![
        ("vendor_id", text(all().map(|offer| Some(VENDORS[offer.vendor].id)))),
        ("sku", text(all().map(|offer| Some(shop.products[offer.product].sku.as_str())))),
        ("unit_price", money(all().map(|offer| Some(offer.cents)))?),
        ("currency", text(all().map(|offer| Some(VENDORS[offer.vendor].currency)))),
        ("available", Arc::new(Int32Array::from_iter_values(available))),
        ("lead_days", Arc::new(lead_days)),
        ("discontinued", Arc::new(discontinued)),
        ("as_of", dates(all().map(|offer| offer.as_of))),
    ])
}

/// Purchase orders as they stand on the last day.
pub(super) fn purchase_orders(shop: &Shop, purchases: &[Purchase]) -> Result<Columns> {
    let until = shop.last_day();
    let all = || purchases.iter();
    let received = |one: &Purchase| -> i64 { one.received(until).map(|some| some.quantity).sum() };
    let first = |one: &Purchase| one.received(until).map(|some| some.on).next();
    let last = |one: &Purchase| one.received(until).map(|some| some.on).last();
    let day = |day: Option<NaiveDate>| day.map(|day| day.and_time(chrono::NaiveTime::MIN));
    let counts = |count: &dyn Fn(&Purchase) -> i64| {
        Arc::new(Int32Array::from_iter_values(all().map(|one| count(one) as i32)))
    };
    Ok(vec![
        ("po_number", text(all().map(|one| Some(format!("PO-{}", one.number))))),
        ("vendor_id", text(all().map(|one| Some(VENDORS[one.vendor].id)))),
        ("sku", text(all().map(|one| Some(shop.products[one.product].sku.as_str())))),
        ("ordered_on", dates(all().map(|one| one.ordered_on))),
        ("promised_on", dates(all().map(|one| one.promised_on))),
        ("ordered", counts(&|one| one.quantity)),
        ("received", counts(&received)),
        ("unit_cost", money(all().map(|one| Some(one.cents)))?),
        ("currency", text(all().map(|one| Some(VENDORS[one.vendor].currency)))),
        ("first_received_at", times(all().map(|one| day(first(one))))),
        ("last_received_at", times(all().map(|one| day(last(one))))),
    ])
}

/// Stock, written a day at a time.
pub(in super::super) struct InventoryTable {
    writer: Option<(SchemaRef, ArrowWriter<Vec<u8>>)>,
}

impl InventoryTable {
    pub(in super::super) fn new() -> Self {
        Self { writer: None }
    }

    pub(in super::super) fn day(
        &mut self,
        shop: &Shop,
        day: NaiveDate,
        rows: &[StockRow],
    ) -> Result<()> {
        let counts = |count: &dyn Fn(&StockRow) -> i64| {
            Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| count(row) as i32)))
        };
        let status = |row: &StockRow| match row.status {
            Status::Available => "available",
            Status::Inspection => "inspection",
            Status::Blocked => "blocked",
        };
        let counted: BooleanArray = rows.iter().map(|row| Some(row.counted)).collect();
        let columns: Columns = vec![
            ("location_id", text(rows.iter().map(|row| Some(location_id(shop, row.store))))),
            ("sku", text(rows.iter().map(|row| Some(shop.products[row.product].sku.as_str())))),
            ("day", dates(rows.iter().map(|_| day))),
            ("on_hand", counts(&|row| row.on_hand)),
            ("received", counts(&|row| row.received)),
            ("issued", counts(&|row| row.issued)),
            ("status", text(rows.iter().map(|row| Some(status(row))))),
            ("counted", Arc::new(counted)),
        ];
        self.append(columns).map_err(failed)
    }

    fn append(&mut self, columns: Columns) -> Result<(), ParquetError> {
        let batch = RecordBatch::try_from_iter(columns)?;
        if self.writer.is_none() {
            let writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None)?;
            self.writer = Some((batch.schema(), writer));
        }
        if let Some((schema, writer)) = &mut self.writer {
            // What a batch says of NULLs differs by what it holds.
            let batch = RecordBatch::try_new(Arc::clone(schema), batch.columns().to_vec())?;
            writer.write(&batch)?;
        }
        Ok(())
    }

    /// The whole table's bytes.
    pub(in super::super) fn finish(self) -> Result<Vec<u8>> {
        match self.writer {
            Some((_, writer)) => writer.into_inner().map_err(failed),
            None => Ok(Vec::new()),
        }
    }
}

fn failed(error: ParquetError) -> Error {
    Error::internal("truth table inventory could not be encoded").caused_by(error)
}
