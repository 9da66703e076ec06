//! Tags and templates of plans.

use super::{Desk, plan_of};
use crate::support::database::on_each;
use serde_json::{Value, json};
use signalbox::{
    client::Method,
    wire::{Role, WorkflowCopy, WorkflowLabel, WorkflowQuery},
};

fn tagged(name: &str, tags: &[&str], template: bool) -> Value {
    let mut plan = plan_of(&[("a", "A {{input.x}}", json!({}))]);
    plan["name"] = json!(name);
    plan["tags"] = json!(tags);
    if template {
        plan["saveAsTemplate"] = json!(true);
    }
    plan
}

async fn names(desk: &Desk, query: WorkflowQuery) -> Vec<String> {
    let page = desk.client().workflows_of(&query).await.unwrap();
    page.items.into_iter().map(|workflow| workflow.name).collect()
}

// DAG-01
#[tokio::test(flavor = "multi_thread")]
async fn plans_are_found_by_tag_and_a_saved_template_is_copied() {
    on_each(async || {
        let desk = Desk::open(|node, _, _| Some(Ok(json!(format!("<{node}>"))))).await;
        let client = desk.client();
        let template = desk.plan(&tagged("Topics", &["writing", "demo", "writing"], true)).await;
        let plain = desk.plan(&tagged("Letters", &["writing"], false)).await;
        desk.plan(&tagged("Numbers", &[], false)).await;
        let by = |tag: &str| WorkflowQuery { tag: Some(tag.into()), ..WorkflowQuery::default() };
        assert_eq!(names(&desk, by("writing")).await, ["Letters", "Topics"]);
        assert_eq!(names(&desk, by("demo")).await, ["Topics"]);
        assert_eq!(names(&desk, by("writ")).await, Vec::<String>::new(), "a tag is a whole word");
        let only =
            |template| WorkflowQuery { template: Some(template), ..WorkflowQuery::default() };
        assert_eq!(names(&desk, only(true)).await, ["Topics"]);
        assert_eq!(names(&desk, only(false)).await, ["Numbers", "Letters"]);

        let made =
            client.workflow_copy(template, &WorkflowCopy { name: Some("Mine".into()) }).await;
        let copy = made.unwrap().workflow;
        assert_eq!((copy.name.as_str(), copy.template, copy.version), ("Mine", false, None));
        assert_eq!(copy.tags, ["writing", "demo"]);
        let graph = client.workflow(copy.id).await.unwrap().graph;
        let original = client.workflow(template).await.unwrap().graph;
        assert_eq!((graph.nodes, graph.edges), (original.nodes, original.edges));
        // The copy is a plan of its own: it is published and runs.
        client.publish(copy.id, &Default::default()).await.unwrap();
        let run = desk.execute(copy.id, json!({ "input": { "x": 1 } })).await;
        assert_eq!(desk.over(run).await.status, "completed");
        let written = desk.get(&format!("/api/workflows/{}/export?format=dag", copy.id)).await;
        assert_eq!(
            (&written["tags"], &written["saveAsTemplate"]),
            (&json!(["writing", "demo"]), &Value::Null)
        );

        let label = WorkflowLabel { tags: Some(vec![" post ".into()]), template: Some(true) };
        let view = client.workflow_label(plain, &label).await.unwrap();
        assert_eq!((view.tags, view.template), (vec!["post".to_owned()], true));
        let written = desk.get(&format!("/api/workflows/{plain}/export?format=dag")).await;
        assert_eq!(
            (&written["tags"], &written["saveAsTemplate"]),
            (&json!(["post"]), &json!(true))
        );
        let copy = client.workflow_copy(plain, &WorkflowCopy::default()).await.unwrap().workflow;
        assert_eq!((copy.name.as_str(), copy.template), ("Letters (copy)", false));
        // What is no template is copied as well.
        let again = client.workflow_copy(copy.id, &WorkflowCopy::default()).await.unwrap().workflow;
        assert_eq!(again.name, "Letters (copy) (copy)");
        let long = WorkflowCopy { name: Some("x".repeat(120)) };
        let long = client.workflow_copy(plain, &long).await.unwrap().workflow.id;
        let cut = client.workflow_copy(long, &WorkflowCopy::default()).await.unwrap().workflow;
        assert_eq!(cut.name, format!("{} (copy)", "x".repeat(113)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_label_at_once_none_is_lost() {
    on_each(async || {
        let desk = Desk::open(|_, _, _| None).await;
        let client = desk.client();
        let plan = desk.plan(&tagged("Topics", &[], false)).await;
        for round in 0..20 {
            let (tag, is_template) = (round.to_string(), round % 2 == 0);
            let tags = WorkflowLabel { tags: Some(vec![tag.clone()]), template: None };
            let template = WorkflowLabel { tags: None, template: Some(is_template) };
            let (one, other) = tokio::join!(
                client.workflow_label(plan, &tags),
                client.workflow_label(plan, &template)
            );
            one.and(other).unwrap();
            let view = client.workflow(plan).await.unwrap().workflow;
            assert_eq!((view.tags, view.template), (vec![tag], is_template), "round {round}");
        }
    })
    .await;
}

#[tokio::test]
async fn tags_have_bounds_and_labels_need_an_editor() {
    let desk = Desk::open(|_, _, _| None).await;
    let plan = desk.plan(&tagged("Topics", &[], true)).await;
    let path = format!("/api/workflows/{plan}");
    let many: Vec<String> = (0..21).map(|n| n.to_string()).collect();
    for tags in [json!([""]), json!(["x".repeat(61)]), json!(["two\nlines"]), json!(many)] {
        let body = json!({ "tags": tags });
        let reply = desk.server.send(&desk.owner(), Method::Patch, &path, &body).await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "invalid_value"), "{tags}");
    }
    let viewer = desk.acme.machine(Role::Viewer);
    let body = json!({ "tags": ["a"] });
    assert_eq!(desk.server.send(&viewer, Method::Patch, &path, &body).await.status, 403);
}
