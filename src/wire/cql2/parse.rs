//! Reads a text into a condition.

use chrono::NaiveDate;

use super::error::{Cql2Error, Fault};
use super::token::{Kind, Token, Tokens, is_reserved};
use super::{MAX_CQL2_BYTES, MAX_CQL2_DEPTH, MAX_CQL2_TERMS};
use crate::domain::{
    Comparison, Condition, FieldId, FieldKind, FieldValue, Fields, FilterField, Pattern,
};
use crate::wire::polygon::parse_wkt;

const DAY: &str = "%Y-%m-%d";
/// The functions that ask for a place in a shape. A shape's edges are in it, so that
/// they ask the same of a point.
const SPATIAL: [&str; 2] = ["S_INTERSECTS", "S_WITHIN"];
const SHAPES: [&str; 2] = ["POLYGON", "MULTIPOLYGON"];
/// The property that is where a center stands.
const GEOMETRY: &str = "geometry";

/// Reads a condition on the fields of a collection, which CQL2 calls properties.
///
/// # Errors
/// When the text is not CQL2, names what is not there, compares what does not go
/// together, asks for what is not supported, or is beyond a bound.
pub fn parse_cql2(text: &str, fields: &Fields) -> Result<Condition, Cql2Error> {
    let mut tokens = Tokens::of(text);
    if text.len() > MAX_CQL2_BYTES {
        return Err(tokens.error(0, &format!("{} bytes", text.len()), Fault::TooLong));
    }
    let next = tokens.next()?;
    let mut parser = Parser {
        tokens,
        next,
        fields,
        depth: 0,
        terms: 0,
    };
    let condition = parser.any()?;
    match parser.next.kind {
        Kind::End => Ok(condition),
        _ => Err(parser.expected("AND, OR or the end")),
    }
}

struct Parser<'t> {
    tokens: Tokens<'t>,
    /// The token that was not taken yet.
    next: Token<'t>,
    fields: &'t Fields,
    depth: usize,
    terms: usize,
}

/// A side of a comparison.
enum Operand {
    Property(FieldId),
    Value(FieldValue),
}

impl<'t> Parser<'t> {
    /// What `OR` joins.
    fn any(&mut self) -> Result<Condition, Cql2Error> {
        let first = self.all()?;
        if !self.next.is("OR") {
            return Ok(first);
        }
        let mut conditions = vec![first];
        while self.take_word("OR")? {
            conditions.push(self.all()?);
        }
        Ok(Condition::Any(conditions))
    }

    /// What `AND` joins, which binds closer.
    fn all(&mut self) -> Result<Condition, Cql2Error> {
        let first = self.one()?;
        if !self.next.is("AND") {
            return Ok(first);
        }
        let mut conditions = vec![first];
        while self.take_word("AND")? {
            conditions.push(self.one()?);
        }
        Ok(Condition::All(conditions))
    }

    fn one(&mut self) -> Result<Condition, Cql2Error> {
        let is_negated = self.next.is("NOT");
        if !is_negated && self.next.kind != Kind::Open {
            return self.predicate();
        }
        let opened = self.take()?;
        if self.depth == MAX_CQL2_DEPTH {
            return Err(self.fault_at(&opened, Fault::TooDeep));
        }
        self.depth += 1;
        let inner = if is_negated {
            Condition::Not(Box::new(self.one()?))
        } else {
            let inner = self.any()?;
            self.close("AND, OR or a closing parenthesis")?;
            inner
        };
        self.depth -= 1;
        Ok(inner)
    }

    fn predicate(&mut self) -> Result<Condition, Cql2Error> {
        let is_spatial = SPATIAL.into_iter().any(|name| self.next.is(name));
        if is_spatial && self.tokens.clone().next()?.kind == Kind::Open {
            return self.inside();
        }
        let first = self.next.clone();
        let left = self.operand()?;
        if let Kind::Comparison(comparison) = self.next.kind {
            self.take()?;
            return self.comparison(left, comparison);
        }
        let field = match left {
            Operand::Property(field) => field,
            // TRUE and FALSE are conditions as well.
            Operand::Value(FieldValue::Boolean(true)) => return Ok(Condition::All(Vec::new())),
            Operand::Value(FieldValue::Boolean(false)) => return Ok(Condition::Any(Vec::new())),
            Operand::Value(_) if matches!(self.next.kind, Kind::Word(_)) => {
                return Err(self.fault_at(&first, Fault::Expected("a property")));
            }
            Operand::Value(_) => return Err(self.expected("=, <>, <, <=, > or >=")),
        };
        if self.take_word("IS")? {
            let is_negated = self.take_word("NOT")?;
            if !self.take_word("NULL")? {
                return Err(self.expected("NULL"));
            }
            return Ok(negated_if(is_negated, Condition::IsNull(field)));
        }
        let is_negated = self.take_word("NOT")?;
        let condition = if self.take_word("IN")? {
            self.one_of(field)?
        } else if self.take_word("BETWEEN")? {
            self.between(field)?
        } else if self.take_word("LIKE")? {
            self.like(field)?
        } else if is_negated {
            return Err(self.expected("IN, BETWEEN or LIKE"));
        } else {
            return Err(self.expected("a comparison, IN, BETWEEN, LIKE or IS NULL"));
        };
        Ok(negated_if(is_negated, condition))
    }

