//! `check` and `convert`.

use super::{TempFile, fixture, root, signalbox};
use serde_json::{Value, json};

const BAD: &str = r#"{"name": "Bad", "steps": [
  {"stepSlug": "start", "stepType": "trigger", "config": {"type": "manual"}, "nextSteps": {"success": "send"}},
  {"stepSlug": "send", "stepType": "action", "config": {"type": "email_sendd",
    "parameters": {"subject": "{{steps.nobody.output.name}}"}}, "nextSteps": {"success": "end"}}
]}"#;

#[test]
fn a_good_file_has_exit_code_0_and_a_bad_one_1_with_file_node_field_and_message() {
    let good = fixture("guide-patterns/5-error-handling.json");
    let said = signalbox(&["check", &good], "");
    assert_eq!(said.code, 0, "{said:?}");

    let bad = TempFile::new(BAD);
    let said = signalbox(&["check", "--json", &good, &bad.path()], "");
    assert_eq!(said.code, 1, "{said:?}");
    let report = said.json();
    assert_eq!(report["ok"], false);
    assert_eq!(report["files"][0]["errors"], 0);
    assert_eq!(report["files"][0]["format"], "visual-workflow");
    assert_eq!(report["files"][1]["name"], "Bad");
    let problems = report["problems"].as_array().unwrap();
    let found = |code: &str| {
        let found = problems.iter().find(|problem| problem["code"] == code);
        found.unwrap_or_else(|| panic!("no {code}: {report:#}"))
    };
    let tool = found("unknown-tool");
    assert_eq!(
        (&tool["file"], &tool["node"], &tool["field"], &tool["severity"], &tool["line"]),
        (&json!(bad.path()), &json!("send"), &json!("/tool"), &json!("error"), &json!(3))
    );
    assert!(tool["message"].as_str().unwrap().contains("email_sendd"));
    let name = problems.iter().find(|problem| problem["field"] == "/parameters/subject").unwrap();
    assert_eq!((&name["line"], &name["column"]), (&json!(4), &json!(31)), "{name}");
    assert_eq!(report["errors"], report["files"][1]["errors"]);

    let text = signalbox(&["check", &bad.path()], "");
    let expected = format!("{}:3:4: error[unknown-tool]", bad.path());
    let expected = expected.replace(":3:4:", &format!(":3:{}:", tool["column"]));
    assert!(text.out.contains(&expected), "{text:?}");
}

#[test]
fn a_mistake_in_the_text_is_shown_with_its_place() {
    let file = TempFile::new("{\n  \"name\": \"X\",\n  \"steps\": [,]\n}");
    let said = signalbox(&["check", &file.path()], "");
    assert_eq!(said.code, 1);
    let expected = format!(
        "{}:3:13: error[not-json]: this is not JSON: expected value\n 3 |   \"steps\": [,]\n   |             ^\n",
        file.path()
    );
    assert!(said.out.starts_with(&expected), "{}", said.out);

    for (text, code) in [
        ("", "not-json"),
        ("{\"name\": \"tru", "not-json"),
        ("[]", "unknown-format"),
        ("{\"a\": 1}", "unknown-format"),
        ("{\"steps\": [{\"stepSlug\": 5}]}", "invalid-document"),
    ] {
        let said = signalbox(&["check", "--json", "-"], text);
        assert_eq!(said.code, 1, "{text}: {said:?}");
        assert_eq!(said.json()["problems"][0]["code"], code, "{text}");
        assert_eq!(said.json()["problems"][0]["file"], "standard input");
    }
    let deep = format!("{{\"steps\": {}{}}}", "[".repeat(90_000), "]".repeat(90_000));
    assert_eq!(signalbox(&["check", "-"], &deep).code, 1);
}

#[test]
fn what_cannot_be_read_has_exit_code_2() {
    let said = signalbox(&["check", "/nowhere/x.json"], "");
    assert_eq!(said.code, 2);
    assert!(said.err.contains("cannot read /nowhere/x.json"), "{said:?}");
    for arguments in [&["check"][..], &["convert", "x", "--to", "word"], &["run"], &["fly"]] {
        assert_eq!(signalbox(arguments, "").code, 2, "{arguments:?}");
    }
}

