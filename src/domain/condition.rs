//! What a search asks of a center, beside how far away it stands.

use std::cmp::Ordering;
use std::sync::Arc;

use chrono::{Datelike as _, NaiveDate};

use super::opening::{OpenAt, OpeningHours};
use super::polygon::Polygon;
use super::position::Position;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FieldKind {
    /// A text, compared byte for byte.
    Text,
    /// A finite number.
    Number,
    /// True or false.
    Boolean,
    /// A day of the Gregorian calendar.
    Date,
}

impl FieldKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Text, Self::Number, Self::Boolean, Self::Date];

    /// The kind of a name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What it is called in files, on the command line and in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Date => "date",
        }
    }
}

/// A value of a field, borrowed from wherever it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ValueRef<'a> {
    /// See [`FieldKind::Text`].
    Text(&'a str),
    /// See [`FieldKind::Number`].
    Number(f64),
    /// See [`FieldKind::Boolean`].
    Boolean(bool),
    /// See [`FieldKind::Date`].
    Date(NaiveDate),
}

impl ValueRef<'_> {
    /// How it compares with another value of its kind; `None` for values of two kinds.
    /// False comes before true.
    #[must_use]
    pub fn compare(self, other: ValueRef<'_>) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(a), ValueRef::Text(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
            (Self::Number(a), ValueRef::Number(b)) => a.partial_cmp(&b),
            (Self::Boolean(a), ValueRef::Boolean(b)) => Some(a.cmp(&b)),
            (Self::Date(a), ValueRef::Date(b)) => Some(a.cmp(&b)),
            _ => None,
        }
    }
}

/// A value of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldValue {
    /// See [`FieldKind::Text`].
    Text(String),
    /// See [`FieldKind::Number`].
    Number(f64),
    /// See [`FieldKind::Boolean`].
    Boolean(bool),
    /// See [`FieldKind::Date`].
    Date(NaiveDate),
}

impl From<String> for FieldValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl FieldValue {
    /// The same, borrowed.
    #[must_use]
    pub fn borrowed(&self) -> ValueRef<'_> {
        match self {
            Self::Text(text) => ValueRef::Text(text),
            Self::Number(number) => ValueRef::Number(*number),
            Self::Boolean(boolean) => ValueRef::Boolean(*boolean),
            Self::Date(date) => ValueRef::Date(*date),
        }
    }

    /// A date by its number: 1 is the first of January of the year 1.
    #[must_use]
    pub fn of_day(number: i64) -> Option<Self> {
        let number = i32::try_from(number).ok()?;
        NaiveDate::from_num_days_from_ce_opt(number).map(Self::Date)
    }

    /// Writes it in bytes that tell it from every other value.
    fn encode(&self, out: &mut impl FnMut(&[u8])) {
        match self {
            Self::Text(text) => {
                out(&[1]);
                out(&(text.len() as u64).to_le_bytes());
                out(text.as_bytes());
            }
            Self::Number(number) => {
                out(&[2]);
                out(&number.to_le_bytes());
            }
            Self::Boolean(boolean) => out(&[3, u8::from(*boolean)]),
            Self::Date(date) => {
                out(&[4]);
                out(&date.num_days_from_ce().to_le_bytes());
            }
        }
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> FieldKind {
        match self {
            Self::Text(_) => FieldKind::Text,
            Self::Number(_) => FieldKind::Number,
            Self::Boolean(_) => FieldKind::Boolean,
            Self::Date(_) => FieldKind::Date,
        }
    }
}

impl From<ValueRef<'_>> for FieldValue {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Text(text) => Self::Text(text.to_owned()),
            ValueRef::Number(number) => Self::Number(number),
            ValueRef::Boolean(boolean) => Self::Boolean(boolean),
            ValueRef::Date(date) => Self::Date(date),
        }
    }
}

/// A field of a collection, by its place among those that can be filtered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldId(pub u16);

