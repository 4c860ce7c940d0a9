//! Conditions on fields as SQL. Databases differ in how a field is read, and in how a
//! text is compared with a pattern; the rest is one walk for both.

use chrono::Datelike as _;

use super::sql::push_degrees_within;
use super::statement::{Statement, Value};
use crate::domain::{Comparison, Condition, FieldId, FieldValue, Pattern, Piece};

/// How a field stands in conditions.
#[derive(Debug, Clone)]
pub(super) struct FieldSql {
    /// What reads it: a text that compares byte for byte, a number, 0 or 1 for a boolean,
    /// the number of a day (1 is the first of January of the year 1) for a date, or NULL.
    pub(super) read: String,
    /// What an index finds the same by, where there is another way to say it: it is equal
    /// wherever [`Self::read`] is.
    pub(super) indexed: Option<String>,
}

/// How a text is compared with a pattern.
#[derive(Debug, Clone, Copy)]
pub(super) enum PatternSql {
    /// `LIKE`, where it goes by the collation.
    Like,
    /// `GLOB`, where `LIKE` takes case for nothing.
    Glob,
}

/// How the fields of a collection stand in conditions.
#[derive(Debug, Clone)]
pub(super) struct ConditionSql {
    /// In the order of [`FieldId`].
    pub(super) fields: Vec<FieldSql>,
    /// What reads latitude and longitude.
    pub(super) coordinates: [String; 2],
    pub(super) pattern: PatternSql,
}

impl ConditionSql {
    /// Appends that a condition holds, to follow another one; that it may hold, where it
    /// [takes the rows](Condition::needs_rows) to tell. No database tells shapes apart to the
    /// last digit, or reads opening hours: whoever reads the rows does.
    pub(super) fn push_and<'a>(&self, condition: &'a Condition, statement: &mut Statement<'a>) {
        for part in condition.conjuncts() {
            statement.push(" AND ");
            self.push(part, statement);
        }
    }

    fn push<'a>(&self, condition: &'a Condition, statement: &mut Statement<'a>) {
        match condition {
            Condition::All(parts) => self.push_joined(parts, " AND ", "TRUE", statement),
            Condition::Any(parts) => self.push_joined(parts, " OR ", "FALSE", statement),
            // What the opposite may hold for is not known from what it may hold for.
            Condition::Not(part) if part.needs_rows() => {
                statement.push("TRUE");
            }
            Condition::Not(part) => {
                statement.push("NOT (");
                self.push(part, statement);
                statement.push(")");
            }
            Condition::IsNull(field) => {
                statement.push(&self.field(*field).read).push(" IS NULL");
            }
            Condition::Compare(field, Comparison::Equal, value) => {
                self.push_one_of(*field, std::slice::from_ref(value), statement);
            }
            Condition::OneOf(field, values) => self.push_one_of(*field, values, statement),
            Condition::Compare(field, comparison, value) => {
                statement
                    .push(&self.field(*field).read)
                    .push(operator(*comparison))
                    .push_value(value_of(value));
            }
            Condition::Open(open) => {
                let hours = &self.field(open.opening.hours).read;
                statement.push(hours).push(" IS NOT NULL");
            }
            Condition::Inside(polygon) => {
                let [latitude, longitude] = &self.coordinates;
                statement.push("(TRUE");
                push_degrees_within(polygon.viewport(), latitude, longitude, statement);
                statement.push(")");
            }
            Condition::Like(field, pattern) => {
                let (operator, pattern) = match self.pattern {
                    PatternSql::Like => (" LIKE ? ESCAPE '!'", like(pattern)),
                    PatternSql::Glob => (" GLOB ?", glob(pattern)),
                };
                statement
                    .push(&self.field(*field).read)
                    .push_with(operator, [pattern.into()]);
            }
        }
    }

    fn push_joined<'a>(
        &self,
        parts: &'a [Condition],
        operator: &str,
        of_none: &str,
        statement: &mut Statement<'a>,
    ) {
        let Some((first, others)) = parts.split_first() else {
            statement.push(of_none);
            return;
        };
        statement.push("(");
        self.push(first, statement);
        for part in others {
            statement.push(operator);
            self.push(part, statement);
        }
        statement.push(")");
    }

    /// The index finds candidates, the second comparison keeps those that are equal.
    fn push_one_of<'a>(
        &self,
        field: FieldId,
        values: &'a [FieldValue],
        statement: &mut Statement<'a>,
    ) {
        let FieldSql { read, indexed } = self.field(field);
        if values.is_empty() {
            // False, and NULL where the field is, as comparisons are.
            statement.push(&format!("{read} <> {read}"));
            return;
        }
        let mut push_list = |column: &str, end: &str| {
            statement.push(column).push(" IN (");
            statement.push_list(values.iter().map(value_of)).push(end);
        };
        match indexed {
            Some(indexed) => {
                push_list(&format!("({indexed}"), ") AND ");
                push_list(read, "))");
            }
            None => push_list(read, ")"),
        }
    }

    pub(super) fn field(&self, field: FieldId) -> &FieldSql {
        &self.fields[usize::from(field.0)]
    }
}

