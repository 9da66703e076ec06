//! 100,000 of everything that nests, on the stack of a thread of the server: an error or a value, never the end of
//! the process.

use super::{
    documents,
    driver::{STACK_BYTES, Seen},
    language, outside, requests,
};
use std::thread;

/// What opens a level, and what closes it.
const NESTING: &[(&str, &str)] = &[
    ("(", ")"),
    ("[", "]"),
    ("{", "}"),
    ("{a:", "}"),
    ("{\"a\":", "}"),
    ("[{\"a\":", "}]"),
    ("{{", "}}"),
    ("{{{", "}}}"),
    ("{{#a}}", "{{/a}}"),
    ("{{#if a}}", "{{/if}}"),
    ("{{#each a}}{{else}}", "{{/each}}"),
    ("{{^a}}", "{{/a}}"),
    ("a(", ")"),
    ("a.b(", ")"),
    ("a[", "]"),
    ("a[.b > ", "]"),
    ("a|map(", ")"),
    ("a|filter('", "')"),
    ("x => ", ""),
    ("a?", ":b"),
    ("a?b:", ""),
    ("a?:", ""),
    ("!", ""),
    ("-", ""),
    ("+", ""),
    ("a+", ""),
    ("a-", ""),
    ("a*", ""),
    ("a/", ""),
    ("a//", ""),
    ("a%", ""),
    ("a^", ""),
    ("2^", ""),
    ("a==", ""),
    ("a===", ""),
    ("a<", ""),
    ("a&&", ""),
    ("a||", ""),
    ("a??", ""),
    ("a in ", ""),
    ("a contains ", ""),
    ("a matches ", ""),
    ("a.", ""),
    ("a?.", ""),
    ("a|", ""),
    ("'", "'"),
    ("\"{{'", "'}}\""),
    ("\\", ""),
    ("- ", ""),
    ("? ", ""),
    ("a: ", ""),
    ("&a [", "]"),
    ("!!seq [", "]"),
    ("- - ", ""),
    ("<", ">"),
    ("1,", ""),
    ("*/", ""),
    ("1-", ""),
    ("a=", "&"),
    ("a[]=", "&"),
    ("1h", ""),
    ("P1D", ""),
    ("Ada <", ">"),
    ("(a", ")"),
    ("http://", "/"),
    ("../", ""),
];

type Reader = fn(&[u8]) -> Result<Seen, String>;

/// What stands before and behind the nested text.
type Around = &'static [(&'static str, &'static str)];

/// All that reads, and what stands around the nested text.
const READERS: &[(&str, Reader, Around)] = &[
    ("expression", language::expression, &[("", "")]),
    ("template", language::template, &[("", ""), ("{{", "}}")]),
    ("cron", language::cron, &[("", ""), ("0 0 * * ", "")]),
    ("duration", language::duration, &[("", ""), ("{\"days\":", "}")]),
    (
        "document",
        documents::dag_is_read_and_written,
        &[
            ("", ""),
            ("{\"steps\":[{\"id\":\"a\",\"prompt\":", "}]}"),
            ("{\"steps\":[{\"type\":\"end\",\"id\":\"a\",\"outcome\":", "}]}"),
            ("{\"nodes\":[],\"entryNodeIds\":[],\"schemas\":", "}"),
            ("{\"steps\":[{\"stepSlug\":\"a\",\"stepType\":\"action\",\"config\":", "}]}"),
            ("{\"format\":\"signalbox/v1\",\"graph\":", "}"),
            ("name: x\nsteps:\n- id: a\n  prompt: ", ""),
        ],
    ),
    ("world", documents::world, &[("", ""), ("{\"tools\":", "}")]),
    (
        "webhook",
        requests::webhook,
        &[
            ("\ncontent-type: application/json\n\n", ""),
            ("\ncontent-type: application/json\n\n{\"a\":", "}"),
            ("\ncontent-type: application/x-www-form-urlencoded\n\n", ""),
        ],
    ),
    ("frame", requests::frame, &[("", ""), ("{\"type\":\"follow\",\"after\":", "}")]),
    ("cursor", requests::cursor, &[("", "")]),
    ("credential", requests::credential, &[("authorization: Bearer ", ""), ("cookie: ", "")]),
    (
        "mail",
        outside::header,
        &[
            ("a@b.example\t", "\tc@b.example\td@b.example\tHi\tx"),
            ("a@b.example\tx@b.example\tc@b.example\td@b.example\t", "\tx"),
        ],
    ),
    ("address", outside::address, &[("", ""), ("https://example.com/", "")]),
];

/// The texts of one kind of nesting: as deep as limits allow, at them, and far beyond; closed and not.
fn nested(open: &str, close: &str) -> Vec<(usize, String)> {
    let text = |count: usize| format!("{}1{}", open.repeat(count), close.repeat(count));
    let mut texts: Vec<(usize, String)> =
        [63, 100, 1_300, 100_000].into_iter().map(|count| (count, text(count))).collect();
    texts.push((1_300, open.repeat(1_300)));
    texts
}

#[test]
fn nothing_nests_so_deep_that_the_process_ends() {
    let work = || {
        let mut broken = vec![];
        for (open, close) in NESTING {
            for (count, inner) in nested(open, close) {
                for (name, read, around) in READERS {
                    // What stands around a part makes no difference far beyond all limits.
                    let some = if count > 10_000 { 1 } else { around.len() };
                    for (before, after) in &around[..some] {
                        if let Err(why) = read(format!("{before}{inner}{after}").as_bytes()) {
                            let why: String = why.chars().take(300).collect();
                            let place = format!("{name}: {count} × {open:?} in {before:?}");
                            broken.push(format!("{place}: {why}"));
                        }
                    }
                }
            }
        }
        broken
    };
    let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn(work).unwrap();
    let broken = thread.join().unwrap();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Beyond the limits nothing is read, whatever it would mean.
#[test]
fn a_hundred_thousand_levels_are_refused() {
    let readers: &[(&str, Reader)] = &[
        ("(1)", language::expression),
        ("[1]", language::expression),
        ("{{#a}}1{{/a}}", language::template),
        ("[1]", documents::dag_is_read_and_written),
        ("{\"a\":1}", documents::dag_is_read_and_written),
        ("[1]", requests::frame),
    ];
    for (level, read) in readers {
        let (open, close) = level.split_once('1').unwrap();
        let text = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        assert!(matches!(read(text.as_bytes()), Ok(Seen::Refused(_))), "{level}");
    }
}
