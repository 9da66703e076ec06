//! Exit codes, each by the way that leads to it, and who answers a run's calls: the world, else the product itself.

use super::{Said, TempFile, signalbox};
use serde_json::{Value, json};

fn document(steps: &Value) -> TempFile {
    TempFile::new(&json!({"name": "Test", "steps": steps}).to_string())
}

fn emailing() -> Value {
    let parameters =
        json!({"customerId": "{{input.id}}", "subject": "Hello", "body": "How are you?"});
    json!([
        {"stepSlug": "send", "stepType": "action", "config": {"type": "email_send", "parameters": parameters},
         "nextSteps": {"success": "sent"}},
        {"stepSlug": "sent", "stepType": "end", "config": {"outcome": "sent", "output": "{{steps.send.output}}"}},
    ])
}

fn waiting(config: &Value) -> Value {
    json!([{"stepSlug": "wait", "stepType": "wait", "config": config, "nextSteps": {"success": "end"}}])
}

/// A person's decision; `on_failure` says what a no does where no way leads on from it.
fn deciding(on_failure: &str) -> Value {
    json!([{"stepSlug": "ask", "stepType": "human", "config": {"mode": "approve", "prompt": "May we?"},
            "nextSteps": {"approved": "end"}, "signalbox": {"policy": {"on_failure": on_failure}}}])
}

fn ada() -> Value {
    json!([{"id": "ada", "name": "Ada", "email": "ada@example.com"}])
}

fn run(steps: &Value, world: &Value, arguments: &[&str]) -> Said {
    let (file, world) = (document(steps), TempFile::new(&world.to_string()));
    let (file, world) = (file.path(), world.path());
    let fixed = ["run", &file, "--world", &world, "--virtual-time", "--json"];
    signalbox(&[&fixed[..], arguments].concat(), "")
}

fn last(said: &Said) -> Value {
    said.lines().pop().unwrap_or_else(|| panic!("{said:?}"))
}

#[test]
fn each_ending_of_a_run_has_its_exit_code() {
    let check = |steps: Value, scenario: Value, arguments: &[&str], code: i32, outcome: &str| {
        let mut scenario = scenario;
        scenario["name"] = json!("one");
        scenario["input"] = json!({"id": "ada"});
        let world = json!({"contacts": ada(), "scenarios": [scenario]});
        let said = run(&steps, &world, arguments);
        let last = last(&said);
        assert_eq!((said.code, &last["outcome"]), (code, &json!(outcome)), "{said:?}");
        assert_eq!(last["exit_code"], code);
    };
    let rejecting = json!({"approvals": [{"answers": [{"decision": "reject", "reason": "No."}]}]});
    let failing = json!({"tools": [{"tool": "email.send", "answers": [
        {"error": {"kind": "invalid_input", "message": "No."}}]}]});
    let nobody = json!({"approvals": [{"answers": [{}]}]});
    check(emailing(), json!({}), &[], 0, "sent");
    check(emailing(), failing, &[], 1, "failed");
    check(emailing(), json!({"expect": {"messages": 2}}), &[], 1, "sent");
    check(deciding("skip"), rejecting.clone(), &[], 0, "completed");
    check(deciding("fail"), rejecting.clone(), &[], 3, "rejected");
    check(deciding("block"), rejecting, &[], 3, "needs_person");
    check(emailing(), nobody, &[], 3, "needs_person");
    check(emailing(), json!({}), &["--approve", "none"], 3, "needs_person");
    check(waiting(&json!({"for": "event", "event": "reply"})), json!({}), &[], 4, "did_not_end");
}

