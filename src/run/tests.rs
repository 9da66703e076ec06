//! Tests of the run state machine: one driver, graphs in a small text form, worlds as closures.

mod basics;
mod bounds;
mod control;
mod failure;
mod journal;
mod loops;
mod others;
mod people;
mod property;
mod scope;
mod shown;
mod support;
mod table;
mod waits;
