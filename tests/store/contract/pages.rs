//! Lists: every row once, in order, on every walk.

use interview_relay::store::{Cursor, Filter, PageQuery, Sort, Value};

use super::submissions::{committed, event, project_row};
use crate::support::engines::{Engine, on_both_engines};

const ROWS: i64 = 37;
const NAMES: [&str; 7] = ["Zebra", "apple", "Äpfel", "100% sure", "under_score", "back\\\\slash", ""];

/// Rows in which names and times occur several times, and some of another organization.
async fn fill(engine: &Engine) {
    let mut submission = interview_relay::store::Submission { organization: "org_1".to_owned(), ..Default::default() };
    for i in 0..ROWS + 5 {
        let organization = if i < ROWS { "org_1" } else { "org_2" };
        let id = format!("prj_{i:04}");
        submission.events.push(event(&id, 1));
        submission.rows.push(project_row(organization, &id, 1, NAMES[i as usize % NAMES.len()], i % 5));
    }
    submission.counters.push(("projects/org_1".to_owned(), ROWS));
    assert!(committed(&engine.store.commit(submission).await));
}

fn list(sort: Sort, descending: bool, limit: i64) -> PageQuery {
    PageQuery {
        table: "projects",
        filters: vec![Filter::Equals("org_id", "org_1".into())],
        sort,
        descending,
        limit,
        offset: 0,
        after: None,
        counter: None,
    }
}

/// What the rows are to come in the order of.
fn expected(sort: Sort, descending: bool) -> Vec<String> {
    let mut rows: Vec<_> = (0..ROWS)
        .map(|i| {
            let (name, at) = match sort {
                Sort::Id => ("", 0),
                Sort::Column("name") => (NAMES[i as usize % NAMES.len()], 0),
                Sort::Column(_) => ("", i % 5),
            };
            (name, at, format!("prj_{i:04}"))
        })
        .collect();
    rows.sort();
    if descending {
        rows.reverse();
    }
    rows.into_iter().map(|(_, _, id)| id).collect()
}

on_both_engines! {
    async fn every_walk_visits_each_row_once_in_order(engine: Engine) {
        fill(&engine).await;
        let sorts = [Sort::Id, Sort::Column("name"), Sort::Column("created_at"), Sort::Column("updated_at")];
        for sort in sorts {
            for descending in [false, true] {
                let expected = expected(sort, descending);
                for limit in [1, 2, 5, 7, 36, 37, 38, 100] {
                    for by_cursor in [false, true] {
                        let mut query = list(sort, descending, limit);
                        // The counter and the count give the same total.
                        query.counter = by_cursor.then(|| "projects/org_1".to_owned());
                        let mut seen: Vec<String> = Vec::new();
                        loop {
                            let page = engine.store.page_of(&query).await.expect("a page");
                            assert_eq!(page.total, ROWS);
                            assert!(page.documents.len() as i64 <= limit);
                            seen.extend(page.documents.iter().map(|document| document.id.clone()));
                            assert_eq!(page.has_more, seen.len() < ROWS as usize);
                            if !page.has_more {
                                break;
                            }
                            if by_cursor {
                                query.after = page.documents.last().map(|last| Cursor::at(last, sort));
                            } else {
                                query.offset += limit;
                            }
                        }
                        assert_eq!(seen, expected, "{sort:?} descending={descending} limit={limit} cursor={by_cursor}");
                    }
                }
            }
        }
    }

    async fn a_page_past_the_end_is_empty_and_knows_the_total(engine: Engine) {
        fill(&engine).await;
        let mut query = list(Sort::Id, false, 10);
        query.offset = ROWS;
        let page = engine.store.page_of(&query).await.expect("a page");
        assert_eq!((page.documents.len(), page.total, page.has_more), (0, ROWS, false));
    }

    async fn filters_mean_the_same_on_both_engines(engine: Engine) {
        fill(&engine).await;
        let count = async |filters: Vec<Filter>| {
            let mut query = list(Sort::Id, false, 100);
            query.filters.extend(filters.clone());
            let page = engine.store.page_of(&query).await.expect("a page");
            assert_eq!(page.total, page.documents.len() as i64);
            assert_eq!(engine.store.count("projects", &query.filters).await.expect("a count"), page.total);
            page.total
        };
        let named = |name: &str| (0..ROWS as usize).filter(|i| NAMES[i % NAMES.len()] == name).count() as i64;
        let at = |times: std::ops::Range<i64>| (0..ROWS).filter(|i| times.contains(&(i % 5))).count() as i64;
        let contains = |text: &str| vec![Filter::Contains("name_search", text.to_owned())];
        assert_eq!(count(contains("")).await, ROWS);
        assert_eq!(count(contains("ebr")).await, named("Zebra"));
        assert_eq!(count(contains("äpf")).await, named("Äpfel"));
        assert_eq!(count(contains("%")).await, named("100% sure"));
        assert_eq!(count(contains("_")).await, named("under_score"));
        assert_eq!(count(contains("\\")).await, named("back\\\\slash"));
        assert_eq!(count(contains("'; DROP TABLE projects; --")).await, 0);
        assert_eq!(count(vec![Filter::Equals("name", Value::from("apple"))]).await, named("apple"));
        assert_eq!(count(vec![Filter::AtLeast("updated_at", 2)]).await, at(2..5));
        assert_eq!(count(vec![Filter::Below("updated_at", 2)]).await, at(0..2));
        let either = vec![vec![Filter::Below("updated_at", 1)], vec![Filter::AtLeast("updated_at", 4)]];
        assert_eq!(count(vec![Filter::AnyOf(either)]).await, at(0..1) + at(4..5));
        assert_eq!(count(vec![Filter::AnyOf(Vec::new())]).await, 0);
    }
}