#[test]
fn the_real_definitions_can_be_checked() {
    for entry in std::fs::read_dir(root().join("tests/fixtures/visual-workflows")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let said = signalbox(&["check", "--json", &path.display().to_string()], "");
        let report = said.json();
        // They use integrations that are not here; nothing else may be wrong with them.
        for problem in report["problems"].as_array().unwrap() {
            let expected = problem["severity"] != "error" || problem["code"] == "unknown-tool";
            assert!(expected, "{}: {problem:#}", path.display());
            assert!(problem["node"].is_null() || problem["line"].is_u64(), "{problem:#}");
        }
    }
}

// WF-03
#[test]
fn converting_there_and_back_gives_the_same_document() {
    for name in [
        "guide-patterns/1-auto-reply.json",
        "guide-patterns/5-error-handling.json",
        "visual-workflows/general_product-recommendation.json",
        "visual-workflows/gmail_email-sync.json",
    ] {
        let document: Value =
            serde_json::from_str(&std::fs::read_to_string(fixture(name)).unwrap()).unwrap();
        let own = match document.get("steps") {
            Some(_) => "visual-workflow",
            None => "visual-workflow-config",
        };
        let same = signalbox(&["convert", &fixture(name), "--to", own], "");
        assert_eq!((same.code, same.json().to_string()), (0, document.to_string()), "{name}");

        let ours = TempFile::new("");
        let said = signalbox(
            &["convert", &fixture(name), "--to", "signalbox/v1", "--out", &ours.path()],
            "",
        );
        assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, "", ""), "{name}");
        let written: Value =
            serde_json::from_str(&std::fs::read_to_string(ours.path()).unwrap()).unwrap();
        assert_eq!(written["format"], "signalbox/v1");
        let back = signalbox(&["convert", &ours.path(), "--to", own], "");
        assert_eq!(back.json().to_string(), document.to_string(), "{name}");
    }
}

#[test]
fn what_cannot_be_converted_is_refused_with_its_place() {
    let said =
        signalbox(&["convert", "-", "--to", "signalbox/v1"], "{\"steps\": [{\"stepSlug\": 5}]}");
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(said.err.contains("standard input:1:25:"), "{}", said.err);
}

/// The plans with the words of `--to` that write them.
const PLANS: [(&str, &str); 7] = [
    ("contract-launch.json", "contract"),
    ("dag-contract-review.yaml", "dag-yaml"),
    ("dag-data-pipeline.json", "dag"),
    ("dag-topics.json", "dag"),
    ("dag-triage.json", "dag"),
    ("outbound-intro.json", "outbound"),
    ("outbound-linear.json", "outbound"),
];

// DAG-11
#[test]
fn plans_are_checked_and_converted_there_and_back() {
    for (name, own) in PLANS {
        let path = fixture(&format!("plans/{name}"));
        let text = std::fs::read_to_string(&path).unwrap();
        let said = signalbox(&["check", "--json", &path], "");
        assert_eq!((said.code, &said.json()["errors"]), (0, &json!(0)), "{name}: {said:?}");
        let same = signalbox(&["convert", &path, "--to", own], "");
        assert_eq!((same.code, same.err.as_str()), (0, ""), "{name}");
        if own == "dag-yaml" {
            assert_eq!(same.out, text, "{name}");
        } else {
            let document: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(same.json().to_string(), document.to_string(), "{name}");
        }
        for ours in ["signalbox", "signalbox-yaml", "visual"] {
            let middle = TempFile::new("");
            let said = signalbox(&["convert", &path, "--to", ours, "--out", &middle.path()], "");
            assert_eq!((said.code, said.out.as_str()), (0, ""), "{name} to {ours}: {said:?}");
            let back =
                signalbox(&["convert", &middle.path(), "--to", own.trim_end_matches("-yaml")], "");
            let steps = |value: Value| value["steps"].as_array().map(Vec::len);
            let expected =
                signalbox(&["convert", &path, "--to", own.trim_end_matches("-yaml")], "");
            assert_eq!(steps(back.json()), steps(expected.json()), "{name} by {ours}: {back:?}");
            if ours != "visual" {
                assert_eq!(back.json(), expected.json(), "{name} by {ours}");
            }
        }
    }
    let said = signalbox(&["check", "-"], "steps:\n  - id: a\n    prompt: x\n    dependsOn: [b]\n");
    assert!(
        said.out.starts_with("standard input:4:17: error[invalid-document]: a depends on b"),
        "{said:?}"
    );
    let said = signalbox(&["check", "-"], "steps:\n  - id: a: b\n");
    assert!(said.out.contains("error[not-yaml]: this is not YAML"), "{said:?}");
}

