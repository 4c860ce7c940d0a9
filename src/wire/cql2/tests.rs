use std::time::{Duration, Instant};

use chrono::NaiveDate;
use proptest::collection::vec;
use proptest::prelude::*;

use super::print::print;
use super::*;
use crate::domain::{Comparison, Condition, FieldId, FieldKind, FieldValue, Fields, Pattern};

const NAME: FieldId = FieldId::NAME;
const STARS: FieldId = FieldId(4);
const WHEELCHAIR: FieldId = FieldId(5);
const OPENED: FieldId = FieldId(6);
const IN: FieldId = FieldId(7);

/// There is no city.
fn known() -> Fields {
    let attributes = [
        ("stars", FieldKind::Number),
        ("wheelchair", FieldKind::Boolean),
        ("opened", FieldKind::Date),
        ("in", FieldKind::Text),
    ];
    let attributes = attributes.map(|(name, kind)| (name.to_owned(), kind));
    Fields::new(|field| field != FieldId::CITY, attributes)
}

fn read(text: &str) -> Condition {
    parse_cql2(text, &known()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refused(text: &str) -> Cql2Error {
    match parse_cql2(text, &known()) {
        Ok(condition) => panic!("{text}: {condition:?}"),
        Err(error) => error,
    }
}

fn text(content: &str) -> FieldValue {
    FieldValue::Text(content.to_owned())
}

fn day(year: i32, month: u32, day: u32) -> FieldValue {
    FieldValue::Date(NaiveDate::from_ymd_opt(year, month, day).unwrap())
}

fn compare(field: FieldId, comparison: Comparison, value: FieldValue) -> Condition {
    Condition::Compare(field, comparison, value)
}

#[test]
fn a_property_is_compared_with_a_value() {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, Unequal};
    for (sign, comparison, turned) in [
        ("=", Equal, Equal),
        ("<>", Unequal, Unequal),
        ("<", Less, Greater),
        ("<=", LessOrEqual, GreaterOrEqual),
        (">", Greater, Less),
        (">=", GreaterOrEqual, LessOrEqual),
    ] {
        let expected = compare(STARS, comparison, FieldValue::Number(4.5));
        assert_eq!(read(&format!("stars {sign} 4.5")), expected);
        assert_eq!(read(&format!("stars{sign}4.5")), expected);
        let expected = compare(STARS, turned, FieldValue::Number(4.5));
        assert_eq!(read(&format!("4.5 {sign} stars")), expected);
    }
    for (written, value) in [
        ("-1", -1.0),
        ("+1", 1.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1_000.0),
        ("1.5E-2", 0.015),
    ] {
        let expected = compare(STARS, Equal, FieldValue::Number(value));
        assert_eq!(read(&format!("stars={written}")), expected, "{written}");
    }
}

#[test]
fn values_of_every_kind_are_read() {
    use Comparison::{Equal, GreaterOrEqual};
    assert_eq!(
        read("name = 'O''Brien'"),
        compare(NAME, Equal, text("O'Brien"))
    );
    assert_eq!(read("\"name\" = ''"), compare(NAME, Equal, text("")));
    assert_eq!(
        read("\"in\" = 'Größe 🐟'"),
        compare(IN, Equal, text("Größe 🐟"))
    );
    assert_eq!(
        read("wheelchair = tRuE"),
        compare(WHEELCHAIR, Equal, FieldValue::Boolean(true))
    );
    assert_eq!(
        read("opened >= date('2024-02-29')"),
        compare(OPENED, GreaterOrEqual, day(2024, 2, 29))
    );
}

#[test]
fn and_binds_closer_than_or_and_not_closest() {
    let stars = |number| compare(STARS, Comparison::Equal, FieldValue::Number(number));
    assert_eq!(
        read("stars=1 OR stars=2 and NOT stars=3 AND stars=4"),
        Condition::Any(vec![
            stars(1.0),
            Condition::All(vec![
                stars(2.0),
                Condition::Not(stars(3.0).into()),
                stars(4.0)
            ])
        ])
    );
    assert_eq!(
        read("NOT(stars=1 OR stars=2)AND(((stars=3)))"),
        Condition::All(vec![
            Condition::Not(Condition::Any(vec![stars(1.0), stars(2.0)]).into()),
            stars(3.0)
        ])
    );
    assert_eq!(
        read("true or FALSE"),
        Condition::Any(vec![Condition::All(vec![]), Condition::Any(vec![])])
    );
}

#[test]
fn lists_ranges_patterns_and_null_are_read_with_their_opposites() {
    let not = |condition: Condition| Condition::Not(condition.into());
    let either = Condition::OneOf(NAME, vec![text("a"), text("b")]);
    assert_eq!(read("name IN ('a', 'b')"), either);
    assert_eq!(read("name not in('a','b')"), not(either));
    let between = Condition::All(vec![
        compare(STARS, Comparison::GreaterOrEqual, FieldValue::Number(1.0)),
        compare(STARS, Comparison::LessOrEqual, FieldValue::Number(2.0)),
    ]);
    assert_eq!(read("stars BETWEEN 1 AND 2"), between);
    assert_eq!(
        read("stars NOT BETWEEN 1 AND 2 AND name IS NULL"),
        Condition::All(vec![not(between), Condition::IsNull(NAME)])
    );
    let like = Condition::Like(NAME, Pattern::parse("a\\%_%"));
    assert_eq!(read("name LIKE 'a\\%_%'"), like);
    assert_eq!(read("name NOT LIKE 'a\\%_%'"), not(like));
    assert_eq!(read("name IS NOT NULL"), not(Condition::IsNull(NAME)));
}

fn is_refused(written: &str, at: usize, got: &str, fault: Fault) {
    let got = got.to_owned();
    assert_eq!(refused(written), Cql2Error { at, got, fault }, "{written}");
}

#[test]
fn a_property_that_is_not_there_is_named_with_its_place() {
    for (written, at, name) in [
        ("größe = 1", 1, "größe"),
        ("name = 'ö' AND colour = 'red'", 16, "colour"),
        ("NAME = 'a'", 1, "NAME"),
        ("city = 'a'", 1, "city"),
    ] {
        is_refused(written, at, name, Fault::UnknownProperty(name.to_owned()));
    }
}

#[test]
fn a_value_of_another_kind_than_its_property_is_named_with_its_place() {
    let text = "a text in single quotes";
    for (written, at, got, property, with) in [
        ("stars = 'a'", 9, "'a'", "stars", text),
        ("name = 1", 8, "1", "name", "a number"),
        ("opened > '2024-01-01'", 10, "'2024-01-01'", "opened", text),
        ("wheelchair IN (TRUE, 1)", 22, "1", "wheelchair", "a number"),
        (
            "stars BETWEEN 1 AND TRUE",
            21,
            "TRUE",
            "stars",
            "TRUE or FALSE",
        ),
        ("DATE('2024-01-01') < stars", 22, "stars", "stars", "a DATE"),
    ] {
        let fields = known();
        let kind = fields.get(fields.find(property).unwrap()).kind;
        let property = property.to_owned();
        is_refused(
            written,
            at,
            got,
            Fault::OtherKind {
                property,
                kind,
                with,
            },
        );
    }
    let property = "stars".to_owned();
    let kind = FieldKind::Number;
    is_refused(
        "stars LIKE 'a'",
        12,
        "'a'",
        Fault::NotLike { property, kind },
    );
}

#[test]
fn a_function_that_is_not_supported_is_named_with_its_place() {
    for (written, at, name) in [
        ("CASEI(name) = 'a'", 1, "CASEI"),
        ("S_CROSSES(geometry, POINT(0 0))", 1, "S_CROSSES"),
        (
            "opened > TIMESTAMP('2024-01-01T00:00:00Z')",
            10,
            "TIMESTAMP",
        ),
    ] {
        is_refused(written, at, name, Fault::Function(name.to_owned()));
    }
}

#[test]
fn values_that_are_none_are_refused_with_their_place() {
    for (written, at, got, fault) in [
        ("name = \"name\"", 8, "\"name\"", Fault::NoPropertyWithValue),
        ("1 = 1", 5, "1", Fault::NoPropertyWithValue),
        ("name IN (stars)", 10, "stars", Fault::NoPropertyWithValue),
        ("name = NULL", 8, "NULL", Fault::ComparedWithNull),
        (
            "opened = DATE('2023-02-29')",
            15,
            "'2023-02-29'",
            Fault::NoDate,
        ),
        ("opened = DATE('2024-1-1')", 15, "'2024-1-1'", Fault::NoDate),
        ("opened = DATE(2024)", 15, "2024", Fault::NoDate),
        ("stars = 1e999", 9, "1e999", Fault::NoNumber),
        ("name = 'a", 8, "'a", Fault::OpenQuote),
        ("\"name = 'a'", 1, "\"name = 'a'", Fault::OpenQuote),
    ] {
        is_refused(written, at, got, fault);
    }
}

#[test]
fn a_text_that_breaks_off_or_goes_astray_is_told_what_is_expected() {
    const END: &str = "the end of the text";
    const PREDICATE: &str = "a comparison, IN, BETWEEN, LIKE or IS NULL";
    const OPERAND: &str = "a property or a value";
    for (written, at, got, expected) in [
        ("", 1, END, OPERAND),
        ("🐟", 1, "🐟", OPERAND),
        ("in = 'a'", 1, "in", OPERAND),
        ("stars = 1 AND", 14, END, OPERAND),
        ("name IN ()", 10, ")", OPERAND),
        ("name", 5, END, PREDICATE),
        ("name != 'a'", 6, "!", PREDICATE),
        ("stars + 1 = 2", 7, "+", PREDICATE),
        ("name NOT = 'a'", 10, "=", "IN, BETWEEN or LIKE"),
        ("name IS 'a'", 9, "'a'", "NULL"),
        ("name LIKE 5", 11, "5", "a text in single quotes"),
        ("name IN 'a'", 9, "'a'", "a list in parentheses"),
        (
            "name IN ('a' 'b')",
            14,
            "'b'",
            "a comma or a closing parenthesis",
        ),
        ("stars BETWEEN 1, 2", 16, ",", "AND"),
        ("'a' IN ('a')", 1, "'a'", "a property"),
        ("'a'", 4, END, "=, <>, <, <=, > or >="),
        ("name = 'a' name", 12, "name", "AND, OR or the end"),
        ("name = 'a')", 11, ")", "AND, OR or the end"),
        ("(name = 'a'", 12, END, "AND, OR or a closing parenthesis"),
    ] {
        is_refused(written, at, got, Fault::Expected(expected));
    }
}

#[test]
fn length_terms_and_depth_are_bounded_at_the_limit_and_one_past_it() {
    let terms = |count: usize| format!("stars IN ({})", vec!["1"; count - 1].join(","));
    read(&terms(MAX_CQL2_TERMS));
    assert_eq!(
        refused(&terms(MAX_CQL2_TERMS + 1)).fault,
        Fault::TooManyTerms
    );
    let deep = |depth: usize| format!("{}stars=1{}", "(".repeat(depth), ")".repeat(depth));
    read(&deep(MAX_CQL2_DEPTH));
    assert_eq!(refused(&deep(MAX_CQL2_DEPTH + 1)).fault, Fault::TooDeep);
    read(&vec!["(stars=1)"; MAX_CQL2_DEPTH + 1].join(" AND "));
    let negated = |depth: usize| format!("{}stars=1", "NOT ".repeat(depth));
    read(&negated(MAX_CQL2_DEPTH));
    assert_eq!(refused(&negated(MAX_CQL2_DEPTH + 1)).fault, Fault::TooDeep);
    let long = |bytes: usize| format!("stars=1{}", " ".repeat(bytes - "stars=1".len()));
    read(&long(MAX_CQL2_BYTES));
    assert_eq!(refused(&long(MAX_CQL2_BYTES + 1)).fault, Fault::TooLong);
}

#[test]
fn texts_that_make_parsers_slow_are_refused_in_time() {
    let started = Instant::now();
    for slow in [
        "(".repeat(MAX_CQL2_BYTES),
        "((1,1),".repeat(MAX_CQL2_BYTES / 7),
        "NOT ".repeat(MAX_CQL2_BYTES / 4),
        "'".repeat(MAX_CQL2_BYTES - 1),
        "\"".repeat(MAX_CQL2_BYTES - 1),
        "9".repeat(MAX_CQL2_BYTES),
        format!("name LIKE '{}", "%".repeat(MAX_CQL2_BYTES - 11)),
    ] {
        refused(&slow);
    }
    assert!(started.elapsed() < Duration::from_secs(5));
}

fn values(kind: FieldKind) -> BoxedStrategy<FieldValue> {
    match kind {
        FieldKind::Text => any::<String>().prop_map(FieldValue::Text).boxed(),
        FieldKind::Number => any::<f64>()
            .prop_filter("finite", |number| number.is_finite())
            .prop_map(FieldValue::Number)
            .boxed(),
        FieldKind::Boolean => any::<bool>().prop_map(FieldValue::Boolean).boxed(),
        FieldKind::Date => (0..=3_652_058)
            .prop_map(|days| {
                let day = NaiveDate::from_num_days_from_ce_opt(days).unwrap();
                FieldValue::Date(day)
            })
            .boxed(),
    }
}

fn fields() -> impl Strategy<Value = (FieldId, FieldKind)> {
    let there: Vec<_> = known().iter().map(|(id, field)| (id, field.kind)).collect();
    prop::sample::select(there)
}

fn comparisons() -> impl Strategy<Value = Comparison> {
    prop_oneof![
        Just(Comparison::Equal),
        Just(Comparison::Unequal),
        Just(Comparison::Less),
        Just(Comparison::LessOrEqual),
        Just(Comparison::Greater),
        Just(Comparison::GreaterOrEqual),
    ]
}

fn conditions() -> impl Strategy<Value = Condition> {
    let compare = (fields(), comparisons()).prop_flat_map(|((field, kind), comparison)| {
        values(kind).prop_map(move |value| Condition::Compare(field, comparison, value))
    });
    let one_of = fields().prop_flat_map(|(field, kind)| {
        vec(values(kind), 1..4).prop_map(move |values| Condition::OneOf(field, values))
    });
    let like = any::<String>().prop_map(|text| Condition::Like(NAME, Pattern::parse(&text)));
    let leaf = prop_oneof![
        compare,
        one_of,
        like,
        fields().prop_map(|(field, _)| Condition::IsNull(field)),
        Just(Condition::All(Vec::new())),
        Just(Condition::Any(Vec::new())),
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(Condition::All),
            vec(inner.clone(), 2..4).prop_map(Condition::Any),
            inner.prop_map(|condition| Condition::Not(condition.into())),
        ]
    })
}

proptest! {
    #[test]
    fn a_condition_written_as_cql2_is_read_as_the_same(condition in conditions()) {
        let written = print(&condition, &known());
        prop_assert_eq!(parse_cql2(&written, &known()), Ok(condition), "{}", written);
    }

    #[test]
    fn no_text_makes_reading_panic(text in any::<String>()) {
        let _ = parse_cql2(&text, &known());
    }

    #[test]
    fn no_row_of_tokens_makes_reading_panic(tokens in vec(prop::sample::select(vec![
        "name", "stars", "\"in\"", "AND", "or", "NOT", "IN", "BETWEEN", "LIKE", "IS", "NULL",
        "TRUE", "DATE", "DATE('2024-01-01')", "(", ")", ",", "=", "<>", "<", "'a''b'", "'", "-",
        "1.5e", "1", "é", "🐟",
    ]), 0..20)) {
        for separator in ["", " "] {
            let text = tokens.join(separator);
            if let Err(error) = parse_cql2(&text, &known()) {
                prop_assert!((1..=text.chars().count() + 1).contains(&error.at));
            }
        }
    }
}
