//! Query strings. Every bad value is named, all at once, as 400 (contract 2); unknown names are ignored.

use std::str::FromStr;

use aggregates::{FieldError, value::parse_instant};
use axum::{
    extract::{FromRequestParts, Query as Pairs},
    http::request::Parts,
};
use chrono::{DateTime, Utc};
use utoipa::IntoParams;

use super::ApiError;
use crate::store::Sort;

/// A query string that is read name by name. End with [`Query::finish`], which reports what was wrong.
#[derive(Clone, Debug)]
#[must_use = "finish() reports the errors"]
pub struct Query {
    pairs: Vec<(String, String)>,
    errors: Vec<FieldError>,
}

/// Which page of a list is asked for, and in what order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuery<I> {
    /// Results per page, 1 to 100.
    pub limit: u32,
    /// How many results to skip.
    pub offset: u64,
    /// The id after which to go on, instead of an offset.
    pub after: Option<I>,
    /// What to sort by.
    pub sort: Sort,
    /// Whether the largest comes first.
    pub descending: bool,
    /// Only what changed at or after this time.
    pub updated_since: Option<DateTime<Utc>>,
    /// Only what was created at or after this time.
    pub from: Option<DateTime<Utc>>,
    /// Only what was created before this time.
    pub to: Option<DateTime<Utc>>,
}

/// Documents what [`Query::list`] reads.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct ListParams {
    /// Results per page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: Option<i64>,
    /// How many results to skip.
    #[param(minimum = 0, default = 0)]
    pub offset: Option<i64>,
    /// The id of the last result of the page before; stays fast at any depth. Not together with `offset`.
    pub after: Option<String>,
    /// `asc` or `desc`.
    #[param(default = "desc")]
    pub order: Option<String>,
    /// Only what changed at or after this time.
    pub updated_since: Option<DateTime<Utc>>,
    /// Only what was created at or after this time.
    pub from: Option<DateTime<Utc>>,
    /// Only what was created before this time.
    pub to: Option<DateTime<Utc>>,
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Pairs(pairs) = Pairs::try_from_uri(&parts.uri).map_err(|error| {
            ApiError::invalid_request(format!("The query string is malformed: {error}."), Vec::new())
        })?;
        Ok(Self { pairs, errors: Vec::new() })
    }
}

impl Query {
    fn refuse(&mut self, name: &str, code: &str, message: impl Into<String>) {
        self.errors.push(FieldError::new(name, code, message));
    }

    fn value(&mut self, name: &str) -> Option<String> {
        let mut values = self.pairs.iter().filter(|(given, _)| given == name).map(|(_, value)| value);
        let value = values.next()?.clone();
        if values.next().is_some() {
            self.refuse(name, "duplicate", "May be given once.");
        }
        Some(value)
    }

    /// Anything that `parse` understands; `message` says what that is.
    pub fn parsed<T>(&mut self, name: &str, message: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let value = self.value(name)?;
        let parsed = parse(&value);
        if parsed.is_none() {
            self.refuse(name, "invalid_value", message);
        }
        parsed
    }

