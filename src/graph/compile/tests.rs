//! Tests of the regions.