fn operator(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => " = ",
        Comparison::Unequal => " <> ",
        Comparison::Less => " < ",
        Comparison::LessOrEqual => " <= ",
        Comparison::Greater => " > ",
        Comparison::GreaterOrEqual => " >= ",
    }
}

fn value_of(value: &FieldValue) -> Value<'_> {
    match value {
        FieldValue::Text(text) => text.as_str().into(),
        FieldValue::Number(number) => (*number).into(),
        FieldValue::Boolean(boolean) => i64::from(*boolean).into(),
        FieldValue::Date(date) => i64::from(date.num_days_from_ce()).into(),
    }
}

/// A pattern for `LIKE ? ESCAPE '!'`.
fn like(pattern: &Pattern) -> String {
    let mut text = String::new();
    for piece in pattern.pieces() {
        match piece {
            Piece::One => text.push('_'),
            Piece::Many => text.push('%'),
            Piece::Literal(c) => {
                if matches!(c, '%' | '_' | '!') {
                    text.push('!');
                }
                text.push(*c);
            }
        }
    }
    text
}

/// A pattern for `GLOB ?`.
fn glob(pattern: &Pattern) -> String {
    let mut text = String::new();
    for piece in pattern.pieces() {
        match piece {
            Piece::One => text.push('?'),
            Piece::Many => text.push('*'),
            Piece::Literal(c @ ('*' | '?' | '[')) => text.extend(['[', *c, ']']),
            Piece::Literal(c) => text.push(*c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Polygon;

    #[test]
    fn a_pattern_means_the_same_in_every_database() {
        let pattern = Pattern::parse(r"a%b_c\%d\_e!f*g?h[i");
        assert_eq!(like(&pattern), "a%b_c!%d!_e!!f*g?h[i");
        assert_eq!(glob(&pattern), "a*b?c%d_e!f[*]g[?]h[[]i");
    }

    #[test]
    fn text_and_values_are_written_in_one_walk() {
        let field = |name: &str| FieldSql {
            read: name.to_owned(),
            indexed: None,
        };
        let sql = ConditionSql {
            fields: vec![
                field("n"),
                FieldSql {
                    read: "bin(c)".to_owned(),
                    indexed: Some("c".to_owned()),
                },
            ],
            pattern: PatternSql::Like,
            coordinates: ["lat".to_owned(), "lng".to_owned()],
        };
        let number = |n| FieldValue::Number(n);
        let (n, c) = (FieldId(0), FieldId(1));
        let condition = Condition::texts(c, ["GR"]).and(Condition::Not(
            Condition::Any(vec![
                Condition::Compare(n, Comparison::Less, number(4.5)),
                Condition::IsNull(c),
                Condition::OneOf(n, vec![]),
                Condition::Any(vec![]),
            ])
            .into(),
        ));
        let mut statement = Statement::new("WHERE TRUE");
        sql.push_and(&condition, &mut statement);
        let (text, values) = statement.into_parts();
        assert_eq!(
            text,
            "WHERE TRUE AND (c IN (?) AND bin(c) IN (?)) \
             AND NOT ((n < ? OR bin(c) IS NULL OR n <> n OR FALSE))"
        );
        assert_eq!(values, ["GR".into(), "GR".into(), 4.5.into()]);
    }

    #[test]
    fn where_a_shape_is_asked_for_rows_are_kept_that_may_be_in_it() {
        let sql = ConditionSql {
            fields: Vec::new(),
            pattern: PatternSql::Like,
            coordinates: ["lat".to_owned(), "lng".to_owned()],
        };
        let ring = vec![[1.0, 2.0], [3.0, 2.0], [3.0, 4.0], [1.0, 2.0]];
        let inside = Condition::Inside(Polygon::new(&[vec![ring]]).unwrap().into());
        let both = inside.clone().and(Condition::Not(inside.into()));
        let mut statement = Statement::default();
        sql.push_and(&both, &mut statement);
        let (text, values) = statement.into_parts();
        assert_eq!(
            text,
            " AND (TRUE AND lat BETWEEN ? AND ? \
             AND CASE lng WHEN -180 THEN 180 ELSE lng END BETWEEN ? AND ?) AND TRUE"
        );
        assert_eq!(values.len(), 4);
    }
}
