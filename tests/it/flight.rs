//! Flight SQL: every call of the specification, tickets and shares, rows in bulk, who may do what.

mod actions;
mod bulk;
mod bulk_refused;
mod jdbc;
mod keys;
mod metadata;
mod shares;
mod sql_info;
mod statements;
mod tickets;
mod transactions;

use arrow_flight::error::FlightError;
use tonic::Code;

use crate::support::{Deployment, TestServer};

/// A server with roles besides the superuser.
async fn served() -> (Deployment, TestServer) {
    let deployment = Deployment::new()
        .catalog_append("roles.sql", "CREATE ROLE reader LOGIN;\nCREATE ROLE closed;\n");
    let server = deployment.serve().await;
    (deployment, server)
}

fn code(error: FlightError) -> (Code, String) {
    match error {
        FlightError::Tonic(status) => (status.code(), status.message().to_owned()),
        FlightError::Arrow(error) => panic!("not a status: {error}"),
        other => panic!("not a status: {other}"),
    }
}