/// How a field compares with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    Unequal,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::Unequal => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

/// A condition on the fields of a center and its place, with the logic of SQL: what is asked of a
/// field that is NULL is neither true nor false, and only what is true is kept. Values
/// are of the kind of their field; who builds a condition has checked it.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// All of them; true where there are none.
    All(Vec<Condition>),
    /// Any of them; false where there are none.
    Any(Vec<Condition>),
    /// The opposite.
    Not(Box<Condition>),
    /// The field is NULL. Always true or false.
    IsNull(FieldId),
    /// The field compares so with the value.
    Compare(FieldId, Comparison, FieldValue),
    /// The field is one of the values.
    OneOf(FieldId, Vec<FieldValue>),
    /// The text is like the pattern.
    Like(FieldId, Pattern),
    /// The center stands in a shape; not known of one without coordinates.
    Inside(Arc<Polygon>),
    /// The center is open; not known of one whose hours or time zone cannot be read.
    Open(OpenAt),
}

impl Condition {
    /// Whether it holds for a center whose fields `value_of` gives, and whose place
    /// `position` does; `None` where that is not known, as SQL says NULL.
    pub fn holds<'v>(
        &self,
        value_of: &impl Fn(FieldId) -> Option<ValueRef<'v>>,
        position: &impl Fn() -> Option<Position>,
    ) -> Option<bool> {
        match self {
            Self::All(conditions) => joined(conditions, value_of, position, false),
            Self::Any(conditions) => joined(conditions, value_of, position, true),
            Self::Not(condition) => condition.holds(value_of, position).map(|holds| !holds),
            Self::IsNull(field) => Some(value_of(*field).is_none()),
            Self::Compare(field, comparison, value) => {
                let ordering = value_of(*field)?.compare(value.borrowed())?;
                Some(comparison.holds(ordering))
            }
            Self::OneOf(field, values) => {
                let held = value_of(*field)?;
                Some(values.iter().any(|value| held == value.borrowed()))
            }
            Self::Like(field, pattern) => match value_of(*field)? {
                ValueRef::Text(text) => Some(pattern.matches(text)),
                _ => None,
            },
            Self::Inside(polygon) => Some(polygon.contains(position()?)),
            Self::Open(open) => {
                let text = |field| match value_of(field)? {
                    ValueRef::Text(text) => Some(text),
                    _ => None,
                };
                let hours = OpeningHours::of(text(open.opening.hours)?)?;
                open.holds(&hours, open.zone_field().and_then(text))
            }
        }
    }

    /// Whether it takes the rows to tell, as no database can: where a center stands, and when it
    /// is open.
    #[must_use]
    pub fn needs_rows(&self) -> bool {
        match self {
            Self::All(conditions) | Self::Any(conditions) => {
                conditions.iter().any(Self::needs_rows)
            }
            Self::Not(condition) => condition.needs_rows(),
            Self::Inside(_) | Self::Open(_) => true,
            Self::IsNull(_) | Self::Compare(..) | Self::OneOf(..) | Self::Like(..) => false,
        }
    }

    /// The shapes in all of which a center has to stand.
    pub fn shapes(&self) -> impl Iterator<Item = &Polygon> {
        let conjuncts = self.conjuncts().iter();
        conjuncts.filter_map(|condition| match condition {
            Self::Inside(polygon) => Some(&**polygon),
            _ => None,
        })
    }
}

impl Default for Condition {
    /// One that every center fulfils.
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

impl Condition {
    /// That a text field is one of some texts.
    pub fn texts(field: FieldId, texts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let values = texts.into_iter();
        let values = values.map(|text| FieldValue::Text(text.into()));
        Self::OneOf(field, values.collect())
    }

