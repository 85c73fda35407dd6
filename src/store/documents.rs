//! Queries on the read models: one document, or a page of them with its total.

use std::collections::HashMap;

use super::{
    Error, Store,
    dialect::Engine,
    rows::columns,
    value::{Row, Value},
};

/// A stored document.
#[derive(Clone, Debug)]
pub struct Document {
    /// The aggregate's id.
    pub id: String,
    /// The organization that it belongs to.
    pub organization: String,
    /// Version of the stream that it was folded from.
    pub version: i64,
    /// The API's representation, as JSON text.
    pub json: String,
    names: &'static str,
    columns: Vec<Value>,
}

impl Document {
    fn from_row(table: &'static str, row: Vec<Value>) -> Result<Self, Error> {
        let mut values = row.into_iter();
        let mut next = || values.next().unwrap_or(Value::Null);
        let (id, organization, version, json) = (next(), next(), next(), next());
        let damaged = || Error::Corrupt(format!("a row of {table}"));
        Ok(Self {
            id: id.into_text().ok_or_else(damaged)?,
            organization: organization.into_text().ok_or_else(damaged)?,
            version: version.int(),
            json: json.into_text().ok_or_else(damaged)?,
            names: table,
            columns: values.collect(),
        })
    }

    /// One of the read model's own columns; NULL where there is none of that name.
    pub fn column(&self, name: &str) -> &Value {
        let own =
            projections::tables().iter().find(|info| info.table == self.names).map_or(&[][..], |info| info.columns);
        own.iter().position(|column| column.name == name).and_then(|i| self.columns.get(i)).unwrap_or(&Value::Null)
    }
}

