//! The layout: nothing overlaps, twice gives the same, a thousand nodes are laid out.

use super::*;
use crate::graph::{ActionSettings, Edge, LoopSettings, Node, TriggerSettings};
use proptest::prelude::*;

fn graph(kinds: &[char], edges: &[(usize, usize)]) -> Graph {
    let kind = |letter: &char| match letter {
        't' => NodeKind::Trigger(TriggerSettings::default()),
        'l' => NodeKind::Loop(LoopSettings {
            items: "items".into(),
            item_variable: None,
            concurrency: 1,
        }),
        _ => NodeKind::Action(ActionSettings::default()),
    };
    let node = |(number, letter): (usize, &char)| Node::new(format!("n{number}"), kind(letter));
    let mut graph =
        Graph { nodes: kinds.iter().enumerate().map(node).collect(), ..Graph::default() };
    for (number, (from, to)) in edges.iter().enumerate() {
        let ports = graph.nodes[*from].kind.ports();
        let earlier = edges[..number].iter().filter(|edge| edge.0 == *from).count();
        let port = ports[earlier.min(ports.len() - 1)].to_owned();
        graph.edges.push(Edge::new(format!("n{from}"), port, format!("n{to}")));
    }
    graph
}

fn overlaps(places: &[Position]) -> Option<(usize, usize)> {
    let mut sorted: Vec<usize> = (0..places.len()).collect();
    sorted.sort_by(|a, b| places[*a].x.total_cmp(&places[*b].x));
    for (at, a) in sorted.iter().enumerate() {
        for b in &sorted[at + 1..] {
            if places[*b].x - places[*a].x >= NODE_WIDTH {
                break;
            }
            if (places[*b].y - places[*a].y).abs() < NODE_HEIGHT {
                return Some((*a, *b));
            }
        }
    }
    None
}

#[test]
fn a_chain_is_a_straight_line() {
    let places = positions(&graph(&['t', 'a', 'a'], &[(0, 1), (1, 2)]));
    let expected: Vec<_> = [0.0, 288.0, 576.0].map(|x| Position { x, y: 0.0 }).into();
    assert_eq!(places, expected);
}

#[test]
fn a_loops_body_stands_between_the_loop_and_what_follows() {
    // t → loop; loop.next → a → b → loop; loop.done → end
    let places =
        positions(&graph(&['t', 'l', 'a', 'a', 'a'], &[(0, 1), (1, 2), (1, 4), (2, 3), (3, 1)]));
    let x: Vec<f64> = places.iter().map(|place| place.x / LAYER_STEP).collect();
    assert_eq!(x, [0.0, 1.0, 2.0, 3.0, 4.0]);
}

#[test]
fn branches_stand_in_the_order_of_their_ports() {
    let places = positions(&graph(&['t', 'a', 'a', 'a'], &[(0, 1), (1, 2), (1, 3)]));
    assert!(places[2].y < places[3].y, "{places:?}");
}

#[test]
fn a_thousand_nodes_are_laid_out_in_time() {
    let kinds: Vec<char> = (0..1_000).map(|n| if n == 0 { 't' } else { 'a' }).collect();
    let mut edges: Vec<(usize, usize)> = (1..1_000).map(|n| ((n - 1) / 2, n)).collect();
    edges.extend((1..900).step_by(7).map(|n| (n, n + 90)));
    let graph = graph(&kinds, &edges);
    let start = std::time::Instant::now();
    let places = positions(&graph);
    // Measured about 30 ms without optimisation; the bound guards the order of growth.
    assert!(start.elapsed().as_millis() < 2_000, "{:?}", start.elapsed());
    assert_eq!(overlaps(&places), None);
}

fn arbitrary() -> impl Strategy<Value = Graph> {
    (1_usize..40).prop_flat_map(|count| {
        let kinds = proptest::collection::vec(prop_oneof![Just('a'), Just('l')], count);
        let edges = proptest::collection::vec((0..count, 0..count), 0..80);
        (kinds, edges).prop_map(|(mut kinds, edges)| {
            kinds[0] = 't';
            graph(&kinds, &edges)
        })
    })
}

proptest! {
    #[test]
    fn nodes_never_overlap_and_tidying_twice_is_the_same(mut graph in arbitrary()) {
        tidy(&mut graph);
        let places: Vec<Position> = graph.nodes.iter().map(|node| node.position).collect();
        prop_assert_eq!(overlaps(&places), None);
        prop_assert!(tidy_edits(&graph).is_empty());
    }
}
