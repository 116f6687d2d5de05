//! Questions to sources as lines: those that came by one call, or were found alike, stand together.
//!
//! In: questions, in order. Out: lines of a page. It must not leave a call out.

use super::{Ink, Page, took};
use crate::exchange::explanation::SourceExplained;

/// Arguments that a line shows; of all others it says how many they are.
const SHOWN: usize = 3;

impl Page {
    pub(super) fn sources(&mut self, sources: &[SourceExplained]) {
        self.list("Sources", &alike(sources), |page, group| page.alike(group));
    }

    /// What stands together, by its first.
    fn alike(&mut self, group: &Vec<&SourceExplained>) {
        let Some(first) = group.first() else { return };
        let mut arguments: Vec<&str> = group.iter().take(SHOWN).map(|source| &*source.arguments).collect();
        let more = format!("{} more", group.len().saturating_sub(SHOWN));
        arguments.extend((group.len() > SHOWN).then_some(&*more));
        let ink = match &*first.how {
            "failed" | "late" => Ink::Bad,
            "fallback" | "stale" => Ink::Heading,
            _ => Ink::Good,
        };
        let how = self.ink(ink, &first.how);
        let until = first.until.as_ref().filter(|_| first.how == "fresh").map(|until| format!(" until {until}"));
        let (from, to) =
            (first.asked, group.iter().map(|source| source.asked + source.milliseconds).fold(0.0, f64::max));
        let time = format!("{} to {}", took(from), took(to));
        self.line(2, &format!("{}({})  {how}{}, {time}", first.name, arguments.join("; "), until.unwrap_or_default()));
        if let Some(call) = &first.call {
            let (number, asks) = (call.number, call.asks);
            let of = if asks == 1 { String::new() } else { format!(" for {asks} questions") };
            self.line(
                6,
                &format!("call {number}{of}, begun at {}, took {}", took(call.began), took(call.milliseconds)),
            );
        }
        if let Some(error) = &first.error {
            self.line(6, &self.ink(Ink::Bad, error));
        }
    }
}

/// Questions to one source that came to the same by the same call.
fn alike(sources: &[SourceExplained]) -> Vec<Vec<&SourceExplained>> {
    let key = |source: &SourceExplained| {
        (source.name.clone(), source.how.clone(), source.call.map(|call| call.number), source.error.clone())
    };
    let mut groups: Vec<Vec<&SourceExplained>> = Vec::new();
    for source in sources {
        match groups.iter_mut().find(|group| key(group[0]) == key(source)) {
            Some(group) => group.push(source),
            None => groups.push(vec![source]),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::explanation::text::{Paint, text};
    use crate::exchange::explanation::{CallExplained, Explanation};

    #[test]
    fn a_batch_is_one_line_and_its_call_another() {
        let call = Some(CallExplained { number: 1, asks: 4, began: 2.0, milliseconds: 9.0 });
        let source = |sku: u8| SourceExplained {
            name: "stock".to_owned(),
            arguments: format!("sku='A{sku}'"),
            how: "fetched".to_owned(),
            asked: 1.0,
            milliseconds: 10.0,
            call,
            ..SourceExplained::default()
        };
        let told =
            text(&Explanation { sources: (1..=4).map(source).collect(), ..Explanation::default() }, Paint::Plain);
        assert!(told.contains("stock(sku='A1'; sku='A2'; sku='A3'; 1 more)  fetched, 1.0 ms to 11.0 ms"), "{told}");
        assert_eq!(told.matches("call 1 for 4 questions, begun at 2.0 ms, took 9.0 ms").count(), 1, "{told}");
    }
}
