//! The send gate against a real store and a real SMTP server, with the engine's part noted down.

mod contacts;
mod crash;
mod decide;
mod ends;
mod health;
mod life;
mod pause;
mod repeats;
mod rules;
mod tls;
mod world;
