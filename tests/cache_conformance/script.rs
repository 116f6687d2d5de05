//! The corpus: what is written in `tests/corpus/cache/*.txt`, as data.
//!
//! In: the text of one file; its form is told in `tests/corpus/cache/README.md`. Out: cases of steps, each with its
//! request, the origin's answer and what must hold of the outcome. It must not run anything.

use std::path::Path;

/// What a failure of a case means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A MUST, or the meaning of a field that everybody relies on.
    Required,
    /// What a good cache does though it need not.
    Optional,
    /// The RFC leaves it open; the case says how Inlay has it.
    Choice,
    /// A promise of Inlay's own, not for others.
    Ours,
}

/// One file of the corpus.
#[derive(Debug)]
pub struct Suite {
    /// Lines for inlay.yaml.
    pub deployment: String,
    pub cases: Vec<Case>,
}

/// A story of several steps about one resource.
#[derive(Clone, Debug)]
pub struct Case {
    pub id: String,
    pub title: String,
    pub kind: Kind,
    /// Cases without which this one shows nothing.
    pub after: Vec<String>,
    pub steps: Vec<Step>,
}

/// One request with all that belongs to it.
#[derive(Clone, Debug, Default)]
pub struct Step {
    pub method: String,
    /// What follows the case's own path.
    pub suffix: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// How many such requests are sent at once.
    pub times: usize,
    pub reply: Reply,
    pub checks: Vec<Line>,
    /// Seconds that pass after it.
    pub wait: u32,
}

/// What the origin answers if it is asked.
#[derive(Clone, Debug)]
pub struct Reply {
    pub interim: Vec<(u16, Vec<(String, String)>)>,
    pub status: u16,
    /// The status for a request with a condition, where that is another.
    pub to_condition: Option<u16>,
    pub headers: Vec<(String, String)>,
    /// The body; none for one that is the case's own.
    pub body: Option<String>,
    pub ending: Ending,
    /// Whether a `Date` is added, as origins do, where the headers have none.
    pub dated: bool,
    /// Seconds that it takes to answer, by the clock of the case.
    pub pause: u32,
    /// Whether it takes a moment of true time, in which other requests come.
    pub slow: bool,
}

/// How the origin ends its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Whole,
    /// The connection closes before the body is whole.
    Cut,
    /// The connection closes without an answer.
    Gone,
}

/// One thing that must hold.
#[derive(Clone, Debug)]
pub struct Line {
    /// If it does not hold, nothing was shown either way.
    pub given: bool,
    pub check: Check,
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    Cached,
    NotCached,
    ValidatedByEtag,
    ValidatedByDate,
    OwnAnswer,
    Status(u16),
    Has(String, Expected),
    HasNo(String),
    HasNot(String, String),
    Body(String),
    Cut,
    AskedTimes(usize),
    AskedWith(String),
    Asked(String, Expected),
    AskedNo(String),
    Interim(u16),
    NoInterim,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    Anything,
    Equal(String),
    Contains(String),
    MoreThan(i64),
}

impl Default for Reply {
    fn default() -> Self {
        Self {
            interim: vec![],
            status: 200,
            to_condition: None,
            headers: vec![],
            body: None,
            ending: Ending::Whole,
            dated: true,
            pause: 0,
            slow: false,
        }
    }
}

/// All files of a folder, by name. A mistake in one stops the test with its place.
pub fn read(folder: &Path) -> Vec<Suite> {
    let entries = std::fs::read_dir(folder).expect("the corpus");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|kind| kind == "txt"));
    paths.sort();
    paths.iter().map(|path| suite(path)).collect()
}

fn suite(path: &Path) -> Suite {
    let text = std::fs::read_to_string(path).expect("UTF-8");
    let mut suite = Suite { deployment: String::new(), cases: vec![] };
    for (number, block) in blocks(&text) {
        match block.strip_prefix("with:\n") {
            Some(deployment) => suite.deployment = deployment.replace("\n  ", "\n").trim_start().to_owned() + "\n",
            None => {
                suite.cases.extend(cases(&block).unwrap_or_else(|wrong| panic!("{}:{number}: {wrong}", path.display())))
            }
        }
    }
    suite
}

/// Blocks begin at the margin and go on while lines are indented; each with the number of its first line.
fn blocks(text: &str) -> Vec<(usize, String)> {
    let mut blocks: Vec<(usize, String)> = vec![];
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    for (index, line) in lines {
        match blocks.last_mut() {
            Some((_, block)) if line.starts_with(' ') => *block += &format!("{line}\n"),
            _ => blocks.push((index + 1, format!("{line}\n"))),
        }
    }
    blocks
}

/// The cases of one block: one, or one for each of its `each` lines.
fn cases(block: &str) -> Result<Vec<Case>, String> {
    let (rows, lines): (Vec<&str>, Vec<&str>) =
        block.lines().map(str::trim).partition(|line| line.starts_with("each "));
    let text = lines.join("\n");
    if rows.is_empty() {
        return case(&text).map(|case| vec![case]);
    }
    let filled = rows.iter().map(|row| {
        let columns = row.trim_start_matches("each ").split('|').map(str::trim).enumerate();
        columns.fold(text.clone(), |text, (index, value)| text.replace(&format!("{{{}}}", index + 1), value))
    });
    filled.map(|text| case(&text)).collect()
}