/// A condition on the rows of a list.
#[derive(Clone, Debug)]
pub enum Filter {
    /// The column equals the value.
    Equals(&'static str, Value),
    /// The same, in a way that keeps the planner from using an index on the column, for when a smaller one serves.
    EqualsUnindexed(&'static str, Value),
    /// The column equals the text, which is spelled out: only so does the planner see that a partial index applies.
    Literal(&'static str, &'static str),
    /// The column equals one of the texts.
    OneOf(&'static str, Vec<String>),
    /// The column contains the text; both are lower case.
    Contains(&'static str, String),
    /// The number is this or larger.
    AtLeast(&'static str, i64),
    /// The number is smaller.
    Below(&'static str, i64),
    /// One of the alternatives holds, each a conjunction.
    AnyOf(Vec<Vec<Filter>>),
}

/// The column that a list is sorted by; ties break by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// By id, which is the order of creation.
    Id,
    /// By a column of the read model.
    Column(&'static str),
}

/// A place in a list, behind which a page begins.
#[derive(Clone, Debug)]
pub struct Cursor {
    id: String,
    /// What the row holds in the column that the list is sorted by.
    value: Value,
}

impl Cursor {
    /// The place of an id, for [`Sort::Id`]; there need be no such row.
    pub fn at_id(id: impl Into<String>) -> Self {
        Self { id: id.into(), value: Value::Null }
    }

    /// The place of a row.
    pub fn at(document: &Document, sort: Sort) -> Self {
        let value = match sort {
            Sort::Id => Value::Null,
            Sort::Column(column) => document.column(column).clone(),
        };
        Self { id: document.id.clone(), value }
    }
}

/// Which page of which list.
#[derive(Clone, Debug)]
pub struct PageQuery {
    /// The read model's table.
    pub table: &'static str,
    /// All of these hold.
    pub filters: Vec<Filter>,
    /// The order.
    pub sort: Sort,
    /// Largest first.
    pub descending: bool,
    /// At most this many rows.
    pub limit: i64,
    /// Rows to leave out first.
    pub offset: i64,
    /// Only what follows this place.
    pub after: Option<Cursor>,
    /// The counter that knows the total; without one, the matching rows are counted.
    pub counter: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Page {
    /// The rows.
    pub documents: Vec<Document>,
    /// How many rows match in all, whatever the page.
    pub total: i64,
    /// Whether rows follow.
    pub has_more: bool,
}

struct Conditions {
    engine: Engine,
    parameters: Vec<Value>,
}

impl Conditions {
    fn new(engine: Engine) -> Self {
        Self { engine, parameters: Vec::new() }
    }

    fn parameter(&mut self, value: impl Into<Value>) -> String {
        self.parameters.push(value.into());
        format!("${}", self.parameters.len())
    }

    fn all(&mut self, filters: &[Filter]) -> String {
        let conditions: Vec<_> = filters.iter().map(|filter| self.one(filter)).collect();
        if conditions.is_empty() { "1 = 1".to_owned() } else { conditions.join(" AND ") }
    }

    fn one(&mut self, filter: &Filter) -> String {
        match filter {
            Filter::Equals(column, value) => format!("{column} = {}", self.parameter(value.clone())),
            Filter::EqualsUnindexed(column, value) => format!("{column} || '' = {}", self.parameter(value.clone())),
            Filter::Literal(column, text) => format!("{column} = '{text}'"),
            Filter::OneOf(column, texts) => {
                self.parameter(texts.clone());
                self.engine.any(column, self.parameters.len())
            }
            Filter::AtLeast(column, n) => format!("{column} >= {}", self.parameter(*n)),
            Filter::Below(column, n) => format!("{column} < {}", self.parameter(*n)),
            Filter::Contains(column, text) => {
                let mut pattern = String::from("%");
                for letter in text.chars() {
                    if matches!(letter, '%' | '_' | '\\') {
                        pattern.push('\\');
                    }
                    pattern.push(letter);
                }
                pattern.push('%');
                format!("{column} LIKE {} ESCAPE '\\'", self.parameter(pattern))
            }
            Filter::AnyOf(alternatives) if alternatives.is_empty() => "1 = 0".to_owned(),
            Filter::AnyOf(alternatives) => {
                let each: Vec<_> = alternatives.iter().map(|filters| format!("({})", self.all(filters))).collect();
                format!("({})", each.join(" OR "))
            }
        }
    }
}

impl Store {
    /// The document of an aggregate, if the organization has it.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn document(&self, table: &'static str, organization: &str, id: &str) -> Result<Option<Document>, Error> {
        let document = self.document_of_any(table, id).await?;
        Ok(document.filter(|document| document.organization == organization))
    }

    /// The document of an aggregate, whoever it belongs to: for callers that hold another credential than a key.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn document_of_any(&self, table: &'static str, id: &str) -> Result<Option<Document>, Error> {
        let sql = format!("SELECT {} FROM {table} WHERE id = $1", names(table, ""));
        let rows = self.query(sql, vec![id.into()]).await?;
        rows.into_iter().next().map(|row| Document::from_row(table, row)).transpose()
    }

    /// Documents by their ids, whoever they belong to; unknown ones are left out.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn documents_by_id(&self, table: &'static str, ids: Vec<String>) -> Result<Vec<Document>, Error> {
        let any = self.engine().any("id", 1);
        let sql = format!("SELECT {} FROM {table} WHERE {any}", names(table, ""));
        let rows = self.query(sql, vec![ids.into()]).await?;
        rows.into_iter().map(|row| Document::from_row(table, row)).collect()
    }

    /// A page of a list. Page and total come from one statement, and so from one state of the database.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn page_of(&self, query: &PageQuery) -> Result<Page, Error> {
        let table = query.table;
        let mut conditions = Conditions::new(self.engine());
        let total = match &query.counter {
            Some(scope) => {
                let scope = conditions.parameter(scope.as_str());
                format!("SELECT COALESCE((SELECT n FROM counters WHERE scope = {scope}), 0) AS n")
            }
            None => format!("SELECT COUNT(*) AS n FROM {table} WHERE {}", conditions.all(&query.filters)),
        };
        let mut matching = conditions.all(&query.filters);
        let comparison = if query.descending { "<" } else { ">" };
        if let Some(after) = &query.after {
            matching += &match query.sort {
                Sort::Id => format!(" AND id {comparison} {}", conditions.parameter(after.id.as_str())),
                Sort::Column(column) => {
                    let (value, id) =
                        (conditions.parameter(after.value.clone()), conditions.parameter(after.id.as_str()));
                    format!(" AND ({column}, id) {comparison} ({value}, {id})")
                }
            };
        }
        let direction = if query.descending { "DESC" } else { "ASC" };
        let order = |prefix: &str| match query.sort {
            Sort::Id => format!("{prefix}id {direction}"),
            Sort::Column(column) => format!("{prefix}{column} {direction}, {prefix}id {direction}"),
        };
        let limit = conditions.parameter(query.limit + 1);
        let offset = conditions.parameter(query.offset);
        let sql = format!(
            "SELECT t.n, {} FROM ({total}) t LEFT JOIN (SELECT {} FROM {table} WHERE {matching} ORDER BY {} \
             LIMIT {limit} OFFSET {offset}) p ON 1 = 1 ORDER BY {}",
            names(table, "p."),
            names(table, ""),
            order(""),
            order("p."),
        );
        let rows = self.query_list(sql, conditions.parameters).await?;
        let total = rows.first().and_then(|row: &Row| row.first()).map_or(0, Value::int);
        let mut documents = rows
            .into_iter()
            .filter(|row| row.get(1).is_some_and(|id| *id != Value::Null))
            .map(|mut row| Document::from_row(table, row.split_off(1)))
            .collect::<Result<Vec<_>, _>>()?;
        let limit = usize::try_from(query.limit).unwrap_or(0);
        let has_more = documents.len() > limit;
        documents.truncate(limit);
        Ok(Page { documents, total, has_more })
    }

    /// How many rows match.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn count(&self, table: &'static str, filters: &[Filter]) -> Result<i64, Error> {
        let mut conditions = Conditions::new(self.engine());
        let sql = format!("SELECT COUNT(*) FROM {table} WHERE {}", conditions.all(filters));
        let rows = self.query_list(sql, conditions.parameters).await?;
        Ok(rows.first().map_or(0, |row| row[0].int()))
    }

    /// The values of counters; one that was never written is left out and means 0.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn counters(&self, scopes: Vec<String>) -> Result<HashMap<String, i64>, Error> {
        let sql = format!("SELECT scope, n FROM counters WHERE {}", self.engine().any("scope", 1));
        let rows = self.query(sql, vec![scopes.into()]).await?;
        Ok(rows.into_iter().map(|row| (row[0].text().to_owned(), row[1].int())).collect())
    }
}

fn names(table: &str, prefix: &str) -> String {
    columns(table).iter().map(|(name, _)| format!("{prefix}{name}")).collect::<Vec<_>>().join(", ")
}
