//! The members of rendered JSON objects, told apart without reading their values.

/// Goes through the members of an object that nearby rendered: without blanks between
/// them, and with names that need no escapes. It may lack its end, or its beginning
/// where a comma stands in its place.
#[derive(Debug, Clone)]
pub struct Members<'a> {
    rest: &'a [u8],
}

/// A member of a rendered object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its name.
    pub name: &'a str,
    /// All of it, name and value.
    pub rendered: &'a [u8],
}

impl<'a> Members<'a> {
    /// The members of a rendered object.
    #[must_use]
    pub fn of(rendered: &'a [u8]) -> Self {
        Self {
            rest: rendered.get(1..).unwrap_or_default(),
        }
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Member<'a>;

    fn next(&mut self) -> Option<Member<'a>> {
        let after_quote = self.rest.strip_prefix(b"\"")?;
        let name_length = memchr::memchr(b'"', after_quote)?;
        let name = std::str::from_utf8(&after_quote[..name_length]).ok()?;
        let length = length_of(self.rest);
        let rendered = &self.rest[..length];
        self.rest = self.rest.get(length + 1..).unwrap_or_default();
        Some(Member { name, rendered })
    }
}

/// Where a member ends: at a comma or an end that is neither in a text nor in an inner
/// object.
fn length_of(member: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut is_text = false;
    let mut is_escaped = false;
    for (at, byte) in member.iter().enumerate() {
        if is_text {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' => is_escaped = true,
                b'"' => is_text = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => is_text = true,
            b',' | b'}' | b']' if depth == 0 => return at,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
    }
    member.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(rendered: &str) -> Vec<(&str, &str)> {
        let members = Members::of(rendered.as_bytes());
        let text = |rendered| std::str::from_utf8(rendered).unwrap();
        members
            .map(|member| (member.name, text(member.rendered)))
            .collect()
    }

    #[test]
    fn members_are_told_apart_whatever_stands_in_their_values() {
        let expected = [
            ("id", r#""id":-7"#),
            ("name", r#""name":"a\\\",\"b\":{""#),
            ("tags", r#""tags":[1,{"c":"]"}]"#),
            ("none", r#""none":null"#),
        ];
        let whole = format!("{{{}}}", expected.map(|(_, rendered)| rendered).join(","));
        assert_eq!(members(&whole), expected);
        assert_eq!(members(whole.strip_suffix('}').unwrap()), expected);
        assert_eq!(
            members(r#","a":1,"b":2"#),
            [("a", r#""a":1"#), ("b", r#""b":2"#)]
        );
        for nothing in ["", "{", "{}"] {
            assert_eq!(members(nothing), []);
        }
    }
}