    /// That the geometry is inside a shape.
    fn inside(&mut self) -> Result<Condition, Cql2Error> {
        self.take()?;
        self.take()?;
        if self.next.kind != Kind::Word(GEOMETRY) {
            return Err(self.expected("geometry"));
        }
        self.take()?;
        if self.next.kind != Kind::Comma {
            return Err(self.expected("a comma"));
        }
        self.take()?;
        let shape = self.next.clone();
        if !SHAPES.into_iter().any(|name| shape.is(name)) {
            return Err(self.expected("POLYGON or MULTIPOLYGON"));
        }
        self.take()?;
        let mut open = 0_usize;
        let end = loop {
            let token = self.take()?;
            match token.kind {
                Kind::Open => open += 1,
                Kind::Close if open > 0 => open -= 1,
                Kind::End => {
                    return Err(self.fault_at(&token, Fault::Expected("a closing parenthesis")));
                }
                _ => {}
            }
            if open == 0 {
                break token.start + token.source.len();
            }
        };
        let polygon = parse_wkt(self.tokens.between(shape.start, end));
        let polygon =
            polygon.map_err(|error| self.fault_at(&shape, Fault::Shape(error.to_string())))?;
        self.close("a closing parenthesis")?;
        Ok(Condition::Inside(polygon.into()))
    }

    fn comparison(
        &mut self,
        left: Operand,
        comparison: Comparison,
    ) -> Result<Condition, Cql2Error> {
        let second = self.next.clone();
        match (left, self.operand()?) {
            (Operand::Property(field), Operand::Value(value)) => {
                self.check_kind(field, &value, &second)?;
                Ok(Condition::Compare(field, comparison, value))
            }
            (Operand::Value(value), Operand::Property(field)) => {
                self.check_kind(field, &value, &second)?;
                Ok(Condition::Compare(field, turned(comparison), value))
            }
            _ => Err(self.fault_at(&second, Fault::NoPropertyWithValue)),
        }
    }

    fn one_of(&mut self, field: FieldId) -> Result<Condition, Cql2Error> {
        if self.next.kind != Kind::Open {
            return Err(self.expected("a list in parentheses"));
        }
        self.take()?;
        let mut values = vec![self.value(field)?];
        while self.next.kind == Kind::Comma {
            self.take()?;
            values.push(self.value(field)?);
        }
        self.close("a comma or a closing parenthesis")?;
        Ok(Condition::OneOf(field, values))
    }

    fn between(&mut self, field: FieldId) -> Result<Condition, Cql2Error> {
        let least = self.value(field)?;
        if !self.take_word("AND")? {
            return Err(self.expected("AND"));
        }
        let most = self.value(field)?;
        Ok(Condition::All(vec![
            Condition::Compare(field, Comparison::GreaterOrEqual, least),
            Condition::Compare(field, Comparison::LessOrEqual, most),
        ]))
    }

    fn like(&mut self, field: FieldId) -> Result<Condition, Cql2Error> {
        let pattern = self.next.clone();
        let FilterField { name, kind, .. } = self.fields.get(field);
        if *kind != FieldKind::Text {
            let (property, kind) = (name.clone(), *kind);
            return Err(self.fault_at(&pattern, Fault::NotLike { property, kind }));
        }
        match self.operand()? {
            Operand::Value(FieldValue::Text(text)) => {
                Ok(Condition::Like(field, Pattern::parse(&text)))
            }
            _ => Err(self.fault_at(&pattern, Fault::Expected("a text in single quotes"))),
        }
    }

    /// A value that a property can be compared with.
    fn value(&mut self, field: FieldId) -> Result<FieldValue, Cql2Error> {
        let token = self.next.clone();
        match self.operand()? {
            Operand::Value(value) => {
                self.check_kind(field, &value, &token)?;
                Ok(value)
            }
            Operand::Property(_) => Err(self.fault_at(&token, Fault::NoPropertyWithValue)),
        }
    }

