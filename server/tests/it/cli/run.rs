//! `run`: who decides, what time costs, what is printed, and exit codes.

use super::{Said, TempFile, signalbox};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A workflow in our own short form for these tests: steps by slug, type, config and ways out.
fn workflow(steps: &[(&str, &str, Value, Value)]) -> TempFile {
    let steps: Vec<Value> = steps
        .iter()
        .map(|(slug, kind, config, next)| {
            json!({"stepSlug": slug, "stepType": kind, "config": config, "nextSteps": next})
        })
        .collect();
    TempFile::new(&json!({"name": "Test", "steps": steps}).to_string())
}

fn emails() -> TempFile {
    workflow(&[(
        "send",
        "action",
        json!({"type": "email_send", "parameters": {
            "to": "Ada <ada@example.com>", "subject": "Hello {{input.name}}", "body": "How are you?"}}),
        json!({"success": "end"}),
    )])
}

fn run(file: &TempFile, arguments: &[&str], input: &str) -> Said {
    let mut all = vec!["run".to_owned(), file.path()];
    all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    signalbox(&all, input)
}

#[test]
fn who_approves_decides_how_it_ends() {
    let file = emails();
    let said = run(&file, &["--approve", "all", "--input", "{\"name\": \"Ada\"}"], "");
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("\nCompleted\n"), "{}", said.out);
    assert!(said.err.contains("sandbox"), "what is simulated is said: {}", said.err);
    let line = said.out.lines().find(|line| line.contains("email.send")).unwrap();
    assert!(line.starts_with("20") && line.contains("  send  "), "{line}");
    let mail = "In the sandbox mailbox: to Ada <ada@example.com>: Hello Ada";
    assert!(said.out.contains(mail), "{}", said.out);
    let said = run(&file, &["--approve", "all", "--json", "--virtual-time"], "");
    let last = said.lines().pop().unwrap();
    assert_eq!(last["messages"][0]["body"], "How are you?", "{last}");

    for arguments in [&["--approve", "none"][..], &[], &["--approve", "ask"]] {
        let said = run(&file, arguments, "");
        assert_eq!(said.code, 3, "{arguments:?}: {said:?}");
        assert!(said.out.contains("waits for a person: Email to"), "{arguments:?}: {said:?}");
    }
    let said = run(&file, &["--approve", "none", "--json"], "");
    let last = said.lines().pop().unwrap();
    assert_eq!((&last["outcome"], &last["exit_code"]), (&json!("needs_person"), &json!(3)));
    assert_eq!(last["waits_for"][0]["kind"], "message");
}

#[test]
fn asking_shows_the_finished_message_and_takes_the_answer() {
    let file = emails();
    let said = run(&file, &["--approve", "ask", "--input", "{\"name\": \"Ada\"}"], "a\n");
    assert_eq!(said.code, 0, "{said:?}");
    for text in ["To: Ada <ada@example.com>", "Subject: Hello Ada", "How are you?"] {
        assert!(said.err.contains(text), "{}", said.err);
    }
    let said = run(&file, &["--approve", "ask", "--json"], "x\nr\nNot now.\n");
    let decided: Vec<Value> = said.lines();
    let decided = decided.iter().find(|event| event["type"] == "approval_decided").unwrap();
    assert_eq!(decided["decision"]["reason"], "Not now.");
}

#[test]
fn a_question_is_answered_by_its_form() {
    let form = json!({"type": "object", "required": ["count"], "properties": {
        "count": {"type": "integer"}, "note": {"type": "string"}}});
    let file = workflow(&[
        (
            "ask",
            "human",
            json!({"mode": "answer", "prompt": "How many?", "form": form}),
            json!({"success": "done"}),
        ),
        ("done", "end", json!({"output": {"count": "{{steps.ask.output.count}}"}}), json!({})),
    ]);
    let said = run(&file, &["--approve", "ask", "--json"], "a\nmany\na\n3\n\n");
    let last = said.lines().pop().unwrap();
    assert_eq!((said.code, &last["output"]), (0, &json!({"count": 3})), "{said:?}");
    let said = run(&file, &["--approve", "all", "--json"], "");
    assert_eq!(said.code, 0, "{said:?}");
}

#[test]
fn a_long_wait_ends_at_once_in_virtual_time_and_takes_its_time_otherwise() {
    let long = workflow(&[(
        "wait",
        "wait",
        json!({"for": "duration", "duration_ms": 31_536_000_000_u64}),
        json!({"success": "end"}),
    )]);
    let began = Instant::now();
    let said = run(&long, &["--virtual-time", "--json"], "");
    assert_eq!(said.code, 0, "{said:?}");
    assert!(began.elapsed() < Duration::from_secs(60), "a year took {:?}", began.elapsed());
    let times: Vec<chrono::DateTime<chrono::Utc>> =
        said.lines().iter().filter_map(|line| line["at"].as_str()?.parse().ok()).collect();
    assert_eq!((*times.last().unwrap() - times[0]).num_days(), 365);

    let short = workflow(&[(
        "wait",
        "wait",
        json!({"for": "duration", "duration_ms": 700}),
        json!({"success": "end"}),
    )]);
    let began = Instant::now();
    let said = run(&short, &[], "");
    assert_eq!(said.code, 0, "{said:?}");
    assert!(began.elapsed() >= Duration::from_millis(700));
}

