//! Texts without the HTML that people write into them.

use std::borrow::Cow;
use std::sync::LazyLock;

use ammonia::Builder;

/// Takes all tags and leaves what stands between them, but for scripts and styles.
static NO_TAGS: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::default();
    builder.tags(std::collections::HashSet::new());
    builder
});

/// A text as Divemap shows it: without tags, and what is left written as HTML, so
/// that `&` is `&amp;`. Its front end knows.
pub(super) fn stripped(text: &str) -> Cow<'_, str> {
    // Most texts have nothing that a parser of HTML would change.
    let is_plain = |c: char| !matches!(c, '<' | '>' | '&' | '\r' | '\0' | '\u{a0}');
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(NO_TAGS.clean(text).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As nh3, which Divemap takes, says.
    #[test]
    fn tags_go_and_what_is_between_them_stays() {
        for (text, expected) in [
            ("plain\n\ttext ", "plain\n\ttext "),
            ("<p>Dive <b>deep</b></p>", "Dive deep"),
            ("Tom & Jerry's \"club\"", "Tom &amp; Jerry's \"club\""),
            ("1 < 2 > 0", "1 &lt; 2 &gt; 0"),
            ("<script>alert(1)</script>safe<style>p{}</style>", "safe"),
            ("<img src=x onerror=alert(1)>", ""),
            ("<!-- why -->shown", "shown"),
            ("&eacute;&amp;&nbsp;", "é&amp;&nbsp;"),
            ("a<br>b<a href=\"https://x.example\">c</a>", "abc"),
            ("broken <b", "broken "),
            ("Ελλάδα <i>🤿</i>", "Ελλάδα 🤿"),
        ] {
            assert_eq!(stripped(text), expected, "{text}");
        }
    }
}
