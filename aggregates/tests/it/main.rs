//! The rules of the domain, given/when/then; models of the aggregates; and the shapes of stored events.

mod api_keys;
mod campaigns;
mod common;
mod email_templates;
mod events;
mod exports;
mod files;
mod invite_mails;
mod invites;
mod members;
mod models;
mod organizations;
mod projects;
mod questions;
mod scripts;
mod sessions;
mod webhooks;