#[test]
fn the_exit_code_says_how_it_ended() {
    let event = workflow(&[(
        "wait",
        "wait",
        json!({"for": "event", "event": "reply"}),
        json!({"success": "end"}),
    )]);
    for arguments in [&["--virtual-time"][..], &[]] {
        let said = run(&event, arguments, "");
        assert_eq!(said.code, 4, "{said:?}");
        assert!(said.out.contains("Did not end: it waits for something"), "{said:?}");
    }
    let world = TempFile::new(r#"{"events": [{"after_ms": 86400000, "name": "reply"}]}"#);
    let said = run(&event, &["--virtual-time", "--world", &world.path()], "");
    assert_eq!(said.code, 0, "{said:?}");

    let fails = workflow(&[(
        "get",
        "action",
        json!({"type": "crm.fetch", "parameters": {}}),
        json!({"success": "end"}),
    )]);
    let said = run(&fails, &["--virtual-time"], "");
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("Failed: "), "{said:?}");

    let silent = r#"{"tools": [{"tool": "crm.fetch", "answers": [{"silent": true}]}]}"#;
    let world = TempFile::new(silent);
    let said = run(&fails, &["--virtual-time", "--json", "--world", &world.path()], "");
    assert_eq!(said.code, 1, "{said:?}");
    assert_eq!(said.lines().pop().unwrap()["status"]["type"], "Failed");
}

#[test]
fn what_cannot_be_used_has_exit_code_2_and_a_place() {
    let file = emails();
    let check = |arguments: &[&str], expected: &str| {
        let said = run(&file, arguments, "");
        assert_eq!(said.code, 2, "{arguments:?}: {said:?}");
        assert!(said.err.contains(expected), "{arguments:?}: {}", said.err);
    };
    check(&["--input", "{\"a\": }"], "--input:1:7: this is not JSON");
    check(&["--input", "@/nowhere"], "cannot read /nowhere");
    let world =
        TempFile::new("{\n \"tools\": [{\"tool\": \"x\", \"when\": \"1 +\", \"answers\": []}]}");
    check(&["--world", &world.path()], &format!("{}:2:34: this is not a world file", world.path()));
    let world = TempFile::new("{\"scenarios\": [{\"name\": \"a\"}]}");
    check(&["--world", &world.path(), "--scenario", "b"], "there are: a");
    let twice = TempFile::new(r#"{"name": "x", "steps": []"#);
    assert_eq!(run(&twice, &[], "").code, 2);
    let nothing = TempFile::new(
        r#"{"format": "signalbox/v1", "name": "x", "graph": {"nodes": [], "edges": []}}"#,
    );
    let said = run(&nothing, &[], "");
    assert_eq!(said.code, 2);
    assert!(said.err.contains("cannot run"), "{said:?}");
}

#[test]
fn the_input_can_be_a_file() {
    let file = emails();
    let input = TempFile::new("{\"name\": \"Grace\"}");
    let argument = format!("@{}", input.path());
    let said = run(&file, &["--approve", "ask", "--input", &argument], "a\n");
    assert!(said.err.contains("Subject: Hello Grace"), "{said:?}");
    let told =
        signalbox(&["run", "-", "--virtual-time"], &std::fs::read_to_string(file.path()).unwrap());
    assert_eq!(told.code, 3, "{told:?}");
}

#[test]
fn templates_come_from_the_world() {
    let file = workflow(&[(
        "send",
        "action",
        json!({"type": "email_send", "parameters": {
            "to": "Ada <ada@example.com>", "templateId": "tmpl_intro"}}),
        json!({"success": "end"}),
    )]);
    let world = TempFile::new(
        r#"{"templates": [{"id": "tmpl_intro", "subject": "Hello {{contact.name}}", "text": "About {{input.topic}}."}]}"#,
    );
    fn arguments(world: &str) -> [&str; 8] {
        let input = "{\"topic\": \"lamps\"}";
        ["--approve", "all", "--virtual-time", "--json", "--input", input, "--world", world]
    }
    let path = world.path();
    let said = run(&file, &arguments(&path), "");
    let last = said.lines().pop().unwrap();
    let message = &last["messages"][0];
    assert_eq!(
        (&message["subject"], &message["body"]),
        (&json!("Hello Ada"), &json!("About lamps.")),
        "{said:?}"
    );
    let empty = TempFile::new("{}");
    let path = empty.path();
    let said = run(&file, &arguments(&path), "");
    assert!(said.out.contains("there is no message template tmpl_intro"), "{said:?}");
}
