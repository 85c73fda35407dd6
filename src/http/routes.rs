//! The route table: every operation of the server, once.

use utoipa_axum::routes;

use super::{Access, Operation, docs, health, openapi};

/// Every operation with what it demands of its caller.
pub fn operations<S: Clone + Send + Sync + 'static>() -> Vec<Operation<S>> {
    vec![
        Operation::new(Access::Health, routes!(health::alive)),
        Operation::new(Access::Health, routes!(health::ready)),
        Operation::new(Access::Health, routes!(health::metrics)),
        Operation::public(routes!(openapi::show)),
        Operation::public(routes!(docs::page)),
        Operation::public(routes!(docs::asset)),
    ]
}
