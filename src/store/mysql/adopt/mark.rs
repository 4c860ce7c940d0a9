//! What adopting leaves in comments, to be known by later: whether a table was adopted,
//! and what of it adopting made. Triggers would not do, as not every user may see them.

use sqlx::MySqlPool;

use crate::store::Collection;
use crate::store::mysql::schema::{Column, Index, columns, indexes};
use crate::store::mysql::{index_pages, triggers};

/// In the comments of a column and an index that adopting made.
pub(super) const MADE: &str = "made by nearby adopt";
/// In the comment of a location that was there before.
const ADOPTED: &str = "adopted by nearby";
/// The longest comment that a column may have, in characters.
const MAX_COMMENT: usize = 1_024;

/// The comment of an index that adopting makes.
pub(super) fn index_comment() -> String {
    format!("{}, {MADE}", index_pages::COMMENT)
}

/// Whether adopting made the column.
pub(super) fn is_made_column(column: &Column) -> bool {
    column.comment.contains(MADE)
}

/// Whether adopting made the index.
pub(super) fn is_made_index(index: &Index) -> bool {
    index.comment.contains(MADE)
}

/// Whether the column says that its table is adopted.
pub(super) fn is_noted(column: &Column) -> bool {
    is_made_column(column) || column.comment.contains(ADOPTED)
}

/// The comment with the note added; `None` where there is no room for it.
pub(super) fn noted(comment: &str) -> Option<String> {
    let noted = match comment {
        "" => ADOPTED.to_owned(),
        comment => format!("{comment}; {ADOPTED}"),
    };
    (noted.chars().count() <= MAX_COMMENT).then_some(noted)
}

/// The comment without the note.
pub(super) fn without_note(comment: &str) -> &str {
    let rest = comment.strip_suffix(ADOPTED).unwrap_or(comment);
    rest.strip_suffix("; ").unwrap_or(rest)
}

/// Whether a table of another application was adopted, as far as this user may see.
pub(in crate::store) async fn is_adopted(
    pool: &MySqlPool,
    collection: &Collection,
) -> sqlx::Result<bool> {
    let location = collection.location.as_str();
    let columns = columns(pool, collection).await?;
    if columns
        .iter()
        .any(|column| column.name.eq_ignore_ascii_case(location) && is_noted(column))
    {
        return Ok(true);
    }
    let indexes = indexes(pool, collection).await?;
    if indexes
        .iter()
        .any(|index| index.is_spatial_on(location) && is_made_index(index))
    {
        return Ok(true);
    }
    let ours = triggers::wanted(collection);
    let there = triggers::installed(pool, collection).await?;
    Ok(there
        .iter()
        .any(|there| ours.iter().any(|our| our.name == there.name)))
}

/// Whether any table of the database was adopted, as far as this user may see.
pub(in crate::store) async fn is_any_adopted(pool: &MySqlPool) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() \
             AND (INSTR(COLUMN_COMMENT, ?) > 0 OR INSTR(COLUMN_COMMENT, ?) > 0)) \
         OR EXISTS (SELECT 1 FROM information_schema.STATISTICS \
             WHERE TABLE_SCHEMA = DATABASE() AND INSTR(INDEX_COMMENT, ?) > 0)",
    )
    .bind(MADE)
    .bind(ADOPTED)
    .bind(MADE)
    .fetch_one(pool)
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_added_to_a_comment_and_taken_out_of_it_again() {
        for comment in ["", "where they dive"] {
            let noted = noted(comment).expect("there is room");
            assert!(noted.ends_with(ADOPTED), "{noted}");
            assert_eq!(without_note(&noted), comment);
            assert_eq!(without_note(comment), comment);
        }
        assert_eq!(noted(&"x".repeat(MAX_COMMENT - 3)), None);
    }
}
