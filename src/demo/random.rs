//! Randomness that is the same everywhere: one seed, one independent stream for each purpose.
//!
//! A purpose has its own stream so that adding draws to one source leaves the others' bytes as they
//! were. Only 32 and 64 bit integers are drawn.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SEED: u64 = 0x1a6e_9027_2026_1031;

/// One stream of draws.
#[derive(Debug)]
pub(super) struct Random(ChaCha8Rng);

/// What a stream is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Products = 1,
    Rates = 2,
    Days = 3,
    Orders = 4,
    StoreSales = 5,
    OnlineOrders = 6,
    Master = 7,
    RateFiles = 8,
    Payments = 20,
    Shipments = 21,
    Stock = 22,
    Vendors = 23,
    PaymentFiles = 24,
    ShipmentFiles = 25,
    InventoryFiles = 26,
    PurchaseOrderFiles = 27,
    People = 40,
    Customers = 41,
    Visits = 42,
    WebEvents = 43,
    AppVisits = 44,
    AppEvents = 45,
    Ads = 46,
    AdFiles = 47,
    PlaceFiles = 48,
    Experiments = 49,
    ExperimentFiles = 50,
    Interactions = 51,
    InteractionFiles = 52,
    AccessLog = 53,
}

impl Random {
    pub(super) fn new(purpose: Purpose) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        random.set_stream(purpose as u64);
        Self(random)
    }

    /// The stream of one thing among those of a purpose: what becomes of one leaves the others' draws as
    /// they are.
    pub(super) fn of(purpose: Purpose, number: usize) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        random.set_stream((number as u64 + 1) << 16 | purpose as u64);
        Self(random)
    }

    /// A number in `low..=high`.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        self.0.random_range(low..=high)
    }

    /// An index below `length`, which must not be 0.
    pub(super) fn index(&mut self, length: usize) -> usize {
        self.0.random_range(0..length as u64) as usize
    }

    /// True `per_mille` times in a thousand.
    pub(super) fn chance(&mut self, per_mille: u32) -> bool {
        self.0.random_range(0..1000_u32) < per_mille
    }
}