fn case(text: &str) -> Result<Case, String> {
    let mut lines = text.lines();
    let (id, title) = lines.next().and_then(|line| line.split_once(": ")).ok_or("a case begins with `id: title`")?;
    let kind = kind(lines.next().unwrap_or_default())?;
    let mut case = Case { id: id.to_owned(), title: title.to_owned(), kind, after: vec![], steps: vec![] };
    for line in lines {
        let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (mark, case.steps.last_mut()) {
            ("after", _) => case.after.extend(rest.split(", ").map(str::to_owned)),
            (">", _) if !is_field(rest) && !rest.starts_with('|') => case.steps.push(begun(rest)),
            (">", Some(step)) => asking(step, rest),
            ("times", Some(step)) => step.times = number(rest)?,
            ("<", Some(step)) => replying(&mut step.reply, rest)?,
            ("=" | "?", Some(step)) => step.checks.push(checked(mark == "?", rest)?),
            ("wait", Some(step)) => step.wait = rest.parse().map_err(|_| format!("`{line}`: seconds"))?,
            _ => return Err(format!("`{line}` in {id}")),
        }
    }
    if case.steps.iter().flat_map(|step| &step.checks).all(|line| line.given) {
        return Err(format!("{id} checks nothing"));
    }
    Ok(case)
}

/// The line of the kind: `required, RFC 9111 4.2`. A case that cites nothing is refused.
fn kind(line: &str) -> Result<Kind, String> {
    let (kind, cited) = line.split_once(", ").ok_or(format!("`{line}`: a kind and what it rests on"))?;
    if cited.is_empty() {
        return Err(format!("`{line}` rests on nothing"));
    }
    match kind {
        "required" => Ok(Kind::Required),
        "optional" => Ok(Kind::Optional),
        "choice" => Ok(Kind::Choice),
        "ours" => Ok(Kind::Ours),
        _ => Err(format!("`{kind}` is no kind")),
    }
}

/// Whether this is `Name: value`, and not words.
fn is_field(line: &str) -> bool {
    line.split_once(':').is_some_and(|(name, _)| !name.contains(' ') && !name.contains('/'))
}

fn begun(line: &str) -> Step {
    let (method, suffix) = line.split_once(' ').unwrap_or((line, ""));
    Step { method: method.to_owned(), suffix: suffix.to_owned(), times: 1, ..Step::default() }
}

fn asking(step: &mut Step, line: &str) {
    match line.strip_prefix("| ") {
        Some(body) => step.body = body.to_owned(),
        None => step.headers.push(field(line)),
    }
}

fn replying(reply: &mut Reply, line: &str) -> Result<(), String> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    match word {
        "|" => reply.body = Some(rest.to_owned()),
        "big" => reply.body = Some("x".repeat(number(rest)?)),
        "cut" => reply.ending = Ending::Cut,
        "gone" => reply.ending = Ending::Gone,
        "pause" => reply.pause = number(rest)?,
        "if" => reply.to_condition = Some(number(rest.trim_start_matches("conditional "))?),
        "slow" => reply.slow = true,
        "undated" => reply.dated = false,
        "+" => reply.interim.last_mut().ok_or("`+` follows an interim status")?.1.push(field(rest)),
        status if status.starts_with('1') && status.len() == 3 => reply.interim.push((number(status)?, vec![])),
        status if !is_field(line) => reply.status = number(status)?,
        _ => reply.headers.push(field(line)),
    }
    Ok(())
}

fn checked(given: bool, line: &str) -> Result<Line, String> {
    let words: Vec<&str> = line.split(' ').collect();
    let check = match words.as_slice() {
        ["cached"] => Check::Cached,
        ["not", "cached"] => Check::NotCached,
        ["validated", "by", "etag"] => Check::ValidatedByEtag,
        ["validated", "by", "date"] => Check::ValidatedByDate,
        ["own", "answer"] => Check::OwnAnswer,
        ["cut"] => Check::Cut,
        ["no", "interim"] => Check::NoInterim,
        ["interim", status] => Check::Interim(number(status)?),
        ["status", status] => Check::Status(number(status)?),
        ["body", ..] => Check::Body(line.trim_start_matches("body").trim_start().to_owned()),
        ["asked", times, "times"] => Check::AskedTimes(number(times)?),
        ["asked", "with", method] => Check::AskedWith((*method).to_owned()),
        ["asked", "no", name] => Check::AskedNo((*name).to_owned()),
        ["asked", ..] => {
            let (name, expected) = expected(line.trim_start_matches("asked "));
            Check::Asked(name, expected)
        }
        ["no", name, "~", part] => Check::HasNot((*name).to_owned(), (*part).to_owned()),
        ["no", name] => Check::HasNo((*name).to_owned()),
        _ => {
            let (name, expected) = expected(line);
            Check::Has(name, expected)
        }
    };
    Ok(Line { given, check, text: line.to_owned() })
}

/// `Name`, `Name: value`, `Name ~ part`, `Name > number`.
fn expected(line: &str) -> (String, Expected) {
    if let Some((name, least)) = line.split_once(" > ").and_then(|(name, least)| Some((name, least.parse().ok()?))) {
        return (name.to_owned(), Expected::MoreThan(least));
    }
    if let Some((name, part)) = line.split_once(" ~ ") {
        return (name.to_owned(), Expected::Contains(part.to_owned()));
    }
    match line.split_once(": ") {
        Some((name, value)) => (name.to_owned(), Expected::Equal(value.to_owned())),
        None => (line.to_owned(), Expected::Anything),
    }
}

fn field(line: &str) -> (String, String) {
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    (name.to_owned(), value.trim().to_owned())
}

fn number<N: std::str::FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("`{text}`: a number"))
}