    /// That this one holds, and another.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let parts = |condition| match condition {
            Self::All(conditions) => conditions,
            other => vec![other],
        };
        let mut all = parts(self);
        all.extend(parts(other));
        Self::All(all)
    }

    /// The conditions that must all hold for this one to hold; none where every center
    /// fulfils it.
    #[must_use]
    pub fn conjuncts(&self) -> &[Self] {
        match self {
            Self::All(conditions) => conditions,
            other => std::slice::from_ref(other),
        }
    }

    /// The field, and the values of which it has to be one, where nothing else is asked.
    #[must_use]
    pub fn allowed_values(&self) -> Option<(FieldId, &[FieldValue])> {
        match self {
            Self::OneOf(field, values) => Some((*field, values)),
            Self::Compare(field, Comparison::Equal, value) => {
                Some((*field, std::slice::from_ref(value)))
            }
            _ => None,
        }
    }

    /// Visits the fields that it asks for, some of them more than once.
    pub fn visit_fields(&self, visit: &mut impl FnMut(FieldId)) {
        match self {
            Self::All(conditions) | Self::Any(conditions) => {
                for condition in conditions {
                    condition.visit_fields(visit);
                }
            }
            Self::Not(condition) => condition.visit_fields(visit),
            Self::IsNull(field)
            | Self::Compare(field, ..)
            | Self::OneOf(field, _)
            | Self::Like(field, _) => visit(*field),
            Self::Inside(_) => {}
            Self::Open(open) => {
                visit(open.opening.hours);
                open.zone_field().into_iter().for_each(visit);
            }
        }
    }

    /// Writes it in bytes that tell it from every other condition.
    pub fn encode(&self, out: &mut impl FnMut(&[u8])) {
        let mark = |mark: u8, out: &mut dyn FnMut(&[u8])| out(&[mark]);
        let field = |field: &FieldId, out: &mut dyn FnMut(&[u8])| out(&field.0.to_le_bytes());
        match self {
            Self::All(conditions) | Self::Any(conditions) => {
                let is_all = matches!(self, Self::All(_));
                mark(if is_all { 1 } else { 2 }, out);
                out(&(conditions.len() as u64).to_le_bytes());
                for condition in conditions {
                    condition.encode(out);
                }
            }
            Self::Not(condition) => {
                mark(3, out);
                condition.encode(out);
            }
            Self::IsNull(of) => {
                mark(4, out);
                field(of, out);
            }
            Self::Compare(of, comparison, value) => {
                mark(5, out);
                field(of, out);
                mark(*comparison as u8, out);
                value.encode(out);
            }
            Self::OneOf(of, values) => {
                mark(6, out);
                field(of, out);
                out(&(values.len() as u64).to_le_bytes());
                for value in values {
                    value.encode(out);
                }
            }
            Self::Like(of, pattern) => {
                mark(7, out);
                field(of, out);
                out(&(pattern.0.len() as u64).to_le_bytes());
                for piece in &pattern.0 {
                    out(&match piece {
                        Piece::Literal(c) => u32::from(*c),
                        // No character has these numbers.
                        Piece::One => u32::MAX,
                        Piece::Many => u32::MAX - 1,
                    }
                    .to_le_bytes());
                }
            }
            Self::Inside(polygon) => {
                mark(8, out);
                polygon.encode(out);
            }
            Self::Open(open) => {
                mark(9, out);
                open.encode(out);
            }
        }
    }
}

/// All of the conditions, or any of them: `decisive` decides whatever the others are.
fn joined<'v>(
    conditions: &[Condition],
    value_of: &impl Fn(FieldId) -> Option<ValueRef<'v>>,
    position: &impl Fn() -> Option<Position>,
    decisive: bool,
) -> Option<bool> {
    let mut result = Some(!decisive);
    for condition in conditions {
        match condition.holds(value_of, position) {
            Some(holds) if holds == decisive => return Some(decisive),
            Some(_) => {}
            None => result = None,
        }
    }
    result
}

/// A pattern for texts: literals and wildcards, compared character by character, case
/// and accents included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Vec<Piece>);

