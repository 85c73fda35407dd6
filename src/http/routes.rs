//! The route table: every operation of the server, once.

use std::sync::Arc;

use aggregates::api_key::Scope;
use utoipa_axum::routes;

use super::{
    Access, Operation, api_keys, campaigns, docs, email_templates, events, files, health, interview, invites, mail,
    members, openapi, organization, projects, scripts, sessions, webhooks,
};
use crate::app::App;

/// The operations of the service itself, which need no application.
pub fn service<S: Clone + Send + Sync + 'static>() -> Vec<Operation<S>> {
    vec![
        Operation::unmetered(routes!(health::alive)),
        Operation::unmetered(routes!(health::ready)),
        Operation::unmetered(routes!(health::metrics)),
        Operation::public(routes!(openapi::show)),
        Operation::public(routes!(docs::page)),
        Operation::public(routes!(docs::asset)),
        Operation::unmetered(routes!(interview::page::asset)),
        Operation::unmetered(routes!(interview::embed::script)),
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
        Operation::scoped(Scope::SessionsRead, routes!(sessions::list::list)),
        Operation::scoped(Scope::SessionsRead, routes!(sessions::get::get)),
        Operation::scoped(Scope::SessionsRead, routes!(sessions::transcript::transcript)),
        Operation::scoped(Scope::SessionsRead, routes!(sessions::pdf::pdf)),
        Operation::scoped(Scope::SessionsWrite, routes!(sessions::pause::pause)),
        Operation::scoped(Scope::SessionsWrite, routes!(sessions::resume::resume)),
        Operation::scoped(Scope::SessionsWrite, routes!(sessions::heartbeat::heartbeat)),
        Operation::scoped(Scope::SessionsWrite, routes!(sessions::consent::consent)),
        Operation::scoped(Scope::SessionsRead, routes!(sessions::consents::consents)),
        Operation::unmetered(routes!(interview::page::page)),
        Operation::invited(routes!(interview::show::show)),
        Operation::invited(routes!(interview::open::open)),
        Operation::participating(routes!(interview::consent::consent)),
        Operation::participating(routes!(interview::start::start)),
        Operation::participating(routes!(interview::next::next)),
        Operation::participating(routes!(interview::answers::answers)),
        Operation::participating(routes!(interview::spoken::spoken)).streaming(),
        Operation::participating(routes!(interview::speech::speech)),
        Operation::participating(routes!(interview::pause::pause)),
        Operation::participating(routes!(interview::resume::resume)),
        Operation::participating(routes!(interview::heartbeat::heartbeat)),
        Operation::participating(routes!(interview::complete::complete)),
        Operation::participating(routes!(interview::leave::leave)),
        Operation::scoped(Scope::OrganizationRead, routes!(organization::get::get)),
        Operation::scoped(Scope::OrganizationWrite, routes!(organization::update::update)),
        Operation::scoped(Scope::OrganizationWrite, routes!(organization::logo::upload)).streaming(),
        Operation::public(routes!(organization::logo::show)),
        Operation::scoped(Scope::OrganizationRead, routes!(members::list::list)),
        Operation::scoped(Scope::OrganizationWrite, routes!(members::invite::invite)),
        Operation::scoped(Scope::OrganizationRead, routes!(members::get::get)),
        Operation::scoped(Scope::OrganizationWrite, routes!(members::update::update)),
        Operation::scoped(Scope::OrganizationWrite, routes!(members::remove::remove)),
        Operation::public(routes!(members::accept::accept)),
        Operation::public(routes!(members::page::page)),
        Operation::public(routes!(members::page::accept)),
        Operation::scoped(Scope::ProjectsRead, routes!(projects::list::list)),
        Operation::scoped(Scope::ProjectsWrite, routes!(projects::create::create)),
        Operation::scoped(Scope::ProjectsRead, routes!(projects::get::get)),
        Operation::scoped(Scope::ProjectsWrite, routes!(projects::update::update)),
        Operation::scoped(Scope::ProjectsWrite, routes!(projects::delete::delete)),
        Operation::scoped(Scope::ScriptsRead, routes!(scripts::list::list)),
        Operation::scoped(Scope::ScriptsWrite, routes!(scripts::create::create)),
        Operation::scoped(Scope::ScriptsWrite, routes!(scripts::import::import)).of_at_most(scripts::import::MOST),
        Operation::scoped(Scope::ScriptsRead, routes!(scripts::get::get)),
        Operation::scoped(Scope::ScriptsWrite, routes!(scripts::update::update)),
        Operation::scoped(Scope::ScriptsWrite, routes!(scripts::delete::delete)),
        Operation::scoped(Scope::ScriptsWrite, routes!(scripts::publish::publish)),
        Operation::scoped(Scope::ScriptsWrite, routes!(scripts::create_version::create_version)),
        Operation::scoped(Scope::ScriptsRead, routes!(scripts::export::export)),
        Operation::scoped(Scope::WebhooksRead, routes!(events::list::list)),
        Operation::scoped(Scope::WebhooksRead, routes!(events::types::list)),
        Operation::scoped(Scope::SessionsRead, routes!(files::list::list)),
        Operation::scoped(Scope::SessionsWrite, routes!(files::upload::upload)).streaming(),
        Operation::scoped(Scope::ScriptsWrite, routes!(files::media::upload)).streaming(),
        Operation::public(routes!(files::download::download)),
        Operation::scoped(Scope::WebhooksRead, routes!(webhooks::list::list)),
        Operation::scoped(Scope::WebhooksWrite, routes!(webhooks::create::create)),
        Operation::scoped(Scope::WebhooksRead, routes!(webhooks::get::get)),
        Operation::scoped(Scope::WebhooksWrite, routes!(webhooks::update::update)),
        Operation::scoped(Scope::WebhooksWrite, routes!(webhooks::delete::delete)),
        Operation::scoped(Scope::WebhooksWrite, routes!(webhooks::rotate_secret::rotate_secret)),
        Operation::scoped(Scope::WebhooksWrite, routes!(webhooks::test::test)),
        Operation::scoped(Scope::WebhooksRead, routes!(webhooks::deliveries::list)),
        Operation::scoped(Scope::WebhooksRead, routes!(webhooks::delivery::get)),
        Operation::scoped(Scope::WebhooksWrite, routes!(webhooks::redeliver::redeliver)),
        Operation::scoped(Scope::WebhooksWrite, routes!(webhooks::replay::replay)),
        Operation::scoped(Scope::WebhooksRead, routes!(webhooks::explain::explain)),
        Operation::scoped(Scope::CampaignsRead, routes!(email_templates::list::list)),
        Operation::scoped(Scope::CampaignsWrite, routes!(email_templates::create::create)),
        Operation::scoped(Scope::CampaignsRead, routes!(email_templates::get::get)),
        Operation::scoped(Scope::CampaignsWrite, routes!(email_templates::update::update)),
        Operation::scoped(Scope::CampaignsWrite, routes!(email_templates::delete::delete)),
        Operation::scoped(Scope::CampaignsRead, routes!(email_templates::preview::preview)),
        Operation::new(Access::Mail, routes!(mail::report::report)).bytes(),
        Operation::new(Access::Mail, routes!(mail::open::open)),
        Operation::scoped(Scope::ApiKeysRead, routes!(api_keys::list::list)),
        Operation::scoped(Scope::ApiKeysWrite, routes!(api_keys::create::create)),
        Operation::scoped(Scope::ApiKeysRead, routes!(api_keys::get::get)),
        Operation::scoped(Scope::ApiKeysWrite, routes!(api_keys::revoke::revoke)),
    ]
}
