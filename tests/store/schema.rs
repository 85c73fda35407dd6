//! The migrations: the tables that the code expects, and nodes that start at once.

use interview_relay::store::{Location, Store};
use projections::ColumnKind;
use serde_json::json;

use crate::support::{engines::on_both_engines, postgres::TestDatabase, product::Product};

on_both_engines! {
    async fn read_model_tables_have_the_columns_that_the_models_name(engine: Engine) {
        for info in projections::tables() {
            let table = info.table;
            let sql = if engine.sqlite_file().is_some() {
                format!("SELECT name, type FROM pragma_table_info('{table}')")
            } else {
                format!(
                    "SELECT column_name::text, data_type::text FROM information_schema.columns \
                     WHERE table_name = '{table}'"
                )
            };
            let kind = |text: &str| match text {
                "TEXT" | "text" => "text",
                "INTEGER" | "bigint" => "int",
                other => panic!("{table}: a column of type {other}"),
            };
            let mut found: Vec<_> =
                engine.sql(&sql).await.iter().map(|row| (row[0].text().to_owned(), kind(row[1].text()))).collect();
            let own = info.columns.iter().map(|column| {
                (column.name.to_owned(), if column.kind == ColumnKind::Text { "text" } else { "int" })
            });
            let common = [("id", "text"), ("org_id", "text"), ("version", "int"), ("doc", "text")];
            let mut expected: Vec<_> = common.into_iter().map(|(name, kind)| (name.to_owned(), kind)).chain(own).collect();
            found.sort();
            expected.sort();
            assert_eq!(found, expected, "{table}");
        }
    }

    /// What was written before organizations had a logo, a domain, a colour and settings becomes what would be written today.
    async fn older_documents_of_organizations_are_completed(engine: Engine) {
        let product = Product::start(engine).await;
        // A name that tries to look like the places where something is put in.
        let name = r#"A","plan":"x","createdAt":"y"#;
        product.patch("/v1/organization", json!({"name": name})).await.expect(200);
        let now = product.engine.sql("SELECT doc FROM organizations").await;
        let added = [r#","logo":null,"domain":null,"brandColor":null"#, r#","settings":{}"#];
        let old = "replace(replace(doc, ',\"logo\":null,\"domain\":null,\"brandColor\":null', ''), ',\"settings\":{}', '')";
        product.engine.sql(&format!("UPDATE organizations SET doc = {old}")).await;
        let before = product.engine.sql("SELECT doc FROM organizations").await;
        assert!(added.iter().all(|part| now[0][0].text().contains(part) && !before[0][0].text().contains(part)));
        let migration = include_str!("../../migrations/sqlite/0010_organization.sql");
        assert!(include_str!("../../migrations/postgres/0010_organization.sql").ends_with(update(migration)));
        product.engine.sql(update(migration)).await;
        assert_eq!(product.engine.sql("SELECT doc FROM organizations").await, now);
        product.stop().await;
    }

    async fn a_current_schema_is_ready_and_not_migrated_again(engine: Engine) {
        engine.store.ready().await.expect("ready");
        assert_eq!(Store::migrate(engine.location()).await.expect("migrate"), 0);
    }

    async fn a_database_of_a_newer_version_or_a_changed_migration_is_refused(engine: Engine) {
        engine.sql("INSERT INTO schema_migrations (version, name, checksum) VALUES (99, '0099_future', 'x')").await;
        let error = Store::migrate(engine.location()).await.expect_err("newer");
        assert!(error.to_string().contains("0099_future"), "{error}");
        assert!(engine.store.ready().await.is_err());
        engine.sql("DELETE FROM schema_migrations WHERE version = 99").await;
        engine.sql("UPDATE schema_migrations SET checksum = 'x' WHERE version = 1").await;
        let error = Store::migrate(engine.location()).await.expect_err("changed");
        assert!(error.to_string().contains("differs"), "{error}");
    }
}

/// The part of the migration that changes rows.
fn update(migration: &str) -> &str {
    &migration[migration.find("UPDATE").expect("it changes rows")..]
}

async fn eight_at_once(location: Location) {
    let nodes = (0..8).map(|_| tokio::spawn(Store::migrate(location.clone())));
    let mut applied = Vec::new();
    for node in futures_util::future::join_all(nodes).await {
        applied.push(node.expect("a node").expect("migrate"));
    }
    applied.sort_unstable();
    assert_eq!(applied[..7], [0; 7]);
    assert!(applied[7] > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_at_once_migrate_once_sqlite() {
    let folder = tempfile::tempdir().expect("make a folder");
    eight_at_once(Location::Sqlite(folder.path().join("relay.db"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_at_once_migrate_once_postgres() {
    let database = TestDatabase::create_empty("migrate").await;
    eight_at_once(Location::Postgres(database.url.clone())).await;
}
