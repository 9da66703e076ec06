//! Strongly connected components, without recursion.

use super::wiring::Wiring;

/// The components among `members` that hold a cycle over the edges that `follows` accepts, in topological order.
pub(super) fn components(
    wiring: &Wiring,
    members: &[usize],
    follows: &dyn Fn(usize) -> bool,
) -> Vec<Vec<usize>> {
    let nodes = wiring.nodes.len();
    let mut search = Search {
        wiring,
        follows,
        number: vec![0; nodes],
        low: vec![0; nodes],
        on_stack: vec![false; nodes],
        stack: vec![],
        next: 1,
        found: vec![],
    };
    for node in members {
        if search.number[*node] == 0 {
            search.visit(*node);
        }
    }
    // Tarjan's search ends components in reverse topological order.
    search.found.reverse();
    search.found
}

struct Search<'a> {
    wiring: &'a Wiring<'a>,
    follows: &'a dyn Fn(usize) -> bool,
    number: Vec<usize>,
    low: Vec<usize>,
    on_stack: Vec<bool>,
    stack: Vec<usize>,
    next: usize,
    found: Vec<Vec<usize>>,
}

impl Search<'_> {
    fn enter(&mut self, node: usize) {
        self.number[node] = self.next;
        self.low[node] = self.next;
        self.next += 1;
        self.stack.push(node);
        self.on_stack[node] = true;
    }

    fn visit(&mut self, start: usize) {
        let mut path = vec![(start, 0)];
        self.enter(start);
        while let Some((node, at)) = path.pop() {
            let outs = &self.wiring.outs[node];
            let next = (at..outs.len()).find(|at| (self.follows)(outs[*at]));
            let Some(at) = next else {
                self.leave(node);
                if let Some((parent, _)) = path.last() {
                    self.low[*parent] = self.low[*parent].min(self.low[node]);
                }
                continue;
            };
            path.push((node, at + 1));
            let to = self.wiring.edges[outs[at]].to;
            if self.number[to] == 0 {
                self.enter(to);
                path.push((to, 0));
            } else if self.on_stack[to] {
                self.low[node] = self.low[node].min(self.number[to]);
            }
        }
    }

    /// When nothing before `node` is reached from it, it closes a component.
    fn leave(&mut self, node: usize) {
        if self.low[node] != self.number[node] {
            return;
        }
        let at = self.stack.iter().rposition(|other| *other == node).unwrap_or(0);
        let component = self.stack.split_off(at);
        component.iter().for_each(|member| self.on_stack[*member] = false);
        let is_cycle = component.len() > 1 || self.leads_to_itself(node);
        if is_cycle {
            self.found.push(component);
        }
    }

    fn leads_to_itself(&self, node: usize) -> bool {
        let mut outs = self.wiring.outs[node].iter();
        outs.any(|edge| self.wiring.edges[*edge].to == node && (self.follows)(*edge))
    }
}
