//! Tests of the run state machine: one driver, graphs in a small text form, worlds as closures.

mod again;
mod basics;
mod bounds;
mod children;
mod control;
mod early;
mod failure;
mod forks;
mod journal;
mod loops;
mod others;
mod people;
mod property;
mod review;
mod scope;
mod shown;
mod support;
mod table;
mod waits;
