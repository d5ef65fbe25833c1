//! What the sessions of a process share.

use std::sync::Arc;

use crate::catalog::Catalog;
use crate::config::Config;
use crate::ingest::Ingester;
use crate::lake::Lake;
use crate::matview::{Maintenance, Refresher};
use crate::query::Engine;

use super::activity;
use super::notify::Notifications;
use super::passwords::Passwords;
use super::sessions::{SessionRows, Sessions};

/// What every session of the process shares.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "each is documented at its own type")]
pub struct Services {
    pub lake: Lake,
    pub catalog: Arc<Catalog>,
    pub engine: Arc<Engine>,
    pub refresher: Arc<Refresher>,
    pub ingester: Arc<Ingester>,
    pub maintenance: Arc<Maintenance>,
    pub config: Arc<Config>,
    pub sessions: Arc<Sessions>,
    pub passwords: Arc<Passwords>,
    pub(super) notifications: Arc<Notifications>,
    /// Statements of this process change the catalog one after the other; other servers are met
    /// with retries.
    pub(super) changing_catalog: Arc<tokio::sync::Mutex<()>>,
}

impl Services {
    /// Puts the parts together and makes `lakeport.sessions` readable.
    pub fn new(
        lake: Lake,
        catalog: Arc<Catalog>,
        engine: Arc<Engine>,
        refresher: Arc<Refresher>,
        ingester: Arc<Ingester>,
        config: Arc<Config>,
    ) -> Arc<Self> {
        let metrics = Arc::clone(engine.metrics());
        let sessions = Sessions::new(&config.limits, metrics, lake.clock().now());
        engine.register(Arc::new(SessionRows::new(&sessions)));
        activity::register(&engine, &sessions, &config.name);
        let changing_catalog = Arc::default();
        let maintenance = Maintenance::new(lake.clone(), Arc::clone(&catalog), Arc::clone(&config));
        Arc::new(Self {
            lake,
            catalog,
            engine,
            refresher,
            ingester,
            maintenance,
            passwords: Arc::new(Passwords::new(config.auth.passwords.clone())),
            notifications: Arc::default(),
            config,
            sessions,
            changing_catalog,
        })
    }
}
