//! The route table: every operation of the server, once.

use std::sync::Arc;

use aggregates::api_key::Scope;
use utoipa_axum::routes;

use super::{Access, Operation, docs, health, openapi, projects};
use crate::app::App;

/// The operations of the service itself, which need no application.
pub fn service<S: Clone + Send + Sync + 'static>() -> Vec<Operation<S>> {
    vec![
        Operation::new(Access::Health, routes!(health::alive)),
        Operation::new(Access::Health, routes!(health::ready)),
        Operation::new(Access::Health, routes!(health::metrics)),
        Operation::public(routes!(openapi::show)),
        Operation::public(routes!(docs::page)),
        Operation::public(routes!(docs::asset)),
    ]
}

/// Every operation with what it demands of its caller.
pub fn operations() -> Vec<Operation<Arc<App>>> {
    let mut operations = service();
    operations.extend(resources());
    operations
}

fn resources() -> Vec<Operation<Arc<App>>> {
    vec![
        Operation::scoped(Scope::ProjectsRead, routes!(projects::list::list)),
        Operation::scoped(Scope::ProjectsWrite, routes!(projects::create::create)),
        Operation::scoped(Scope::ProjectsRead, routes!(projects::get::get)),
    ]
}
