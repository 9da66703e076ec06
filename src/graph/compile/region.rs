//! Finding the loops: strongly connected components with one entry each, outermost first, with the dead-end
//! tails that only they reach.
//!
//! A `loop` node as entry makes a for-each region: it stands in the region around it, its body in turns of its
//! own. Any other entry makes a while region, whose entry stands in each turn.

use super::CompileError;
use super::components::components;
use super::tail::tail;
use super::wiring::Wiring;
use std::collections::HashMap;

/// Deepest nesting of regions.
pub const DEPTH_MAX: usize = 32;

/// What repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionKind {
    /// The whole graph, once.
    Root,
    /// Once for each item of the header's list.
    ForEach,
    /// As long as an edge back to the header is taken.
    While,
}

/// A part of the graph that runs once for each frame.
#[derive(Clone, Debug)]
pub struct Region {
    /// What repeats.
    pub kind: RegionKind,
    /// The entry; none for the root.
    pub header: Option<usize>,
    /// The region around it; none for the root.
    pub parent: Option<usize>,
    /// What is decided in each frame: nodes directly in it, and the headers of the regions in it.
    pub units: Vec<usize>,
    /// Edges that leave the region, by index.
    pub exits: Vec<usize>,
    /// Edges from the body to the header.
    pub back: Vec<usize>,
    /// Edges from a loop node into its body.
    pub entries: Vec<usize>,
}

/// The regions of a graph and where its nodes stand.
#[derive(Clone, Debug, Default)]
pub struct Regions {
    /// The root is the first.
    pub regions: Vec<Region>,
    /// The region of each node's frame; `None` for nodes that the trigger does not reach.
    pub home: Vec<Option<usize>>,
    /// The region that a node heads.
    pub headed: Vec<Option<usize>>,
}

/// Finds the regions of the reachable part.
pub(super) fn regions(wiring: &Wiring) -> (Regions, Vec<CompileError>) {
    let nodes = wiring.nodes.len();
    let mut finder = Finder {
        wiring,
        found: Regions { regions: vec![], home: vec![None; nodes], headed: vec![None; nodes] },
        errors: vec![],
    };
    finder.found.regions.push(Region {
        kind: RegionKind::Root,
        header: None,
        parent: None,
        units: vec![],
        exits: vec![],
        back: vec![],
        entries: vec![],
    });
    let members = (0..nodes).filter(|node| wiring.reachable[*node]).collect();
    finder.split(0, members, 0);
    finder.loops_without_region();
    (finder.found, finder.errors)
}

struct Finder<'a> {
    wiring: &'a Wiring<'a>,
    found: Regions,
    errors: Vec<CompileError>,
}

