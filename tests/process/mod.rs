//! The program as a process: killed, stopped, run twice, administered while it serves.

mod administration;
mod files;
mod interviews;
mod kill;
mod logs;
mod rate_limits;