/// A piece of a [`Pattern`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// This very character.
    Literal(char),
    /// Any one character.
    One,
    /// Any characters, or none.
    Many,
}

impl Pattern {
    /// Reads a pattern of SQL and of CQL2: `%` stands for any characters, `_` for one, and
    /// a backslash before either, or before another backslash, for that very character.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            pieces.push(match c {
                '%' => Piece::Many,
                '_' => Piece::One,
                '\\' => Piece::Literal(chars.next().unwrap_or('\\')),
                plain => Piece::Literal(plain),
            });
        }
        Self(pieces)
    }

    /// Its pieces, in their order.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// Whether it fits a whole text, in time no longer than the product of their lengths.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let mut rest = text.chars();
        let mut at = 0;
        // Where to go on when what follows the last `Many` does not fit.
        let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            if let Some(Piece::Many) = self.0.get(at) {
                at += 1;
                retry = Some((at, rest.clone()));
                continue;
            }
            let fits = match (self.0.get(at), rest.next()) {
                (None, None) => return true,
                (Some(Piece::One), Some(_)) => true,
                (Some(Piece::Literal(wanted)), Some(got)) => *wanted == got,
                (_, None) => return false,
                _ => false,
            };
            if fits {
                at += 1;
                continue;
            }
            let Some((after_many, from)) = &mut retry else {
                return false;
            };
            if from.next().is_none() {
                return false;
            }
            (at, rest) = (*after_many, from.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CITY: FieldId = FieldId(0);
    const STARS: FieldId = FieldId(1);
    const EMPTY: FieldId = FieldId(2);

    fn holds(condition: &Condition) -> Option<bool> {
        let value_of = |field| match field {
            CITY => Some(ValueRef::Text("Athens")),
            STARS => Some(ValueRef::Number(4.5)),
            _ => None,
        };
        condition.holds(&value_of, &|| None)
    }

    fn text(value: &str) -> FieldValue {
        FieldValue::Text(value.to_owned())
    }

    fn compare(field: FieldId, comparison: Comparison, value: FieldValue) -> Condition {
        Condition::Compare(field, comparison, value)
    }

    #[test]
    fn a_field_compares_with_values_of_its_kind() {
        use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, Unequal};
        for (comparison, below, same, above) in [
            (Equal, false, true, false),
            (Unequal, true, false, true),
            (Less, false, false, true),
            (LessOrEqual, false, true, true),
            (Greater, true, false, false),
            (GreaterOrEqual, true, true, false),
        ] {
            for (value, expected) in [(4.0, below), (4.5, same), (5.0, above)] {
                let condition = compare(STARS, comparison, FieldValue::Number(value));
                assert_eq!(holds(&condition), Some(expected), "{comparison:?} {value}");
            }
        }
        let either = Condition::OneOf(CITY, vec![text("Rome"), text("Athens")]);
        assert_eq!(holds(&either), Some(true));
        assert_eq!(holds(&Condition::OneOf(CITY, vec![])), Some(false));
        let other_case = compare(CITY, Equal, text("athens"));
        assert_eq!(holds(&other_case), Some(false));
    }

    #[test]
    fn what_is_asked_of_null_is_neither_true_nor_false() {
        let unknown = || compare(EMPTY, Comparison::Equal, text("x"));
        let is_true = || Condition::IsNull(EMPTY);
        let is_false = || Condition::IsNull(CITY);
        assert_eq!(holds(&unknown()), None);
        assert_eq!(holds(&Condition::Not(unknown().into())), None);
        for (one, other, all, any) in [
            (unknown(), is_true(), None, Some(true)),
            (unknown(), is_false(), Some(false), None),
            (is_true(), is_false(), Some(false), Some(true)),
        ] {
            let both = vec![one.clone(), other.clone()];
            assert_eq!(holds(&Condition::All(both.clone())), all, "{both:?}");
            assert_eq!(holds(&Condition::Any(both.clone())), any, "{both:?}");
        }
        assert_eq!(holds(&Condition::All(vec![])), Some(true));
        assert_eq!(holds(&Condition::Any(vec![])), Some(false));
    }

    #[test]
    fn what_must_all_hold_stands_side_by_side() {
        let greek = Condition::texts(CITY, ["Athens"]);
        let null = Condition::IsNull(EMPTY);
        assert!(Condition::default().conjuncts().is_empty());
        assert_eq!(greek.conjuncts(), std::slice::from_ref(&greek));
        let both = Condition::default().and(greek.clone()).and(null.clone());
        assert_eq!(both.conjuncts(), [greek.clone(), null.clone()]);
        let values = [text("Athens")];
        assert_eq!(greek.allowed_values(), Some((CITY, &values[..])));
        let equal = compare(CITY, Comparison::Equal, text("Athens"));
        assert_eq!(equal.allowed_values(), Some((CITY, &values[..])));
        assert_eq!(null.allowed_values(), None);
        let mut fields = Vec::new();
        Condition::Not(both.into()).visit_fields(&mut |field| fields.push(field));
        assert_eq!(fields, [CITY, EMPTY]);
    }

    #[test]
    fn conditions_that_differ_are_encoded_otherwise() {
        let like = |pattern| Condition::Like(CITY, Pattern::parse(pattern));
        let conditions = [
            Condition::default(),
            Condition::Any(vec![]),
            Condition::Any(vec![Condition::default()]),
            Condition::Not(Condition::default().into()),
            Condition::IsNull(CITY),
            Condition::IsNull(EMPTY),
            Condition::texts(CITY, ["ab", "c"]),
            Condition::texts(CITY, ["a", "bc"]),
            Condition::texts(EMPTY, ["a", "bc"]),
            Condition::texts(CITY, [""; 0]),
            Condition::texts(CITY, [""]),
            compare(CITY, Comparison::Equal, text("a")),
            compare(CITY, Comparison::Unequal, text("a")),
            compare(STARS, Comparison::Less, FieldValue::Number(1.0)),
            compare(STARS, Comparison::Less, FieldValue::Number(2.0)),
            compare(EMPTY, Comparison::Less, FieldValue::Boolean(true)),
            compare(EMPTY, Comparison::Less, FieldValue::Boolean(false)),
            compare(EMPTY, Comparison::Less, FieldValue::Date(NaiveDate::MIN)),
            like("a_"),
            like("a%"),
            like("a"),
        ];
        let encoded = |condition: &Condition| {
            let mut bytes = Vec::new();
            condition.encode(&mut |part| bytes.extend_from_slice(part));
            bytes
        };
        let distinct: std::collections::HashSet<_> = conditions.iter().map(encoded).collect();
        assert_eq!(distinct.len(), conditions.len());
    }

    #[test]
    fn a_pattern_fits_a_whole_text() {
        for (pattern, text, fits) in [
            ("", "", true),
            ("", "a", false),
            ("%", "", true),
            ("Blue%", "Blue Hole", true),
            ("Blue%", "The Blue Hole", false),
            ("%Hole", "Blue Hole Hole", true),
            ("%a%b%c", "xaybzc", true),
            ("%a%b%c", "xaybz", false),
            ("_lue", "Blue", true),
            ("_lue", "lue", false),
            ("_", "🐟", true),
            ("100\\%", "100%", true),
            ("100\\%", "100 %", false),
            ("a\\\\b", "a\\b", true),
            ("blue", "Blue", false),
        ] {
            assert_eq!(
                Pattern::parse(pattern).matches(text),
                fits,
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn a_pattern_of_many_wildcards_ends_in_time() {
        let pattern = Pattern::parse(&"%a".repeat(200));
        assert!(!pattern.matches(&("a".repeat(199) + &"b".repeat(20_000))));
    }
}