impl Finder<'_> {
    /// Finds the regions among the members of `level`, and sets where its members stand.
    fn split(&mut self, level: usize, members: Vec<usize>, depth: usize) {
        let nodes = self.wiring.nodes.len();
        let mut inside = vec![false; nodes];
        members.iter().for_each(|node| inside[*node] = true);
        let header = self.found.regions[level].header;
        let follows = |edge: usize| {
            let (from, to) = (self.wiring.edges[edge].from, self.wiring.edges[edge].to);
            inside[from] && inside[to] && Some(to) != header
        };
        let mut claimed = vec![false; nodes];
        for component in components(self.wiring, &members, &follows) {
            if component.iter().any(|node| claimed[*node]) {
                continue;
            }
            if depth >= DEPTH_MAX {
                self.too_deep(component[0]);
                return;
            }
            let Some(body) = self.open(level, &component, &inside, &claimed) else {
                component.iter().for_each(|node| claimed[*node] = true);
                continue;
            };
            body.iter().for_each(|node| claimed[*node] = true);
            let region = self.found.regions.len() - 1;
            self.split(region, body, depth + 1);
        }
        self.settle(level, &members, &claimed);
    }

    /// Members that no inner region claimed stand in `level`; so do the headers of its while regions as units.
    fn settle(&mut self, level: usize, members: &[usize], claimed: &[bool]) {
        let mut units: Vec<usize> = vec![];
        for node in members {
            if !claimed[*node] {
                self.found.home[*node] = Some(level);
                units.push(*node);
            } else if let Some(headed) = self.found.headed[*node]
                && self.found.regions[headed].parent == Some(level)
            {
                units.push(*node);
            }
        }
        self.found.regions[level].units = units;
    }

    /// Makes a component a region and gives its body: the members of its frames.
    fn open(
        &mut self,
        level: usize,
        component: &[usize],
        inside: &[bool],
        claimed: &[bool],
    ) -> Option<Vec<usize>> {
        let nodes = self.wiring.nodes.len();
        let mut core = vec![false; nodes];
        component.iter().for_each(|node| core[*node] = true);
        let header = self.entry(component, &core)?;
        let for_each = self.wiring.is_loop(header);
        if for_each && !self.loop_ports_fit(header, &core) {
            return None;
        }
        let mut body = core.clone();
        for node in tail(self.wiring, header, &core, inside, claimed) {
            body[node] = true;
        }
        let region = self.region(level, header, &body);
        if !self.ports_fit(&body, header) || (!for_each && !self.has_way_out(&core)) {
            if !for_each {
                self.endless(header);
            }
            return None;
        }
        self.found.headed[header] = Some(self.found.regions.len());
        self.found.regions.push(region);
        body[header] = !for_each;
        Some((0..nodes).filter(|node| body[*node]).collect())
    }

    fn region(&self, level: usize, header: usize, body: &[bool]) -> Region {
        let for_each = self.wiring.is_loop(header);
        let mut region = Region {
            kind: if for_each { RegionKind::ForEach } else { RegionKind::While },
            header: Some(header),
            parent: Some(level),
            units: vec![],
            exits: vec![],
            back: vec![],
            entries: vec![],
        };
        for (index, edge) in self.wiring.edges.iter().enumerate() {
            if !body[edge.from] || !self.wiring.reachable[edge.from] {
                continue;
            }
            if for_each && edge.from == header {
                if edge.port == "next" {
                    region.entries.push(index);
                }
            } else if edge.to == header {
                region.back.push(index);
            } else if !body[edge.to] {
                region.exits.push(index);
            }
        }
        region
    }

    /// The one node of a component that edges from outside enter.
    fn entry(&mut self, component: &[usize], core: &[bool]) -> Option<usize> {
        let mut entering = component.iter().filter_map(|node| {
            let mut edges = self.wiring.ins[*node].iter();
            edges.find(|edge| !core[self.wiring.edges[**edge].from]).map(|edge| (*node, *edge))
        });
        let first = entering.next()?;
        let Some(second) = entering.next() else { return Some(first.0) };
        let (a, b) = (self.wiring.edge_name(first.1), self.wiring.edge_name(second.1));
        let message = format!(
            "A loop can be entered in one place only, but it is entered by {a} and by {b}. \
             Lead both to the same step of the loop."
        );
        self.errors.push(self.wiring.error("two-entries", second.0, Some(second.1), message));
        None
    }

    /// A loop node's body hangs on `next`; its other ports leave the loop.
    fn loop_ports_fit(&mut self, header: usize, core: &[bool]) -> bool {
        let edges = &self.wiring.edges;
        let outs = &self.wiring.outs[header];
        let astray =
            outs.iter().find(|edge| edges[**edge].port != "next" && core[edges[**edge].to]);
        if let Some(edge) = astray {
            let message = format!(
                "\u{201c}{}\u{201d} leaves its loop through {}, but that leads back into the loop. \
                 Connect the body to \u{201c}next\u{201d} and what follows to \u{201c}done\u{201d}.",
                self.wiring.title(header),
                self.wiring.edge_name(*edge)
            );
            self.errors.push(self.wiring.error("done-inside-loop", header, Some(*edge), message));
            return false;
        }
        if outs.iter().any(|edge| edges[*edge].to == header) {
            let message = format!(
                "\u{201c}{}\u{201d} leads straight back to itself. Put the steps to repeat between.",
                self.wiring.title(header)
            );
            self.errors.push(self.wiring.error("empty-loop", header, None, message));
            return false;
        }
        true
    }

    /// A port leads either on within its region or out of it.
    fn ports_fit(&mut self, body: &[bool], header: usize) -> bool {
        let mut fit = true;
        for node in (0..body.len()).filter(|node| body[*node]) {
            let mut leads_inside: HashMap<&str, bool> = HashMap::new();
            for edge in &self.wiring.outs[node] {
                let wire = &self.wiring.edges[*edge];
                if node == header && self.wiring.is_loop(header) && wire.port != "next" {
                    continue;
                }
                if *leads_inside.entry(wire.port).or_insert(body[wire.to]) == body[wire.to] {
                    continue;
                }
                let message = format!(
                    "\u{201c}{}\u{201d} leads both on within its loop and out of it through the port \
                     \u{201c}{}\u{201d}. Use a condition to say which.",
                    self.wiring.title(node),
                    wire.port
                );
                let error = self.wiring.error("port-in-and-out", node, Some(*edge), message);
                self.errors.push(error);
                fit = false;
                break;
            }
        }
        fit
    }

    /// Whether a turn of a while region can end without going back: through a port all of whose edges leave what
    /// goes round, or because an edge need not be taken.
    fn has_way_out(&self, core: &[bool]) -> bool {
        (0..core.len()).filter(|node| core[*node]).any(|node| {
            let outs = &self.wiring.outs[node];
            let edge = |index: usize| &self.wiring.edges[index];
            let leaves = |port: &str| {
                outs.iter().all(|other| edge(*other).port != port || !core[edge(*other).to])
            };
            outs.iter().any(|out| leaves(edge(*out).port) || self.wiring.is_conditional(*out))
                || self.wiring.has_open_choice(node)
        })
    }

    fn endless(&mut self, header: usize) {
        if self.errors.last().is_some_and(|error| error.code == "port-in-and-out") {
            return;
        }
        let message = format!(
            "The loop that begins at \u{201c}{}\u{201d} never ends. Add a condition with a way out.",
            self.wiring.title(header)
        );
        self.errors.push(self.wiring.error("endless-loop", header, None, message));
    }

    fn too_deep(&mut self, node: usize) {
        let message = format!("Loops are nested more than {DEPTH_MAX} deep. Split the workflow.");
        self.errors.push(self.wiring.error("loops-too-deep", node, None, message));
    }

    /// A loop node that heads no region never comes back to its next item.
    fn loops_without_region(&mut self) {
        for node in 0..self.wiring.nodes.len() {
            let stray = self.wiring.reachable[node] && self.wiring.is_loop(node);
            if !stray || self.found.headed[node].is_some() || self.has_error_at(node) {
                continue;
            }
            let message = format!(
                "The body of \u{201c}{}\u{201d} never returns to it. Connect the last step of the body back \
                 to the loop.",
                self.wiring.title(node)
            );
            self.errors.push(self.wiring.error("loop-never-returns", node, None, message));
        }
    }

    fn has_error_at(&self, node: usize) -> bool {
        let id = &self.wiring.nodes[node].id;
        self.errors.iter().any(|error| {
            error.node.as_ref() == Some(id)
                || matches!(error.code, "two-entries" | "port-in-and-out" | "loops-too-deep")
        })
    }
}
