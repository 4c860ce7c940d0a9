//! Tables that cannot be adopted: why, and what to do.

use super::neighbour::{Kind, assert_told, divemap, nearby, nearby_on, stdout};
use crate::cli::process::run;
use crate::support::TestDatabase;

/// Asserts that both a look and an adoption say so, and that neither changes the
/// table.
async fn assert_refused(db: &TestDatabase, texts: &[&str]) {
    let definition = "SELECT CAST(SUM(CRC32(CONCAT_WS('|', COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, \
                      SRS_ID, EXTRA, COLUMN_KEY))) AS SIGNED) FROM information_schema.COLUMNS \
                      WHERE TABLE_SCHEMA = DATABASE()";
    let before = db.number(definition).await;
    for args in [&["adopt"][..], &["adopt", "--apply"]] {
        let ended = nearby(db, args).await;
        ended.assert(2, &[]);
        assert_told(&ended, texts);
    }
    assert_eq!(db.number(definition).await, before);
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_table_that_is_not_there_is_answered_with_those_that_are() {
    let db = TestDatabase::mysql_empty().await;
    db.execute("CREATE TABLE shops (id INT PRIMARY KEY)").await;
    assert_refused(
        &db,
        &[
            "there is no table diving_centers",
            "(shops)",
            "GRANT SELECT",
        ],
    )
    .await;
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_view_is_answered_with_the_table_under_it() {
    let db = divemap(Kind::WithLocation, 10).await;
    db.execute(
        "RENAME TABLE diving_centers TO places; \
         CREATE VIEW diving_centers AS SELECT * FROM places",
    )
    .await;
    assert_refused(
        &db,
        &[
            "diving_centers is a view",
            "adopt the table under it (places)",
        ],
    )
    .await;
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn columns_of_no_use_are_answered_with_what_they_should_be() {
    for (change, texts) in [
        (
            "ALTER TABLE diving_centers RENAME COLUMN latitude TO lat",
            &[
                "has no column latitude",
                "with the columns that it has: id, name",
            ][..],
        ),
        (
            "ALTER TABLE diving_centers DROP FOREIGN KEY diving_centers_ibfk_1; \
             ALTER TABLE diving_centers PARTITION BY HASH (id) PARTITIONS 2",
            &["is partitioned", "REMOVE PARTITIONING"],
        ),
        (
            "ALTER TABLE diving_centers MODIFY latitude VARCHAR(20)",
            &["latitude is varchar(20)", "MODIFY `latitude` DECIMAL(11,8)"],
        ),
        (
            "ALTER TABLE diving_centers MODIFY id INT NOT NULL, DROP PRIMARY KEY",
            &["id is no key", "ADD PRIMARY KEY (`id`)"],
        ),
        (
            "ALTER TABLE diving_centers MODIFY id VARCHAR(36) NOT NULL",
            &["id is varchar(36)", "a unique column of whole numbers"],
        ),
        (
            "ALTER TABLE diving_centers DROP FOREIGN KEY diving_centers_ibfk_1; \
             ALTER TABLE diving_centers ENGINE=MyISAM",
            &["is kept by MyISAM", "ENGINE=InnoDB"],
        ),
        (
            "ALTER TABLE diving_centers ADD COLUMN location VARCHAR(50)",
            &["location is varchar(50), not POINT", "name another column"],
        ),
        (
            "ALTER TABLE diving_centers ADD COLUMN location POINT NULL SRID 3857",
            &[
                "SRID 3857",
                "another reference system",
                "name another column",
            ],
        ),
        (
            "ALTER TABLE diving_centers ADD COLUMN location POINT NULL; \
             UPDATE diving_centers SET location = POINT(longitude, latitude)",
            &[
                "has no SRID",
                "rows hold points of another than 4326",
                "ST_SRID(`location`, 4326)",
            ],
        ),
        (
            "ALTER TABLE diving_centers ADD COLUMN location GEOMETRY NULL SRID 4326; \
             UPDATE diving_centers SET location = ST_SRID(LINESTRING(POINT(0, 0), POINT(1, 1)), 4326)",
            &["hold other shapes than points", "name another column"],
        ),
        (
            "ALTER TABLE diving_centers ADD COLUMN location POINT GENERATED ALWAYS AS \
             (ST_SRID(POINT(COALESCE(longitude, 1), COALESCE(latitude, 1)), 4326)) STORED NOT NULL SRID 4326",
            &[
                "is generated otherwise than from the coordinates",
                "STORED NOT NULL SRID 4326",
            ],
        ),
        (
            "ALTER TABLE diving_centers ADD COLUMN location POINT GENERATED ALWAYS AS \
             (ST_SRID(POINT(0, 0), 4326)) VIRTUAL SRID 4326",
            &["no spatial index serves", "STORED NOT NULL SRID 4326"],
        ),
    ] {
        let db = divemap(Kind::Ignorant, 20).await;
        db.execute(change).await;
        assert_refused(&db, texts).await;
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn advice_about_keys_and_coordinates_helps_as_it_stands() {
    for (change, first, mended) in [
        (
            "ALTER TABLE diving_centers DROP FOREIGN KEY diving_centers_ibfk_1; \
             ALTER TABLE diving_centers MODIFY id INT NULL, DROP PRIMARY KEY, ADD UNIQUE (id); \
             UPDATE diving_centers SET id = NULL WHERE id > 18",
            "give the rows WHERE `id` IS NULL an id of their own",
            "SET @last = 18; UPDATE diving_centers SET id = (@last := @last + 1) WHERE id IS NULL",
        ),
        (
            "ALTER TABLE diving_centers DROP FOREIGN KEY diving_centers_ibfk_1; \
             ALTER TABLE diving_centers MODIFY id INT NULL, DROP PRIMARY KEY, \
             ADD COLUMN uuid INT PRIMARY KEY AUTO_INCREMENT",
            "ALTER TABLE",
            "DO 0",
        ),
        (
            "UPDATE diving_centers SET latitude = 1 WHERE latitude IS NULL; \
             ALTER TABLE diving_centers MODIFY latitude VARCHAR(20) NOT NULL DEFAULT ''; \
             UPDATE diving_centers SET latitude = ELT(id, '', '37,9', 'north') WHERE id < 4",
            "SELECT `id`, `latitude` FROM `diving_centers` WHERE `latitude` NOT REGEXP \
             '^[-+]?[0-9]+([.][0-9]*)?$'",
            "UPDATE diving_centers SET latitude = '37.9' WHERE `latitude` NOT REGEXP \
             '^[-+]?[0-9]+([.][0-9]*)?$'; \
             ALTER TABLE diving_centers ALTER latitude DROP DEFAULT",
        ),
    ] {
        let db = divemap(Kind::Ignorant, 20).await;
        db.execute(change).await;
        let refused = nearby(&db, &["adopt"]).await;
        assert_told(&refused, &[first]);
        db.execute(mended).await;
        let told = stdout(&refused);
        let from = told.find("ALTER TABLE").expect("a statement is told");
        let (statement, _) = told[from..].split_once(", or name").expect("it ends there");
        db.execute(&statement.split_whitespace().collect::<Vec<_>>().join(" "))
            .await;
        nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
    }
}

#[tokio::test]
async fn an_embedded_database_is_not_adopted() {
    let db = TestDatabase::sqlite().await;
    for args in [&["adopt"][..], &["adopt", "--apply"], &["adopt", "--sql"]] {
        nearby_on(db.url(), args).assert(2, &["adopting is for MySQL", "`nearby import`"]);
    }
    nearby_on(db.url(), &["adopt", "--collection", "shops"]).assert(
        2,
        &["there is no collection `shops`; there are `centers`, `dive-sites`"],
    );
    run(&["adopt", "--sql", "--apply", "--database-url", db.url()]).assert(2, &["cannot be used"]);
}
