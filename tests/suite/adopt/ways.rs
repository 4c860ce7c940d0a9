//! Tables whose indexes or row format rule gentle ways of altering them out.

use super::neighbour::{Kind, assert_sound, assert_told, divemap, nearby, stdout};

/// What is done to the table first, whom adding the column holds up, whom making it NOT NULL
/// does, and what is in the way of `--online`.
const TABLES: [(&str, bool, bool, Option<&str>); 4] = [
    (
        "ADD FULLTEXT INDEX words (name)",
        true,
        true,
        Some("the FULLTEXT index words"),
    ),
    ("ROW_FORMAT=COMPRESSED", false, false, None),
    (
        "ADD COLUMN area POINT NULL SRID 4326; \
         UPDATE diving_centers SET area = ST_SRID(POINT(0, 0), 4326); \
         ALTER TABLE diving_centers MODIFY area POINT NOT NULL SRID 4326, \
           ADD SPATIAL INDEX of_area (area)",
        false,
        true,
        Some("the spatial index of_area"),
    ),
    ("COMMENT = 'plain'", false, false, None),
];

/// The server is asked for the way that it takes, and the plan says whom that holds up.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn the_plan_and_its_statements_fit_the_indexes_and_the_format_of_the_table() {
    for (kind, column_blocks, not_null_blocks, in_the_way) in TABLES {
        let db = divemap(Kind::Ignorant, 300).await;
        db.execute(&format!("ALTER TABLE diving_centers {kind}"))
            .await;
        let plan = nearby(&db, &["adopt"]).await;
        plan.assert(1, &[]);
        for (step, blocks) in [
            ("add the column", column_blocks),
            ("make it POINT NOT NULL", not_null_blocks),
        ] {
            let told = stdout(&plan);
            let mut lines = told.lines().skip_while(|line| !line.contains(step));
            let cost = lines.nth(1).unwrap_or_default();
            assert_eq!(cost.contains("WAIT"), blocks, "{kind}: {step}: {told}");
        }
        let beside = nearby(&db, &["adopt", "--online"]).await;
        match in_the_way {
            Some(index) => {
                beside.assert(2, &[]);
                assert_told(&beside, &[index, "--online or not"]);
                nearby(&db, &["adopt", "--online", "--apply"])
                    .await
                    .assert(2, &[]);
            }
            None => beside.assert(1, &[]),
        }
        // As an administrator would run them: each is taken as it stands.
        let printed = nearby(&db, &["adopt", "--sql"]).await;
        db.execute(stdout(&printed)).await;
        assert_sound(&db).await;
        let printed = nearby(&db, &["adopt", "--undo", "--sql"]).await;
        db.execute(stdout(&printed)).await;
        nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
        assert_sound(&db).await;
    }
}