/// The problems of a text, and where the first one of a code at a step stands; none for the whole workflow.
fn place_of(text: &str, code: &str, node: &str) -> (u64, u64) {
    let report = signalbox(&["check", "--json", "-"], text).json();
    let problems = report["problems"].as_array().unwrap();
    let is = |problem: &&Value| {
        problem["code"] == code && problem["node"].as_str().unwrap_or_default() == node
    };
    let found = problems.iter().find(is).unwrap_or_else(|| panic!("{code} {node}: {report:#}"));
    (found["line"].as_u64().unwrap_or_default(), found["column"].as_u64().unwrap_or_default())
}

// DAG-11
#[test]
fn problems_of_plans_stand_where_the_document_says_what_is_wrong() {
    let dag = "name: x\nsteps:\n- id: a\n  prompt: '{{1 +}}'\n- id: b\n  prompt: B\n  condition: 1 +\n- id: c\n  prompt: '{{a.output}}'\n  dependson: [a]\n";
    assert_eq!(place_of(dag, "bad-expression", "a"), (4, 11));
    assert_eq!(place_of(dag, "bad-expression", "b"), (7, 14));
    assert_eq!(place_of(dag, "reads-later-step", "c"), (9, 11));
    assert_eq!(place_of(dag, "unknown-key", "c"), (10, 14));

    let outbound = r#"{"name": "x", "steps": [
  {"type": "branch", "id": "b", "conditions": [
    {"when": "default", "goto": "e"},
    {"when": "1 +", "goto": "e"}]},
  {"type": "end", "id": "e"}],
 "exitConditions": [
  {"when": "2 +"}]}"#;
    assert_eq!(place_of(outbound, "bad-expression", "b"), (4, 14));
    assert_eq!(place_of(outbound, "bad-expression", ""), (7, 12));

    let contract = r#"{"title": "x", "nodes": [
  {"id": "a", "owner": {"executorType": "system"}, "instructions": "do"},
  {"id": "b", "owner": {"executorType": "system"}, "instructions": "do"}],
 "edges": [
  {"source": "a", "target": "b",
   "map": {"x": "1 +"}}],
 "entryNodeIds": []}"#;
    assert_eq!(place_of(contract, "bad-expression", "a"), (6, 17));
    assert_eq!(place_of(contract, "unconnected-port", "trigger"), (7, 18));
}

#[test]
fn what_is_wrong_with_a_whole_document_stands_at_its_beginning() {
    let deep = format!("{{\"a\": {}1{}}}", "[".repeat(110), "]".repeat(110));
    let steps = vec![json!({"id": "a", "prompt": "x"}); 5_001];
    for (text, code) in [
        ("{\"a\": 1}".to_owned(), "unknown-format"),
        (deep, "too-deep"),
        (json!({ "steps": steps }).to_string(), "too-many"),
    ] {
        assert_eq!(place_of(&text, code, ""), (1, 1), "{code}");
    }
    assert_eq!(place_of("{\"a\": 1,\n \"a\": 2}", "not-json", ""), (2, 2));
    assert_eq!(place_of("{a: 1, b: [}", "not-yaml", ""), (1, 11));
}

#[test]
fn yaml_is_not_written_deeper_than_it_is_read() {
    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    let document = |levels: usize| json!({"format": "signalbox/v1", "name": "x", "graph": {"nodes": [], "edges": []}, "own": nested(levels)});
    let good = signalbox(&["convert", "-", "--to", "signalbox-yaml"], &document(39).to_string());
    assert_eq!(good.code, 0, "{good:?}");
    let back = signalbox(&["convert", "-", "--to", "signalbox"], &good.out);
    assert_eq!((back.code, &back.json()["own"]), (0, &nested(39)), "{back:?}");
    let said = signalbox(&["convert", "-", "--to", "signalbox-yaml"], &document(40).to_string());
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(said.err.contains("write it as JSON"), "{said:?}");
}
