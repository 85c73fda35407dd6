//! Webhook deliveries: real receivers, both engines, and time that stands until a test moves it.

mod behaviour;
mod bounds;
mod fairness;
mod faults;
mod guard;
mod health;
mod pipeline;
mod process;
mod replays;
mod rules;
mod signing;
pub mod support;
