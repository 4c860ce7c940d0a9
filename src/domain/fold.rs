//! Names as one types them: without case, accents and other trifles.

use std::borrow::Cow;

use caseless::Caseless as _;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::canonical_combining_class;

/// A text without case, accents, width and kinds of dash, quote and blank, so
/// that `cafe o'neill` is found in `Café  O’Neill`. Two texts are the same to
/// whoever types them where their folds are equal; folding a fold changes
/// nothing.
///
/// Compatibility decomposition (UAX #15) takes accents off their letters,
/// default case folding (Unicode 3.13) takes care of case, `ß` and final sigma.
/// Letters that Unicode does not take apart though people type them without
/// their strokes, such as `ø`, `đ` and the dotless `ı`, follow by a table.
#[must_use]
pub fn fold(text: &str) -> Cow<'_, str> {
    if is_folded(text) {
        return Cow::Borrowed(text);
    }
    let mut folded = String::with_capacity(text.len());
    if text.is_ascii() {
        for c in text.chars() {
            push(&mut folded, c.to_ascii_lowercase());
        }
    } else {
        // Folding can leave something to decompose: the second pass is the rule
        // for compatibility caseless matching (Unicode 3.13, D146).
        let chars = text.nfkd().default_case_fold().nfkd();
        for c in chars.filter(|c| !is_accent(*c)) {
            match plain(c) {
                Some(letters) => folded.push_str(letters),
                None => push(&mut folded, c),
            }
        }
    }
    if folded.ends_with(' ') {
        folded.pop();
    }
    Cow::Owned(folded)
}

/// Whether folding would change nothing: most of what is typed is plain.
fn is_folded(text: &str) -> bool {
    let mut after_blank = true;
    for byte in text.bytes() {
        let is_blank = byte == b' ';
        if !(byte.is_ascii_lowercase() || byte.is_ascii_digit() || is_blank && !after_blank) {
            return false;
        }
        after_blank = is_blank;
    }
    !after_blank || text.is_empty()
}

/// Runs of blanks and control characters become one blank, none at the start.
fn push(folded: &mut String, c: char) {
    if c.is_whitespace() || c.is_control() {
        if !folded.is_empty() && !folded.ends_with(' ') {
            folded.push(' ');
        }
    } else {
        folded.push(c);
    }
}

/// Whether a character is an accent: a mark that combines with the letter before
/// it, by its class (UAX #44, table 15). The classes of vowel signs and of the
/// sign that takes a vowel away are left alone, as they make other words.
fn is_accent(c: char) -> bool {
    !matches!(
        canonical_combining_class(c),
        0 | 9 | 84 | 91 | 103 | 118 | 129 | 130 | 132
    )
}

/// What people type for a folded character that Unicode leaves whole.
fn plain(c: char) -> Option<&'static str> {
    Some(match c {
        'ø' => "o",
        'đ' | 'ð' => "d",
        'ħ' => "h",
        'ı' => "i",
        'ł' => "l",
        'ŧ' => "t",
        'æ' => "ae",
        'œ' => "oe",
        'þ' => "th",
        '‘' | '’' | 'ʻ' | 'ʼ' | 'ʹ' | '′' => "'",
        '“' | '”' => "\"",
        '‐' | '‑' | '‒' | '–' | '—' | '−' => "-",
        // Joiners, variants and marks of direction: nobody sees or types them.
        '\u{ad}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' => "",
        _ => return None,
    })
}

/// Where the words of a folded text begin, but for a word at its very start:
/// letters and digits after anything else.
pub fn word_starts(folded: &str) -> impl Iterator<Item = usize> {
    let mut after_word = true;
    folded.char_indices().filter_map(move |(at, c)| {
        let in_word = c.is_alphanumeric();
        let starts = in_word && !after_word;
        after_word = in_word;
        starts.then_some(at).filter(|at| *at > 0)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn case_accents_and_trifles_do_not_count() {
        for (text, folded) in [
            ("Café  O’Neill ", "cafe o'neill"),
            ("ΚΑΤΆΔΥΣΗ Σκόπελος", "καταδυση σκοπελοσ"),
            ("Großer Fluß", "grosser fluss"),
            ("İSTANBUL Diyarbakır IĞDIR", "istanbul diyarbakir igdir"),
            ("Tromsø Łódź Đà Nẵng", "tromso lodz da nang"),
            ("ＤＩＶＥ　センター", "dive センター"),
            ("ｾﾝﾀｰ", "センター"),
            ("東京ダイビング", "東京タイヒンク"),
            ("한국", "한국"),
            ("a\u{301}\u{200b}b", "ab"),
            ("हिन्दी", "हिन्दी"),
            ("שָׁלוֹם", "שלום"),
            ("100 %_\\", "100 %_\\"),
            ("\t\u{a0}\n", ""),
            ("", ""),
        ] {
            // Compared as they are stored: Hangul stays taken apart.
            let expected: String = folded.nfkd().collect();
            assert_eq!(fold(text), expected, "{text}");
        }
    }

    #[test]
    fn words_begin_after_anything_that_is_no_letter_or_digit() {
        let starts = |text| word_starts(text).collect::<Vec<_>>();
        assert_eq!(starts("blue hole-2000"), [5, 10]);
        assert_eq!(starts("'s-hertogenbosch"), [1, 3]);
        assert_eq!(starts("d'ivoire  x"), [2, 10]);
        assert!(starts("blue").is_empty() && starts("").is_empty());
    }

    proptest! {
        #[test]
        fn folding_a_fold_changes_nothing(text in "\\PC{0,30}") {
            let once = fold(&text).into_owned();
            prop_assert_eq!(&fold(&once), &once);
            prop_assert!(!once.starts_with(' ') && !once.ends_with(' '));
        }
    }
}
