//! Tests of the run state machine: one driver, graphs in a small text form, worlds as closures.

mod support;

mod basics;