    /// Free text; empty counts as absent.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let value = self.value(name).filter(|value| !value.is_empty())?;
        if value.len() > 1_000 || value.contains('\0') {
            self.refuse(name, "invalid_value", "Must be at most 1,000 bytes of text.");
            return None;
        }
        Some(value)
    }

    /// One of `allowed`.
    pub fn one_of(&mut self, name: &str, allowed: &[&'static str]) -> Option<&'static str> {
        let message = format!("Must be one of: {}.", allowed.join(", "));
        self.parsed(name, &message, |value| allowed.iter().find(|allowed| **allowed == value).copied())
    }

    /// A whole number within `range`.
    pub fn whole(&mut self, name: &str, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let message = match *range.end() {
            i64::MAX => format!("Must be a whole number of at least {}.", range.start()),
            end => format!("Must be a whole number from {} to {end}.", range.start()),
        };
        self.parsed(name, &message, |value| value.parse().ok().filter(|number| range.contains(number)))
    }

    /// `true` or `false`.
    pub fn flag(&mut self, name: &str) -> Option<bool> {
        self.parsed(name, "Must be true or false.", |value| value.parse().ok())
    }

    /// A time, in any form that bodies may have.
    pub fn time(&mut self, name: &str) -> Option<DateTime<Utc>> {
        let message = "Must be a time such as 2024-01-15T10:30:00Z.";
        // A `+` of an offset that was not escaped arrives as a space.
        self.parsed(name, message, |value| parse_instant(value).or_else(|| parse_instant(&value.replace(' ', "+"))))
    }

    /// An id.
    pub fn id<I: FromStr>(&mut self, name: &str) -> Option<I> {
        self.parsed(name, "Must be an id of the right kind.", |value| value.parse().ok())
    }

    /// An id that must be given.
    pub fn needed_id<I: FromStr>(&mut self, name: &str) -> Option<I> {
        if self.pairs.iter().all(|(given, _)| given != name) {
            self.refuse(name, "required", "Is required.");
        }
        self.id(name)
    }

    /// What every list takes. It is sorted by `createdAt`, or by one of the `fields`, which are named with their columns.
    pub fn list<I: FromStr>(&mut self, fields: &[(&'static str, &'static str)]) -> ListQuery<I> {
        let names: Vec<_> = ["createdAt"].into_iter().chain(fields.iter().map(|(name, _)| *name)).collect();
        let offset = self.whole("offset", 0..=i64::MAX);
        let after = self.id("after");
        if after.is_some() && offset.is_some_and(|offset| offset > 0) {
            self.refuse("after", "invalid_value", "Excludes offset.");
        }
        ListQuery {
            limit: self.whole("limit", 1..=100).and_then(|limit| u32::try_from(limit).ok()).unwrap_or(20),
            offset: offset.and_then(|offset| u64::try_from(offset).ok()).unwrap_or(0),
            after,
            sort: self.one_of("sort", &names).map_or(Sort::Id, |chosen| {
                let field = fields.iter().find(|(name, _)| *name == chosen);
                field.map_or(Sort::Id, |(_, column)| Sort::Column(column))
            }),
            descending: self.one_of("order", &["asc", "desc"]) != Some("asc"),
            updated_since: self.time("updatedSince"),
            from: self.time("from"),
            to: self.time("to"),
        }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// 400 with every bad value.
    pub fn finish(self) -> Result<(), ApiError> {
        if self.errors.is_empty() {
            return Ok(());
        }
        Err(ApiError::invalid_request("One or more query parameters are invalid.", self.errors))
    }
}

#[cfg(test)]
mod tests {
    use aggregates::id::CampaignId;
    use axum::http::Request;

    use super::*;

    async fn query(text: &str) -> Query {
        let (mut parts, ()) = Request::get(format!("/?{text}")).body(()).expect("request").into_parts();
        Query::from_request_parts(&mut parts, &()).await.expect("query")
    }

    fn wrong(query: &Query) -> Vec<&str> {
        query.errors.iter().map(|error| error.field.as_str()).collect()
    }

    #[tokio::test]
    async fn a_list_has_defaults() {
        let mut query = query("unknown=1").await;
        let list: ListQuery<CampaignId> = query.list(&[("name", "name")]);
        assert_eq!((list.limit, list.offset, list.sort, list.descending), (20, 0, Sort::Id, true));
        assert!(query.finish().is_ok());
    }

    #[tokio::test]
    async fn values_are_read() {
        let text = "limit=100&offset=9223372036854775807&sort=name&order=asc&from=2024-01-15T10:30:00%2B02:00";
        let mut query = query(text).await;
        let list: ListQuery<CampaignId> = query.list(&[("name", "name")]);
        assert_eq!(
            (list.limit, list.offset, list.sort, list.descending),
            (100, i64::MAX as u64, Sort::Column("name"), false)
        );
        assert_eq!(list.from.map(|time| time.timestamp()), Some(1_705_307_400));
        assert!(query.finish().is_ok());
    }

    #[tokio::test]
    async fn every_bad_value_is_named() {
        let mut query = query("limit=101&offset=-1&sort=x&order=up&updatedSince=now&after=cam_1&limit=2&status=").await;
        let _: ListQuery<CampaignId> = query.list(&[]);
        query.one_of("status", &["active"]);
        let mut names = wrong(&query);
        names.sort_unstable();
        assert_eq!(names, ["after", "limit", "limit", "offset", "order", "sort", "status", "updatedSince"]);
        assert_eq!(query.finish().expect_err("refused").status(), 400);
    }

    #[tokio::test]
    async fn a_cursor_excludes_an_offset() {
        let id = CampaignId::default();
        let mut query = query(&format!("after={id}&offset=1")).await;
        let _: ListQuery<CampaignId> = query.list(&[]);
        assert_eq!(wrong(&query), ["after"]);
    }
}
