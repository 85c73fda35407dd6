//! The route table: every operation of the server, once.

use std::sync::Arc;

use aggregates::api_key::Scope;
use utoipa_axum::routes;

use super::{
    Access, Operation, api_keys, campaigns, docs, email_templates, health, interview, invites, mail, openapi, projects,
    scripts,
};
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

/// What is served in development mode only, and stands in no document: the mails of a folder.
pub fn development() -> Vec<Operation<Arc<App>>> {
    vec![Operation::public(routes!(mail::dev::list)), Operation::public(routes!(mail::dev::show))]
}

fn resources() -> Vec<Operation<Arc<App>>> {
    vec![
        Operation::scoped(Scope::CampaignsRead, routes!(campaigns::list::list)),
        Operation::scoped(Scope::CampaignsWrite, routes!(campaigns::create::create)),
        Operation::scoped(Scope::CampaignsRead, routes!(campaigns::get::get)),
        Operation::scoped(Scope::CampaignsWrite, routes!(campaigns::update::update)),
        Operation::scoped(Scope::CampaignsWrite, routes!(campaigns::pause::pause)),
        Operation::scoped(Scope::CampaignsWrite, routes!(campaigns::resume::resume)),
        Operation::scoped(Scope::CampaignsWrite, routes!(campaigns::archive::archive)),
        Operation::scoped(Scope::InvitesRead, routes!(invites::list::list)),
        Operation::scoped(Scope::InvitesWrite, routes!(invites::create::create)),
        Operation::scoped(Scope::InvitesWrite, routes!(invites::bulk::bulk)),
        Operation::scoped(Scope::InvitesRead, routes!(invites::get::get)),
        Operation::scoped(Scope::InvitesWrite, routes!(invites::cancel::cancel)),
        Operation::scoped(Scope::InvitesWrite, routes!(invites::resend::resend)),
        Operation::invited(routes!(interview::show::show)),
        Operation::scoped(Scope::ProjectsRead, routes!(projects::list::list)),
        Operation::scoped(Scope::ProjectsWrite, routes!(projects::create::create)),
        Operation::scoped(Scope::ProjectsRead, routes!(projects::get::get)),
        Operation::scoped(Scope::ProjectsWrite, routes!(projects::update::update)),
        Operation::scoped(Scope::ProjectsWrite, routes!(projects::delete::delete)),
        Operation::scoped(Scope::ScriptsRead, routes!(scripts::list::list)),
        Operation::scoped(Scope::ScriptsWrite, routes!(scripts::create::create)),
        Operation::scoped(Scope::ScriptsWrite, routes!(scripts::import::import)),
        Operation::scoped(Scope::ScriptsRead, routes!(scripts::get::get)),
        Operation::scoped(Scope::ScriptsWrite, routes!(scripts::update::update)),
        Operation::scoped(Scope::ScriptsWrite, routes!(scripts::delete::delete)),
        Operation::scoped(Scope::ScriptsWrite, routes!(scripts::publish::publish)),
        Operation::scoped(Scope::ScriptsWrite, routes!(scripts::create_version::create_version)),
        Operation::scoped(Scope::ScriptsRead, routes!(scripts::export::export)),
        Operation::scoped(Scope::CampaignsRead, routes!(email_templates::list::list)),
        Operation::scoped(Scope::CampaignsWrite, routes!(email_templates::create::create)),
        Operation::scoped(Scope::CampaignsRead, routes!(email_templates::get::get)),
        Operation::scoped(Scope::CampaignsWrite, routes!(email_templates::update::update)),
        Operation::scoped(Scope::CampaignsWrite, routes!(email_templates::delete::delete)),
        Operation::scoped(Scope::CampaignsRead, routes!(email_templates::preview::preview)),
        Operation::new(Access::Mail, routes!(mail::report::report)),
        Operation::new(Access::Mail, routes!(mail::open::open)),
        Operation::scoped(Scope::ApiKeysRead, routes!(api_keys::list::list)),
        Operation::scoped(Scope::ApiKeysWrite, routes!(api_keys::create::create)),
        Operation::scoped(Scope::ApiKeysWrite, routes!(api_keys::revoke::revoke)),
    ]
}
