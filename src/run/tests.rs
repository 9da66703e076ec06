//! Tests of the run state machine.
