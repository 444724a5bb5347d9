//! Thoughts before an answer, between marks, where the server does not set them apart.

/// Marks of the beginning and the end of a thought, in lower case.
const MARKS: [(&str, &str); 11] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<thoughts>", "</thoughts>"),
    ("<reasoning>", "</reasoning>"),
    ("<analysis>", "</analysis>"),
    ("<reflection>", "</reflection>"),
    ("<seed:think>", "</seed:think>"),
    ("[think]", "[/think]"),
    ("◁think▷", "◁/think▷"),
    ("<|channel|>analysis", "<|channel|>final<|message|>"),
];

/// Maximum number of ends that are looked at; a thought has few.
const MOST: usize = 64;

/// Texts behind each end of a thought, from the first end on. A thought is the first thing that is said, or comes right
/// behind another; of the first one the beginning may be missing, since some prompts end with it.
pub(crate) fn answers(text: &str) -> Vec<&str> {
    // of the same length in bytes
    let folded = text.to_ascii_lowercase();
    let mut places = vec![0];
    let mut at = 0;
    while let Some(place) = places.get(at).copied() {
        let here = &folded[place..];
        let begun = MARKS.iter().find(|(begin, _)| here.trim_start().starts_with(begin));
        if let Some((_, end)) = begun.or_else(|| if place == 0 { unopened(&folded) } else { None }) {
            let room = MOST.saturating_sub(places.len());
            let ends: Vec<usize> =
                here.match_indices(end).map(|(found, _)| place + found + end.len()).take(MOST).collect();
            let fresh: Vec<usize> = ends.into_iter().filter(|end| !places.contains(end)).take(room).collect();
            places.extend(fresh);
        }
        at += 1;
    }
    places.remove(0);
    places.sort_unstable();
    places.into_iter().map(|at| text[at..].trim()).collect()
}

/// The marks of a thought whose end comes before any beginning.
fn unopened(folded: &str) -> Option<&'static (&'static str, &'static str)> {
    let ends = MARKS.iter().filter_map(|marks| Some((folded.find(marks.1)?, marks)));
    let (at, marks) = ends.min_by_key(|(at, _)| *at)?;
    (!begins(&folded[..at])).then_some(marks)
}

/// Whether a thought begins in a text.
pub(crate) fn begins(text: &str) -> bool {
    let folded = text.to_ascii_lowercase();
    MARKS.iter().any(|(begin, _)| folded.contains(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thought_comes_first() {
        for (text, found) in [
            ("a", &[][..]),
            ("<think>a</think>b", &["b"]),
            ("a</think>b", &["b"]),
            (" <THINK>a</Think> b ", &["b"]),
            ("<think>a</think><analysis>b</analysis>c", &["<analysis>b</analysis>c", "c"]),
            ("<think>a</think>b</think>c", &["b</think>c", "c"]),
            ("<think>a", &[]),
            ("b<think>a</think>c", &[]),
            // the end of another kind ends nothing
            ("<think>a <analysis>b</analysis>c", &[]),
            ("<think>a</think>b</analysis>c", &["b</analysis>c"]),
        ] {
            assert_eq!(answers(text), found, "{text}");
        }
        assert_eq!(answers(&"<think></think>".repeat(10_000)).len(), MOST - 1);
    }
}