#[test]
fn each_answer_of_check_and_convert_has_its_exit_code() {
    let good = json!({"name": "Test", "steps": emailing()}).to_string();
    let bad = good.replace("email_send", "email_sendd");
    let cut = &good[..good.len() - 2];
    // The visual formats join a step to the trigger where the trigger leads nowhere.
    let lossy = json!({"format": "signalbox/v1", "name": "Test", "graph": {"edges": [], "nodes": [
        {"id": "go", "kind": {"type": "trigger"}}, {"id": "stop", "kind": {"type": "end"}}]}});
    let lossy = lossy.to_string();
    let cases: [(&[&str], &str, i32, &str); 12] = [
        (&["check", "-"], &good, 0, ""),
        (&["check", "-"], &bad, 1, "error[unknown-tool]"),
        (&["check", "-"], cut, 1, "this is not JSON"),
        (&["check", "/nowhere.json"], "", 2, "cannot read /nowhere.json"),
        (&["convert", "-", "--to", "signalbox/v1"], &good, 0, "signalbox/v1"),
        (
            &["convert", "-", "--to", "signalbox/v1"],
            "{\n \"name\": }",
            2,
            "standard input:2:10: this is not JSON",
        ),
        (&["convert", "-", "--to", "signalbox/v1"], "{}", 2, "standard input"),
        (
            &["convert", "-", "--to", "signalbox/v1", "--out", "/nowhere/x"],
            &good,
            2,
            "cannot write /nowhere/x",
        ),
        (&["convert", "-", "--to", "visual"], &lossy, 1, "--lossy writes it all the same"),
        (&["convert", "-", "--to", "visual", "--lossy"], &lossy, 0, "stepSlug"),
        (&["serve", "--plan-steps-max", "0"], "", 2, "--plan-steps-max"),
        (&["run", "-"], "{\n \"name\": }", 2, "standard input:2:10: this is not JSON"),
    ];
    for (arguments, input, code, expected) in cases {
        let said = signalbox(arguments, input);
        let text = format!("{}{}", said.out, said.err);
        assert!(said.code == code && text.contains(expected), "{arguments:?}: {said:?}");
        if arguments.contains(&"visual") {
            assert_eq!(said.out.contains("stepSlug"), code == 0, "{said:?}");
        }
    }
}

#[test]
fn what_the_world_leaves_open_is_done_by_the_product() {
    let scenario = json!({"name": "one", "input": {"id": "ada"}});
    let open = json!({"contacts": ada(), "scenarios": [scenario]});
    let said = run(&emailing(), &open, &[]);
    let output = &last(&said)["output"];
    // Only the send gate says these.
    assert_eq!(output["approvedBy"], "the command line", "{said:?}");
    assert_eq!((&output["sandbox"], &output["edited"]), (&json!(true), &json!(false)));
    assert_eq!(last(&said)["messages"][0]["recipient"], "Ada <ada@example.com>");

    let mut closed = open.clone();
    closed["contacts"][0]["doNotContact"] = json!(true);
    let said = run(&emailing(), &closed, &[]);
    assert!(said.out.contains("do not contact"), "{said:?}");
    assert_eq!(last(&said)["messages"], json!([]));

    let asking = json!([
        {"stepSlug": "ask", "stepType": "llm", "nextSteps": {"success": "done"},
         "config": {"name": "Writer", "systemPrompt": "Write.", "userPrompt": "Customer: Ada\n", "outputFormat": "text"}},
        {"stepSlug": "done", "stepType": "end", "config": {"output": "{{steps.ask.output}}"}},
    ]);
    let said = run(&asking, &open, &[]);
    assert!(said.out.contains("Hi Ada,"), "the sandbox model writes: {said:?}");

    let mut answered = open.clone();
    answered["models"] = json!([{"node": "ask", "answers": [{"output": "From the world."}]}]);
    let said = run(&asking, &answered, &[]);
    assert_eq!(last(&said)["output"], "From the world.", "{said:?}");
    let mut sent = open;
    sent["tools"] =
        json!([{"tool": "email.send", "answers": [{"output": {"to": "{{input.customerId}}"}}]}]);
    let said = run(&emailing(), &sent, &["--approve", "none"]);
    let last = last(&said);
    assert_eq!((said.code, &last["output"]), (0, &json!({"to": "ada"})), "{said:?}");
    assert_eq!(last["messages"], json!([]));
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_says_so() {
    use std::io::{BufRead, BufReader, Read};
    use std::process::{Command, Stdio};
    let file = document(&waiting(&json!({"for": "duration", "duration_ms": 3_600_000})));
    let mut child = Command::new(env!("CARGO_BIN_EXE_signalbox"))
        .args(["run", &file.path(), "--json"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut String::new()).unwrap();
    let told = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(told.success());
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    let last: Value = serde_json::from_str(rest.lines().last().unwrap()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(4), "{rest}");
    assert_eq!(last["reason"], "it was interrupted");
}
