//! Hostile input for everything that reads what others wrote: made from good texts by mutation, the same for the
//! same seed. Nothing may panic, overflow the stack of a small thread, hang, or read back as something else; what is
//! refused is refused with a typed error and its place.
//!
//! Each target runs its number of cases. `SIGNALBOX_FUZZ_SECONDS` runs each for a time instead (`make test-long`),
//! `SIGNALBOX_FUZZ_SEED` from another seed. A finding is kept in `tests/fixtures/fuzz/<target>/` and replayed for
//! ever. Deliberately absent: feedback from the compiler; new words of an error or a result stand in for it.

mod corpus;
mod depth;
mod documents;
mod driver;
mod language;
mod mutate;
mod outside;
mod requests;
mod structure;
mod wire;

use driver::{Target, run};

/// A test for each target.
macro_rules! targets {
    ($($name:ident: $cases:literal, $seeds:expr, $words:expr, $check:expr;)*) => {$(
        #[test]
        fn $name() {
            run(&Target {
                name: stringify!($name),
                cases: $cases,
                seeds: $seeds,
                words: $words,
                check: $check,
            });
        }
    )*};
}

targets! {
    expression: 20_000, language::expressions, language::WORDS, language::expression;
    template: 15_000, language::templates, language::WORDS, language::template;
    cron: 20_000, language::rules, language::CRON_WORDS, language::cron;
    duration: 20_000, language::durations, language::TIME_WORDS, language::duration;
    own_document: 1_000, documents::own, documents::WORDS, documents::own_is_read_and_written;
    visual_document: 1_000, documents::visual, documents::WORDS, documents::visual_is_read_and_written;
    outbound_document: 1_500, documents::outbound, documents::WORDS, documents::outbound_is_read_and_written;
    dag_document: 1_500, documents::dag, documents::WORDS, documents::dag_is_read_and_written;
    contract_document: 1_000, documents::contract, documents::WORDS, documents::contract_is_read_and_written;
    world_file: 2_000, documents::worlds, documents::WORDS, documents::world;
    webhook: 20_000, requests::webhooks, requests::WORDS, requests::webhook;
    live_frame: 20_000, requests::frames, requests::WORDS, requests::frame;
    cursor: 20_000, requests::cursors, requests::WORDS, requests::cursor;
    credential: 20_000, requests::credentials, requests::WORDS, requests::credential;
    mail_header: 4_000, outside::headers, outside::WORDS, outside::header;
    address: 20_000, outside::addresses, outside::WORDS, outside::address;
}
