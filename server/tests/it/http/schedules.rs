//! Schedules through the real routes: what one means, and when its workflow runs next.

use super::{
    support::{Server, document},
    workflows::published,
};
use serde_json::{Value, json};
use signalbox::{client::Method, wire::Role};

// WF-22
#[tokio::test]
async fn a_schedule_is_read_out_before_it_is_published() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let viewer = acme.machine(Role::Viewer);
    let path = "/api/schedules/next?cron=30%202%20*%20*%201-5&timezone=Europe/Berlin";
    let answer = server.get(&viewer, path).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let read = answer.json();
    assert_eq!(read["words"], "every weekday at 02:30");
    assert_eq!(read["timezone"], "Europe/Berlin");
    let times = read["next"].as_array().unwrap();
    assert_eq!(times.len(), 5);
    assert!(times.iter().all(|time| time.as_str().unwrap().ends_with(":30:00Z")), "{times:?}");
    for (query, says) in [
        ("cron=0%2025%20*%20*%20*", "The hour 25 is out of range"),
        ("cron=0%209%20*%20*%20*&timezone=Mars/Base", "is not a time zone"),
        ("", "five fields"),
    ] {
        let refused = server.get(&viewer, &format!("/api/schedules/next?{query}")).await;
        assert_eq!((refused.status, refused.code().as_str()), (422, "invalid_value"), "{query}");
        assert!(refused.text.contains(says), "{query}: {}", refused.text);
    }
}

#[tokio::test]
async fn the_list_says_when_a_workflow_runs_next() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let mut scheduled = document();
    scheduled["graph"]["nodes"][0]["kind"]["trigger"] =
        json!({ "on": "schedule", "cron": "0 9 * * *", "timezone": "UTC" });
    let path = published(&server, &acme, &scheduled).await;
    let editor = acme.machine(Role::Editor);
    let detail = server.get(&editor, &path).await.json();
    let next = detail["workflow"]["next_run_at"].as_str().unwrap_or_default();
    assert!(next.ends_with("T09:00:00Z"), "{detail}");
    let listed = server.get(&editor, "/api/workflows").await.json();
    assert_eq!(listed["items"][0]["next_run_at"], next);
    server.send(&editor, Method::Delete, &path, &Value::Null).await;
    let put_away = server.get(&editor, &path).await.json();
    assert_eq!(put_away["workflow"]["next_run_at"], Value::Null);
}