    fn operand(&mut self) -> Result<Operand, Cql2Error> {
        let token = self.take()?;
        self.terms += 1;
        if self.terms > MAX_CQL2_TERMS {
            return Err(self.fault_at(&token, Fault::TooManyTerms));
        }
        let value = match &token.kind {
            Kind::Text(text) => FieldValue::Text(text.clone()),
            Kind::Number(number) => FieldValue::Number(*number),
            Kind::Word(word) if self.next.kind == Kind::Open && !is_reserved(word) => {
                if !token.is("DATE") {
                    return Err(self.fault_at(&token, Fault::Function((*word).to_owned())));
                }
                self.take()?;
                self.date()?
            }
            Kind::Word(_) if token.is("TRUE") => FieldValue::Boolean(true),
            Kind::Word(_) if token.is("FALSE") => FieldValue::Boolean(false),
            Kind::Word(_) if token.is("NULL") => {
                return Err(self.fault_at(&token, Fault::ComparedWithNull));
            }
            Kind::Word(word) if !is_reserved(word) => return self.property(word, &token),
            Kind::QuotedName(name) => return self.property(name, &token),
            _ => return Err(self.fault_at(&token, Fault::Expected("a property or a value"))),
        };
        Ok(Operand::Value(value))
    }

    /// What stands in the parentheses of `DATE`.
    fn date(&mut self) -> Result<FieldValue, Cql2Error> {
        let token = self.take()?;
        let Kind::Text(text) = &token.kind else {
            return Err(self.fault_at(&token, Fault::NoDate));
        };
        let day = NaiveDate::parse_from_str(text, DAY).ok();
        // Single digits, blanks and signs are read as well.
        let day = day.filter(|day| day.format(DAY).to_string() == *text);
        let day = day.ok_or_else(|| self.fault_at(&token, Fault::NoDate))?;
        self.close("a closing parenthesis")?;
        Ok(FieldValue::Date(day))
    }

    fn property(&self, name: &str, token: &Token<'t>) -> Result<Operand, Cql2Error> {
        let unknown = || self.fault_at(token, Fault::UnknownProperty(name.to_owned()));
        let field = self.fields.find(name).ok_or_else(unknown)?;
        Ok(Operand::Property(field))
    }

    fn check_kind(
        &self,
        field: FieldId,
        value: &FieldValue,
        token: &Token<'t>,
    ) -> Result<(), Cql2Error> {
        let FilterField { name, kind, .. } = self.fields.get(field);
        if value.kind() == *kind {
            return Ok(());
        }
        let fault = Fault::OtherKind {
            property: name.clone(),
            kind: *kind,
            with: match value {
                FieldValue::Text(_) => "a text in single quotes",
                FieldValue::Number(_) => "a number",
                FieldValue::Boolean(_) => "TRUE or FALSE",
                FieldValue::Date(_) => "a DATE",
            },
        };
        Err(self.fault_at(token, fault))
    }

    /// Takes the next token, and looks at the one behind it.
    fn take(&mut self) -> Result<Token<'t>, Cql2Error> {
        let behind = self.tokens.next()?;
        Ok(std::mem::replace(&mut self.next, behind))
    }

    /// Takes the next token if it is this keyword.
    fn take_word(&mut self, keyword: &str) -> Result<bool, Cql2Error> {
        let is_it = self.next.is(keyword);
        if is_it {
            self.take()?;
        }
        Ok(is_it)
    }

    fn close(&mut self, expected: &'static str) -> Result<(), Cql2Error> {
        if self.next.kind != Kind::Close {
            return Err(self.expected(expected));
        }
        self.take()?;
        Ok(())
    }

    fn expected(&self, what: &'static str) -> Cql2Error {
        self.fault_at(&self.next, Fault::Expected(what))
    }

    fn fault_at(&self, token: &Token<'t>, fault: Fault) -> Cql2Error {
        let got = match token.kind {
            Kind::End => "the end of the text",
            _ => token.source,
        };
        self.tokens.error(token.start, got, fault)
    }
}

fn negated_if(is_negated: bool, condition: Condition) -> Condition {
    if is_negated {
        Condition::Not(Box::new(condition))
    } else {
        condition
    }
}

/// The comparison as it reads from the other side.
fn turned(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        same @ (Comparison::Equal | Comparison::Unequal) => same,
    }
}
