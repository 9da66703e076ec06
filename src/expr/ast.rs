//! The tree of an expression.

use super::functions::Function;
use serde_json::Value;

/// One node of the tree.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    /// null, true, false, a number, a text without `{{path}}`.
    Literal(Value),
    /// A quoted text with `{{path}}` in it: always a text.
    Text(Vec<TextPart>),
    /// A top-level name.
    Name(String),
    /// The item of a list that is being looked at, before the dot of `.price`.
    Item,
    /// `on.name`
    Member(Box<Node>, String),
    /// `on[key]`
    Index(Box<Node>, Box<Node>),
    /// `list[.price > 10]`
    Select(Box<Node>, Box<Node>),
    /// `{{inner}}`: binds from the run, also where bare names are fields of a record.
    Bound(Box<Node>),
    /// `[a, b]`
    List(Vec<Node>),
    /// `{a: 1}`
    Object(Vec<(String, Node)>),
    /// `!a`, `-a`, `+a`
    Unary(UnaryOp, Box<Node>),
    /// `a + b`
    Binary(BinaryOp, Box<Node>, Box<Node>),
    /// `test ? then : otherwise`
    Conditional(Box<Node>, Box<Node>, Box<Node>),
    /// A built-in function in one of its three spellings.
    Apply { function: Function, style: Style, on: Box<Node>, args: Vec<Node> },
    /// A function of the host: `events.hasReply("intro")`.
    Host { path: Vec<String>, args: Vec<Node> },
    /// What is computed for each item. Only an argument of a built-in function.
    Lambda(Lambda),
    /// The line of `formatList`. Only an argument of a built-in function.
    Line { source: String, parts: Vec<LinePart> },
}

/// How a built-in function is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// `x|upper`
    Pipe,
    /// `x.toUpperCase()`
    Method,
    /// `upper(x)`
    Call,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TextPart {
    Text(String),
    /// A path: names, members, indexes.
    Path(Node),
}

/// What is computed for each item of a list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Lambda {
    /// `'price > 10'`: bare names are fields of the item.
    Quoted { source: String, body: Box<Node> },
    /// `'first name'`: the field of that very name.
    Field(String),
    /// `x => x.price > 10`
    Arrow { param: String, body: Box<Node> },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum LinePart {
    Text(String),
    Field(Node),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnaryOp {
    Not,
    Minus,
    Plus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BinaryOp {
    Coalesce,
    Or,
    And,
    Equal,
    NotEqual,
    Same,
    NotSame,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
    Includes,
    In,
    StartsWith,
    EndsWith,
    Matches,
    Add,
    Subtract,
    Multiply,
    Divide,
    IntegerDivide,
    Remainder,
    Power,
}

/// The binding strengths; a higher one binds tighter.
pub(crate) mod strength {
    pub const CONDITIONAL: u8 = 1;
    pub const POWER: u8 = 9;
    pub const UNARY: u8 = 10;
    pub const POSTFIX: u8 = 11;
}

impl BinaryOp {
    /// All operators with their spelling and strength.
    pub const ALL: &'static [(BinaryOp, &'static str, u8)] = &[
        (BinaryOp::Coalesce, "??", 2),
        (BinaryOp::Or, "||", 3),
        (BinaryOp::And, "&&", 4),
        (BinaryOp::Equal, "==", 5),
        (BinaryOp::NotEqual, "!=", 5),
        (BinaryOp::Same, "===", 5),
        (BinaryOp::NotSame, "!==", 5),
        (BinaryOp::Less, "<", 6),
        (BinaryOp::LessOrEqual, "<=", 6),
        (BinaryOp::Greater, ">", 6),
        (BinaryOp::GreaterOrEqual, ">=", 6),
        (BinaryOp::Contains, "contains", 6),
        (BinaryOp::Includes, "includes", 6),
        (BinaryOp::In, "in", 6),
        (BinaryOp::StartsWith, "startsWith", 6),
        (BinaryOp::EndsWith, "endsWith", 6),
        (BinaryOp::Matches, "matches", 6),
        (BinaryOp::Add, "+", 7),
        (BinaryOp::Subtract, "-", 7),
        (BinaryOp::Multiply, "*", 8),
        (BinaryOp::Divide, "/", 8),
        (BinaryOp::IntegerDivide, "//", 8),
        (BinaryOp::Remainder, "%", 8),
        (BinaryOp::Power, "^", strength::POWER),
    ];

    /// The operator that is written so, with its strength.
    pub fn by_spelling(spelling: &str) -> Option<(BinaryOp, u8)> {
        Self::ALL.iter().find(|(_, s, _)| *s == spelling).map(|(op, _, power)| (*op, *power))
    }

    /// Spelling and strength.
    pub fn shape(self) -> (&'static str, u8) {
        Self::ALL
            .iter()
            .find(|(op, _, _)| *op == self)
            .map_or(("??", 2), |(_, spelling, power)| (spelling, *power))
    }
}

impl UnaryOp {
    pub fn spelling(self) -> &'static str {
        match self {
            UnaryOp::Not => "!",
            UnaryOp::Minus => "-",
            UnaryOp::Plus => "+",
        }
    }
}
